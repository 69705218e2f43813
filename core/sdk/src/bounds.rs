//! `Send` where there are threads: a browser's futures stay on the worker that made them.

use std::future::Future;
use std::pin::Pin;

pub use by_target::{BoxFuture, BoxSink, BoxStream, MaybeSend, MaybeSync};

#[cfg(not(target_family = "wasm"))]
mod by_target {
    use super::{Future, Pin};
    use futures_core::Stream;
    use futures_util::Sink;

    /// `Send`, except on the web.
    pub trait MaybeSend: Send {}
    impl<T: Send + ?Sized> MaybeSend for T {}

    /// `Sync`, except on the web.
    pub trait MaybeSync: Sync {}
    impl<T: Sync + ?Sized> MaybeSync for T {}

    /// A future that the SDK runs; `Send`, except on the web.
    pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
    /// A stream that the SDK reads; `Send`, except on the web.
    pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T> + Send>>;
    /// A sink that the SDK writes; `Send`, except on the web.
    pub type BoxSink<T, E> = Pin<Box<dyn Sink<T, Error = E> + Send>>;
}

#[cfg(target_family = "wasm")]
mod by_target {
    use super::{Future, Pin};
    use futures_core::Stream;
    use futures_util::Sink;

    /// `Send`, except on the web.
    pub trait MaybeSend {}
    impl<T: ?Sized> MaybeSend for T {}

    /// `Sync`, except on the web.
    pub trait MaybeSync {}
    impl<T: ?Sized> MaybeSync for T {}

    /// A future that the SDK runs; `Send`, except on the web.
    pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;
    /// A stream that the SDK reads; `Send`, except on the web.
    pub type BoxStream<T> = Pin<Box<dyn Stream<Item = T>>>;
    /// A sink that the SDK writes; `Send`, except on the web.
    pub type BoxSink<T, E> = Pin<Box<dyn Sink<T, Error = E>>>;
}
