//! The one error of this crate: a stable code, whether trying again may help, and the cause.

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

impl Error {
    /// The stable code.
    ///
    /// | when | codes |
    /// |---|---|
    /// | opening | `configuration`, `key_store`, `key_missing`, `wrong_key`, `store_missing`, `not_a_store`, `store_corrupt`, `store_newer`, `store_rolled_back`, `store_in_use` |
    /// | any call | `closed`, `suspended`, `system`, `internal`, `disk_full`, `store_locked`, `store_io`, `store_corrupt` |
    /// | a call that asks the relay | `network`, `offline`, `network_role_taken`, `relay_garbage`, `device_revoked`, `rate_limited`, `unavailable`, `storage_full`, and others that the relay answered |
    /// | accounts and linking | `invalid_id`, `not_registered`, `already_registered`, `account_exists`, `platform_token_required`, `link_code_invalid`, `link_state`, `link_expired`, `link_declined`, `link_tampered`, `device_limit`, `account_key_missing`, `device_list_invalid` |
    /// | messages | `empty_text`, `text_too_long`, `ttl_invalid`, `too_many_threads`, `unknown_thread`, `unknown_message`, `not_failed`, `repeat_too_late`, `already_sent`, `message_failed`, `message_cancelled` |
    /// | attachments | `attachment_source`, `attachment_sink`, `attachment_too_large`, `attachment_unsupported`, `attachment_tampered`, `attachment_gone`, `attachment_transfer`, `no_attachment` |
    ///
    /// Later versions may add codes.
    pub fn code(&self) -> &'static str {
        self.entry().0
    }

    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        self.entry().1
    }

    /// Not before so long, where the relay said so.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Engine(error) => error.retry_after_ms().map(Duration::from_millis),
            _ => None,
        }
    }

    /// The table: code, retryable.
    fn entry(&self) -> (&'static str, bool) {
        match self {
            Self::Engine(error) => (error.code().0, error.retryable()),
            Self::Closed => ("closed", false),
            Self::Suspended => ("suspended", true),
            Self::Configuration(_) => ("configuration", false),
            Self::KeyMissing => ("key_missing", false),
            Self::InvalidId(_) => ("invalid_id", false),
            Self::NetworkRoleTaken => ("network_role_taken", true),
            Self::KeyStore(_) => ("key_store", true),
            Self::System(_) => ("system", true),
            Self::AttachmentSource(_) => ("attachment_source", false),
            Self::AttachmentSink(_) => ("attachment_sink", false),
            Self::AttachmentTooLarge { .. } => ("attachment_too_large", false),
            Self::AttachmentUnsupported(_) => ("attachment_unsupported", false),
            Self::AttachmentTampered => ("attachment_tampered", false),
            Self::AttachmentGone => ("attachment_gone", false),
            Self::NoAttachment => ("no_attachment", false),
            Self::AttachmentTransfer(_) => ("attachment_transfer", true),
            Self::MessageFailed(_) => ("message_failed", true),
            Self::MessageCancelled => ("message_cancelled", false),
            Self::Internal(_) => ("internal", false),
        }
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
mod tests {
    use super::*;
    use sealwire_wire::contract::ErrorCode;

    #[test]
    fn an_answer_of_the_relay_keeps_its_code_and_its_wait() {
        let error = Error::from(EngineError::Relay {
            code: ErrorCode::RateLimited,
            detail: "later".to_owned(),
            retry_after_ms: Some(1500),
        });
        assert_eq!(error.code(), "rate_limited");
        assert!(error.retryable());
        assert_eq!(error.retry_after(), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn the_cause_can_be_walked_to() {
        let error = Error::System(io::Error::other("no threads"));
        assert_eq!(
            std::error::Error::source(&error).unwrap().to_string(),
            "no threads"
        );
    }
}
