//! Steps that must not stop half way when the client hangs up.

use crate::service::{Answer, Refusal};
use sealwire_wire::contract::ErrorCode;
use std::future::Future;

/// Runs a step in a task of its own: a caller that goes away stops waiting for it, and nothing more.
///
/// Without it a message could be durable and its readers not woken.
pub(super) async fn owned<T: Send + 'static>(
    step: impl Future<Output = Answer<T>> + Send + 'static,
) -> Answer<T> {
    match tokio::spawn(step).await {
        Ok(answer) => answer,
        // A bug is caught, counted and answered in one place.
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(Refusal::new(
            ErrorCode::Unavailable,
            "the relay could not finish this, try again",
        )),
    }
}
