//! How every call runs: on threads of this library's own, whatever the other language awaits it with.

use crate::CallError;
use crate::faults::{caught, caught_later, watch as watch_for_faults};
use futures_util::future::{Either, select};
use sealwire::{BoxFuture, Error};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::oneshot::{self, Receiver, error::RecvError};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Calls wait for the client's own threads; two carry them all.
const WORKERS: usize = 2;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

pub(crate) fn runtime() -> Result<&'static Runtime, Error> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime);
    }
    // Also of the clients' own threads.
    watch_for_faults();
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
    let (answer, _) = begin(work)?;
    answer.await?
}

/// Waits or reads: who stops waiting ends it.
pub(crate) async fn wait<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, CallError> {
    let (answer, task) = begin(work)?;
    let _ended_with_call = EndedWithCall(task);
    answer.await?
}

/// What a call gives, once it is done.
type Answer<T> = Receiver<Result<T, CallError>>;

/// Begins it on the library's threads. As a task without a type of its own: what Tokio needs for a task is in the library once,
/// and not once for each call.
fn begin<T: Send + 'static>(
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<(Answer<T>, JoinHandle<()>), CallError> {
    let (done, answer) = oneshot::channel();
    let task: BoxFuture<'static, ()> = Box::pin(async move {
        let result = match caught_later(work).await {
            Ok(result) => result.map_err(CallError::from),
            Err(fault) => Err(fault.into()),
        };
        // Nobody may wait any more.
        let _ = done.send(result);
    });
    Ok((answer, runtime()?.spawn(task)))
}

/// The same, and whoever has the handle ends it too: with the code `closed`, which nobody waits for any more.
pub(crate) async fn wait_or_cancel<T: Send + 'static>(
    cancel: Option<Arc<CancelHandle>>,
    work: impl Future<Output = Result<T, Error>> + Send + 'static,
) -> Result<T, CallError> {
    let Some(cancel) = cancel else {
        return wait(work).await;
    };
    match select(pin!(cancel.cancelled()), pin!(wait(work))).await {
        Either::Left(_) => Err(Error::Closed.into()),
        Either::Right((done, _)) => done,
    }
}

/// What needs no waiting.
pub(crate) fn now<T>(work: impl FnOnce() -> Result<T, Error>) -> Result<T, CallError> {
    Ok(caught(work)??)
}

/// Ends what waits, from elsewhere: for languages in which a task that is cancelled does not let go of the call that it awaits.
#[derive(uniffi::Object)]
pub struct CancelHandle(watch::Sender<bool>);

#[uniffi::export]
impl CancelHandle {
    /// One for one call.
    #[uniffi::constructor]
    pub fn new() -> Arc<Self> {
        Arc::new(Self(watch::Sender::new(false)))
    }

    /// Nobody waits for the call any more.
    pub fn cancel(&self) {
        self.0.send_replace(true);
    }
}

impl CancelHandle {
    async fn cancelled(&self) {
        // This one holds the sender: it ends in no other way.
        let _ = self.0.subscribe().wait_for(|cancelled| *cancelled).await;
    }
}

struct EndedWithCall(JoinHandle<()>);

impl Drop for EndedWithCall {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl From<RecvError> for CallError {
    /// A task ends without an answer only where the runtime ends.
    fn from(_: RecvError) -> Self {
        Error::Closed.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;
    use std::time::Duration;

    #[test]
    fn a_panic_becomes_the_error_internal_and_the_next_call_works() {
        let caller = Builder::new_current_thread().build().unwrap();
        let panicked = caller.block_on(run::<()>(async { panic!("what alice wrote") }));
        let also = now::<()>(|| panic!("{} wrote", "what alice"));
        for panicked in [panicked, also] {
            let error = panicked.unwrap_err();
            assert_eq!(error.info().code, "internal");
            let place = error.info().fields.reason.as_deref().unwrap();
            assert!(place.starts_with("ffi/src/running.rs:"), "{place}");
            assert!(!format!("{error} {error:?}").contains("alice"), "{error:?}");
        }
        assert_eq!(caller.block_on(run(async { Ok(7) })), Ok(7));
    }

    #[test]
    fn a_cancelled_call_stops_waiting_and_never_stops_the_work() {
        let (done, seen) = mpsc::channel();
        let (go, wait_for) = oneshot::channel::<()>();
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

    #[test]
    fn a_wait_ends_with_its_cancel_handle() {
        let (done, seen) = mpsc::channel::<()>();
        let cancel = CancelHandle::new();
        let mut call = Box::pin(wait_or_cancel(Some(Arc::clone(&cancel)), async move {
            let _kept = done;
            std::future::pending::<Result<(), Error>>().await
        }));
        polled_once(&mut call);
        cancel.cancel();
        let caller = Builder::new_current_thread().build().unwrap();
        let ended = caller.block_on(&mut call);
        assert_eq!(ended.unwrap_err().info().code, "closed");
        drop(call);
        let end = seen.recv_timeout(Duration::from_secs(5));
        assert_eq!(end, Err(mpsc::RecvTimeoutError::Disconnected));
    }

    fn polled_once<T>(call: &mut (impl Future<Output = T> + Unpin)) {
        use futures_util::FutureExt as _;
        assert!(call.now_or_never().is_none());
    }
}
