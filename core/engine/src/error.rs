//! Why a call did not end well. Each error has a stable code and says whether trying again may help.

use sealwire_store::{OpenError, StoreError};
use sealwire_wire::contract::ErrorCode;
use std::fmt;

/// Why a call did not end well. What it was to do was not done, unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// No account yet: register or link first.
    #[error("this device belongs to no account yet: register or link it first")]
    NotRegistered,
    /// There is an account already.
    #[error("this device already belongs to an account")]
    AlreadyRegistered,
    /// The account was made by another device: link this one.
    #[error("the account exists: link this device from one of its devices")]
    AccountExists,
    /// The relay needs the platform's token to make an account.
    #[error("the relay needs a token of the platform to make an account")]
    PlatformTokenRequired,
    /// This device was removed from its account.
    #[error("this device was removed from its account")]
    DeviceRevoked,
    /// A message needs at least one character.
    #[error("a message needs at least one character")]
    EmptyText,
    /// Longer than a message can be.
    #[error(
        "the words (of a file: caption, name and type together) have {bytes} bytes, a message holds at most {max}"
    )]
    TextTooLong {
        /// As given.
        bytes: usize,
        /// At most.
        max: usize,
    },
    /// A message lives for a second at least and a year at most.
    #[error("a message's time to live is between a second and a year")]
    TtlInvalid,
    /// More threads than are watched at once.
    #[error("at most {max} threads are watched at once")]
    TooManyThreads {
        /// At most.
        max: usize,
    },
    /// This device does not know the thread.
    #[error("this device does not know that thread: open it with the other user's id first")]
    UnknownThread,
    /// This device does not know the message, or it is somebody else's where an own one is meant.
    #[error("this device does not know that message, or it is somebody else's")]
    UnknownMessage,
    /// The relay has the message already: it cannot be cancelled any more.
    #[error("the relay has the message already: it cannot be cancelled any more")]
    AlreadySent,
    /// What was sealed for the message is gone, a day after the relay accepted it: send it anew.
    #[error("the relay accepted the message more than a day ago: send it anew")]
    RepeatTooLate,
    /// Only a failed message can be retried.
    #[error("only a message that failed can be retried")]
    NotFailed,
    /// Not a link code of this version.
    #[error("that code links no device: {0}")]
    LinkCodeInvalid(String),
    /// A linking or a registration is under way already, or no linking is.
    #[error("{0}")]
    LinkState(&'static str),
    /// The ten minutes are over, or the mailbox is gone.
    #[error("the link code is no longer good: show a new one")]
    LinkExpired,
    /// A person said no.
    #[error("the linking was declined")]
    LinkDeclined,
    /// What came through the mailbox was changed, swapped, read by somebody else, or belongs to another linking.
    #[error("the linking was interfered with: {0}")]
    LinkTampered(&'static str),
    /// The account key has not reached this device.
    #[error("this device does not hold the account key yet")]
    AccountKeyMissing,
    /// The account has as many devices as it may.
    #[error("the account has ten devices: remove one first")]
    DeviceLimit,
    /// The relay showed device lists that do not hold.
    #[error("the relay's device list for {0} does not hold: {1}")]
    DeviceList(String, String),
    /// The relay said no.
    #[error("the relay answered {code}: {detail}")]
    Relay {
        /// Stable.
        code: ErrorCode,
        /// For a developer.
        detail: String,
        /// Not before so many milliseconds.
        retry_after_ms: Option<u64>,
    },
    /// The relay answered something that the contract does not have.
    #[error("the relay's answer (status {status}) is not of the contract")]
    RelayGarbage {
        /// HTTP status.
        status: u16,
    },
    /// Somebody before the relay answered for it, and wants a wait.
    #[error("the relay cannot be reached now (status {status})")]
    RelayBusy {
        /// HTTP status.
        status: u16,
        /// Not before so many milliseconds.
        retry_after_ms: u64,
    },
    /// No answer came.
    #[error("the relay cannot be reached: {0}")]
    Network(String),
    /// The client is offline by the app's wish.
    #[error("the client is offline: connect first")]
    Offline,
    /// The store could not do it; it is as it was before.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Something that cannot be; the operation was given up and the store is as before.
    #[error("internal: {0}")]
    Internal(String),
}

/// A stable code, the same in every language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Code(pub &'static str);

impl fmt::Display for Code {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0)
    }
}

