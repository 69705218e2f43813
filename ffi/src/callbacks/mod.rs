//! What the app hands in. Whatever it does, the SDK goes on: an exception of its code is an error like any other.

mod confirm;
mod key_store;
mod progress;

pub(crate) use confirm::ask;
pub use confirm::{AddDeviceListener, Answer, JoinAccountListener};
pub(crate) use key_store::HandedIn;
pub use key_store::{KeyStore, file_key_store, memory_key_store};
pub use progress::ProgressListener;
pub(crate) use progress::Teller;

/// The app's own code failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, uniffi::Error)]
pub enum CallbackError {
    /// In its words; no secret belongs into them.
    #[error("{reason}")]
    Failed {
        /// Why.
        reason: String,
    },
}

impl From<uniffi::UnexpectedUniFFICallbackError> for CallbackError {
    fn from(error: uniffi::UnexpectedUniFFICallbackError) -> Self {
        Self::Failed {
            reason: error.reason,
        }
    }
}
