//! How every call runs: on threads of this library's own, whatever the other language awaits it with.

use crate::CallError;
use sealwire::Error;
use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::OnceLock;
use tokio::runtime::{Builder, Runtime};
use tokio::task::{JoinError, JoinHandle};

/// Calls wait for the client's own threads; two carry them all.
const WORKERS: usize = 2;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

pub(crate) fn runtime() -> Result<&'static Runtime, Error> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    let runtime = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .thread_name("sealwire-calls")
        .build()
        .map_err(Error::System)?;
    // Of two that are first at once, one stays.
    if let Err(other) = RUNTIME.set(runtime) {
        other.shutdown_background();
    }
    RUNTIME.get().ok_or(Error::Internal("no runtime"))
}

/// Does the work. Who stops waiting for it does not stop it.
pub(crate) async fn run<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, CallError> {
    ended(runtime()?.spawn(work).await)
}

/// Waits or reads: who stops waiting ends it.
pub(crate) async fn wait<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, CallError> {
    let mut task = EndedWithCall(runtime()?.spawn(work));
    ended((&mut task.0).await)
}

/// What needs no waiting.
pub(crate) fn now<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, CallError> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(done) => Ok(done?),
        Err(panic) => Err(CallError::panicked(words_of(&*panic))),
    }
}

struct EndedWithCall<T>(JoinHandle<T>);

impl<T> Drop for EndedWithCall<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn ended<T>(done: Result<Result<T, Error>, JoinError>) -> Result<T, CallError> {
    match done {
        Ok(done) => Ok(done?),
        Err(error) => match error.try_into_panic() {
            Ok(panic) => Err(CallError::panicked(words_of(&*panic))),
            Err(_) => Err(Error::Closed.into()),
        },
    }
}

fn words_of(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "no words".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn a_panic_becomes_the_error_internal_and_the_next_call_works() {
        let caller = Builder::new_current_thread().build().unwrap();
        let panicked = caller.block_on(run::<()>(async { panic!("a fault of ours") }));
        let error = panicked.unwrap_err();
        assert_eq!(error.info().code, "internal");
        assert_eq!(
            error.info().fields.reason.as_deref(),
            Some("a fault of ours")
        );
        let panicked = now::<()>(|| panic!("{} of ours", "another"));
        assert_eq!(panicked.unwrap_err().info().code, "internal");
        assert_eq!(caller.block_on(run(async { Ok(7) })), Ok(7));
    }

    #[test]
    fn a_cancelled_call_stops_waiting_and_never_stops_the_work() {
        let (done, seen) = mpsc::channel();
        let (go, wait_for) = tokio::sync::oneshot::channel::<()>();
        let mut call = Box::pin(run(async move {
            let _ = wait_for.await;
            done.send("the work is done").unwrap();
            Ok(())
        }));
        polled_once(&mut call);
        drop(call);
        go.send(()).unwrap();
        assert_eq!(
            seen.recv_timeout(Duration::from_secs(5)),
            Ok("the work is done")
        );
    }

    #[test]
    fn a_wait_ends_with_its_call() {
        let (done, seen) = mpsc::channel::<()>();
        let mut call = Box::pin(wait(async move {
            let _kept = done;
            std::future::pending::<Result<(), Error>>().await
        }));
        polled_once(&mut call);
        drop(call);
        let end = seen.recv_timeout(Duration::from_secs(5));
        assert_eq!(end, Err(mpsc::RecvTimeoutError::Disconnected));
    }

    fn polled_once<T>(call: &mut (impl Future<Output = T> + Unpin)) {
        use futures_util::FutureExt as _;
        assert!(call.now_or_never().is_none());
    }
}
