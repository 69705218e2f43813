//! The runtime that every native client owns, so that it works under any executor and under none.

use super::Runtime;
use crate::Error;
use crate::bounds::BoxFuture;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::{Builder, Handle};

/// The network waits more than it works; what blocks has its own threads.
const WORKERS: usize = 2;
/// Reads of the store that are still running get this long when a client closes.
const SHUTDOWN_TIME: Duration = Duration::from_secs(5);

struct Tokio(Handle);

/// Starts the driver of a client on a thread of its own: commits to the store block it, and nobody else.
///
/// The runtime lives as long as the driver and ends with it, on that thread: it may be dropped by no async one.
pub(crate) fn start(
    drive: impl FnOnce(Arc<dyn Runtime>) -> BoxFuture<'static, ()> + Send + 'static,
) -> Result<(), Error> {
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("sealwire")
        .enable_all()
        .build()
        .map_err(Error::System)?;
    std::thread::Builder::new()
        .name("sealwire-engine".to_owned())
        .spawn(move || {
            let handle: Arc<dyn Runtime> = Arc::new(Tokio(runtime.handle().clone()));
            runtime.block_on(drive(handle));
            runtime.shutdown_timeout(SHUTDOWN_TIME);
        })
        .map_err(Error::System)?;
    Ok(())
}

impl Runtime for Tokio {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        drop(self.0.spawn(task));
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        // A timer belongs to the runtime that it is made in.
        let _inside = self.0.enter();
        Box::pin(tokio::time::sleep(time))
    }

    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        drop(self.0.spawn_blocking(work));
    }
}
