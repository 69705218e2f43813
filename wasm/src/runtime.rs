//! Tasks and timers of the worker's own event loop.

use gloo_timers::future::TimeoutFuture;
use sealwire::BoxFuture;
use sealwire::runtime::Runtime;
use std::time::Duration;
use wasm_bindgen_futures::spawn_local;

/// The worker that everything runs in.
pub(crate) struct Worker;

impl Runtime for Worker {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        spawn_local(task);
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        Box::pin(sleep(time))
    }

    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        work();
    }
}

/// Dropped, it takes its timer back.
pub(crate) fn sleep(time: Duration) -> TimeoutFuture {
    // A browser's timers count to 2^31 - 1 milliseconds.
    let limit = i32::MAX.unsigned_abs();
    TimeoutFuture::new(u32::try_from(time.as_millis()).map_or(limit, |millis| millis.min(limit)))
}
