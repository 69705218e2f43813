//! How far a transfer is.

use super::CallbackError;
use crate::records::Progress;
use std::sync::Arc;

/// Is told how far a transfer is. It is called on the client's threads, and should return soon: the transfer waits for it.
#[uniffi::export(foreign)]
pub trait ProgressListener: Send + Sync {
    /// So far.
    fn on_progress(&self, progress: Progress) -> Result<(), CallbackError>;
}

/// The transfer goes on, whatever the listener does.
pub(crate) fn told(
    listener: Option<Arc<dyn ProgressListener>>,
) -> impl Fn(sealwire::Progress) + Send + Sync + 'static {
    move |progress| {
        if let Some(listener) = &listener
            && let Err(error) = listener.on_progress(progress.into())
        {
            tracing::debug!(%error, "the app's progress listener failed");
        }
    }
}
