//! The one error of this crate: a stable code, what to do, whether trying again may help, and the cause.

mod fields;
mod table;

pub use fields::{ErrorFields, Field};

use crate::key_store::KeyStoreError;
use sealwire_engine::EngineError;
use sealwire_store::{OpenError, StoreError};
use sealwire_wire::ParseIdError;
use std::io;
use std::time::Duration;

/// Why something did not work. What it was to do was not done, unless the variant says otherwise.
///
/// [`Error::code`] is stable and the same in every language that Sealwire speaks; the words are for a developer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client's logic, its store or the relay said no; its code is passed on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// [`crate::Client::close`] was called.
    #[error("the client is closed: open another")]
    Closed,
    /// [`crate::Client::suspend`] was called: call again after [`crate::Client::resume`]. An attachment that was on its way
    /// was not sent, a linking under way is over; messages lie in the outbox.
    #[error("the client is suspended: resume it first")]
    Suspended,
    /// The builder was given something that cannot be used.
    #[error("the client cannot be opened like this: {0}")]
    Configuration(String),
    /// There is a store file, and the key store does not hold its key. Nothing was made or changed.
    #[error(
        "the store's key is not in the key store: put it back, or become a new device with another store"
    )]
    KeyMissing,
    /// Another process has the store open and speaks for the device: this call needs to.
    #[error("another process speaks for this device: ask it, or try again when it has ended")]
    NetworkRoleTaken,
    /// The key store did not work.
    #[error("the key store did not work: {0}")]
    KeyStore(#[from] KeyStoreError),
    /// Not an id as the relay has it.
    #[error(transparent)]
    InvalidId(#[from] ParseIdError),
    /// The web: this browser or window has no private file system.
    #[error("there is no place for a store here: {0}")]
    StorageUnavailable(String),
    /// The system gave no threads, timers or randomness.
    #[error("the system did not give what a client needs: {0}")]
    System(#[source] io::Error),
    /// What the attachment is read from ended early, held more than announced, or could not be read.
    #[error("the attachment's source could not be read: {0}")]
    AttachmentSource(#[source] io::Error),
    /// What the attachment is written to did not take it.
    #[error("the attachment could not be written: {0}")]
    AttachmentSink(#[source] io::Error),
    /// Larger than the relay takes.
    #[error("the attachment has {bytes} bytes, more than this relay takes")]
    AttachmentTooLarge {
        /// Plain bytes.
        bytes: u64,
    },
    /// Made by a newer version of the SDK.
    #[error("the attachment cannot be opened by this version: {0}")]
    AttachmentUnsupported(String),
    /// What the relay gave is not what the sender sent. Nothing of it may be used.
    #[error("the attachment was changed after it was sent")]
    AttachmentTampered,
    /// The relay has it no longer.
    #[error("the relay does not hold the attachment any more")]
    AttachmentGone,
    /// The message has no attachment.
    #[error("this message carries no attachment")]
    NoAttachment,
    /// The bytes of an attachment did not get through.
    #[error("the attachment did not get through: {0}")]
    AttachmentTransfer(String),
    /// The message was given up; its reason's code. It stands in the thread and may be retried.
    #[error("the message was given up: {0}")]
    MessageFailed(String),
    /// The message was cancelled: nobody got it.
    #[error("the message was cancelled")]
    MessageCancelled,
    /// A fault of this crate; what is durable is unharmed.
    #[error("internal: {0}")]
    Internal(&'static str),
}

/// What the table says of one code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ErrorInfo {
    /// Stable, the same in every language.
    pub code: &'static str,
    /// What it is about.
    pub group: ErrorGroup,
    /// What happened and what to do, for a developer.
    pub text: &'static str,
    /// Whether the same call may succeed later.
    pub retryable: bool,
    /// What such an error may say besides.
    pub fields: &'static [Field],
}

/// What an error is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorGroup {
    /// The client itself: how it was opened, and that it lives.
    Client,
    /// The store's file and its key.
    Store,
    /// The way to the relay, and whether it can serve now.
    Network,
    /// The account and its devices.
    Account,
    /// Linking a further device.
    Linking,
    /// A message or its thread.
    Message,
    /// A file.
    Attachment,
    /// The relay's contract: client and relay do not fit together, or the client mends it by itself.
    Contract,
}

impl Error {
    /// The stable code. [`Error::table`] and `docs/errors.md` have all of them by group:
    ///
    /// | when | codes |
    /// |---|---|
    /// | opening | `configuration`, `key_store`, `key_missing`, `store_wrong_key`, `store_missing`, `store_foreign`, `store_corrupt`, `store_newer`, `store_rolled_back`, `store_in_use` |
    /// | any call | `closed`, `suspended`, `system`, `internal`, `disk_full`, `store_locked`, `store_io`, `store_corrupt` |
    /// | a call that asks the relay | `network`, `offline`, `network_role_taken`, `relay_garbage`, `device_revoked`, `rate_limited`, `unavailable`, `storage_full`, and others that the relay answered |
    ///
    /// Later versions may add codes.
    pub fn code(&self) -> &'static str {
        self.info().code
    }

    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        self.info().retryable
    }

    /// Not before so long, where the relay said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Engine(error) => error.retry_after_ms().map(Duration::from_millis),
            _ => None,
        }
    }

    /// What the table says of this error.
    pub fn info(&self) -> &'static ErrorInfo {
        match self {
            Self::Engine(error) => Self::describe(error.code().as_str()).unwrap_or(table::INTERNAL),
            Self::Closed => table::CLOSED,
            Self::Suspended => table::SUSPENDED,
            Self::Configuration(_) => table::CONFIGURATION,
            Self::KeyMissing => table::KEY_MISSING,
            Self::InvalidId(_) => table::INVALID_ID,
            Self::NetworkRoleTaken => table::NETWORK_ROLE_TAKEN,
            Self::KeyStore(_) => table::KEY_STORE,
            Self::StorageUnavailable(_) => table::STORAGE_UNAVAILABLE,
            Self::System(_) => table::SYSTEM,
            Self::AttachmentSource(_) => table::ATTACHMENT_SOURCE,
            Self::AttachmentSink(_) => table::ATTACHMENT_SINK,
            Self::AttachmentTooLarge { .. } => table::ATTACHMENT_TOO_LARGE,
            Self::AttachmentUnsupported(_) => table::ATTACHMENT_UNSUPPORTED,
            Self::AttachmentTampered => table::ATTACHMENT_TAMPERED,
            Self::AttachmentGone => table::ATTACHMENT_GONE,
            Self::NoAttachment => table::NO_ATTACHMENT,
            Self::AttachmentTransfer(_) => table::ATTACHMENT_TRANSFER,
            Self::MessageFailed(_) => table::MESSAGE_FAILED,
            Self::MessageCancelled => table::MESSAGE_CANCELLED,
            Self::Internal(_) => table::INTERNAL,
        }
    }

    /// Every code that there is, by group; among them those that a failed message or a refused connection carries.
    pub fn table() -> &'static [&'static ErrorInfo] {
        table::TABLE
    }

    /// What the table says of a code.
    pub fn describe(code: &str) -> Option<&'static ErrorInfo> {
        table::TABLE.iter().copied().find(|info| info.code == code)
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl From<OpenError> for Error {
    fn from(error: OpenError) -> Self {
        Self::Engine(error.into())
    }
}

#[cfg(test)]
mod tests;
