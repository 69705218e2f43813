//! What a client runs on: tasks, timers, and a place for work that blocks.

#[cfg(not(target_family = "wasm"))]
pub(crate) mod native;
mod tasks;

pub(crate) use tasks::{Stopper, Tasks};

use crate::bounds::{BoxFuture, MaybeSend, MaybeSync};
use sealwire_wire::Timestamp;
use std::future::Future;
use std::time::Duration;

/// Runs a client's tasks. Natively the SDK owns one; on the web the facade hands it in.
pub trait Runtime: MaybeSend + MaybeSync + 'static {
    /// Runs the task to its end, whoever waits for it.
    fn spawn(&self, task: BoxFuture<'static, ()>);

    /// Ends after so long.
    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()>;

    /// Runs work that blocks where it holds up nobody; on the web, at once.
    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>);
}

/// What the work answered, or `None` if the runtime ended before.
pub(crate) async fn blocking<T: Send + 'static>(
    runtime: &dyn Runtime,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    let (done, answer) = async_channel::bounded(1);
    runtime.run_blocking(Box::new(move || {
        // Nobody waiting any more is no fault.
        let _ = done.try_send(work());
    }));
    answer.recv().await.ok()
}

/// What the future answered within the time, or `None`: then it is dropped.
pub(crate) async fn within<T>(
    runtime: &dyn Runtime,
    time: Duration,
    future: impl Future<Output = T>,
) -> Option<T> {
    use futures_util::future::{Either, select};
    match select(std::pin::pin!(future), runtime.sleep(time)).await {
        Either::Left((answer, _)) => Some(answer),
        Either::Right(_) => None,
    }
}

/// This device's clock.
pub(crate) fn now() -> Timestamp {
    let since_epoch = web_time::SystemTime::now()
        .duration_since(web_time::UNIX_EPOCH)
        .unwrap_or_default();
    Timestamp(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
}
