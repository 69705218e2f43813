//! Steps that must not stop half way when the client hangs up.

use crate::service::Answer;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::runtime::Handle;

/// Runs a step to its end: a caller that goes away stops waiting for it, and nothing more.
///
/// Without it a message could be durable and its readers not woken.
pub(super) fn owned<T: Send + 'static>(
    step: impl Future<Output = Answer<T>> + Send + 'static,
) -> Owned<T> {
    Owned(Some(Box::pin(step)))
}

/// A step that runs where it is waited for. Dropped before its end, it goes on in a task of its own: nearly all callers wait,
/// and a task for each step would cost them two wake-ups more.
#[must_use = "a step that nobody waits for runs in a task of its own"]
pub(super) struct Owned<T>(Option<Pin<Box<dyn Future<Output = Answer<T>> + Send>>>)
where
    T: Send + 'static;

impl<T: Send + 'static> Future for Owned<T> {
    type Output = Answer<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer<T>> {
        // Held here, so that a step that panics does not go on anywhere.
        let Some(mut step) = self.0.take() else {
            return Poll::Pending;
        };
        let polled = step.as_mut().poll(context);
        if polled.is_pending() {
            self.0 = Some(step);
        }
        polled
    }
}

impl<T: Send + 'static> Drop for Owned<T> {
    fn drop(&mut self) {
        // Without a runtime the relay is gone, and its storage with it.
        if let (Some(step), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(step);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use std::panic::AssertUnwindSafe;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_step_goes_on_when_its_caller_goes_away() {
        let (begin, begun) = oneshot::channel();
        let (end, ended) = oneshot::channel();
        let mut step = owned(async move {
            begun.await.unwrap();
            end.send(7).unwrap();
            Ok(())
        });
        assert!((&mut step).now_or_never().is_none());
        drop(step);
        begin.send(()).unwrap();
        assert_eq!(ended.await, Ok(7));
    }

    #[tokio::test]
    async fn a_step_that_panics_does_so_in_its_caller_and_goes_on_nowhere() {
        let (held, let_go) = oneshot::channel::<()>();
        let step = owned::<()>(async move {
            let _held = held;
            panic!("a bug")
        });
        assert!(AssertUnwindSafe(step).catch_unwind().await.is_err());
        assert!(let_go.await.is_err());
    }
}