impl EngineError {
    /// The stable code.
    pub fn code(&self) -> Code {
        Code(match self {
            Self::NotRegistered => "not_registered",
            Self::AlreadyRegistered => "already_registered",
            Self::AccountExists => "account_exists",
            Self::PlatformTokenRequired => "platform_token_required",
            Self::DeviceRevoked => "device_revoked",
            Self::EmptyText => "empty_text",
            Self::TextTooLong { .. } => "text_too_long",
            Self::TooManyThreads { .. } => "too_many_threads",
            Self::TtlInvalid => "ttl_invalid",
            Self::UnknownThread => "unknown_thread",
            Self::UnknownMessage => "unknown_message",
            Self::AlreadySent => "already_sent",
            Self::RepeatTooLate => "repeat_too_late",
            Self::NotFailed => "not_failed",
            Self::LinkCodeInvalid(_) => "link_code_invalid",
            Self::LinkState(_) => "link_state",
            Self::LinkExpired => "link_expired",
            Self::LinkDeclined => "link_declined",
            Self::LinkTampered(_) => "link_tampered",
            Self::AccountKeyMissing => "account_key_missing",
            Self::DeviceLimit => "device_limit",
            Self::DeviceList(..) => "device_list_invalid",
            Self::Relay { code, .. } => code.as_str(),
            Self::RelayGarbage { .. } => "relay_garbage",
            Self::RelayBusy { .. } => "unavailable",
            Self::Network(_) => "network",
            Self::Offline => "offline",
            Self::Store(error) => store_code(error),
            Self::Open(error) => open_code(error),
            Self::Internal(_) => "internal",
        })
    }

    /// Whether the same call may succeed later.
    pub fn retryable(&self) -> bool {
        match self {
            Self::Relay { code, .. } => code.retryable(),
            Self::RelayGarbage { .. }
            | Self::RelayBusy { .. }
            | Self::Network(_)
            | Self::Offline => true,
            Self::Store(error) => matches!(error, StoreError::DiskFull | StoreError::Locked),
            Self::Open(error) => matches!(
                error,
                OpenError::DiskFull | OpenError::Locked | OpenError::InUse
            ),
            _ => false,
        }
    }

    /// Not before so many milliseconds, where the relay said so.
    pub fn retry_after_ms(&self) -> Option<u64> {
        match self {
            Self::Relay { retry_after_ms, .. } => *retry_after_ms,
            Self::RelayBusy { retry_after_ms, .. } => Some(*retry_after_ms),
            _ => None,
        }
    }
}

fn store_code(error: &StoreError) -> &'static str {
    match error {
        StoreError::DiskFull => "disk_full",
        StoreError::Locked => "store_locked",
        StoreError::Corrupt { .. } => "store_corrupt",
        StoreError::Io { .. } => "store_io",
        _ => "internal",
    }
}

fn open_code(error: &OpenError) -> &'static str {
    match error {
        OpenError::WrongKey => "wrong_key",
        OpenError::NotAStore => "not_a_store",
        OpenError::FileMissing => "store_missing",
        OpenError::Corrupt { .. } => "store_corrupt",
        OpenError::NewerSchema { .. } => "store_newer",
        OpenError::RolledBack { .. } => "store_rolled_back",
        OpenError::InUse => "store_in_use",
        OpenError::DiskFull => "disk_full",
        OpenError::Locked => "store_locked",
        OpenError::Io { .. } => "store_io",
    }
}
