//! Why a call did not end well. Each error has a stable code and says whether trying again may help.

use sealwire_store::{OpenError, StoreError};
use sealwire_wire::contract::ErrorCode;

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
    /// A device does not take itself out of its account.
    #[error("this is the device that is asked: remove it from another one, or disable it")]
    OwnDevice,
    /// Nobody blocks their own account.
    #[error("that is this account's own user, who cannot be blocked")]
    OwnUser,
    /// The account's list holds no such device.
    #[error("the account's list holds no such device")]
    UnknownDevice,
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
    /// The key of a send names another message already. Nothing was queued.
    #[error("this key was used for another message: send this one under a key of its own")]
    SendKeyReused,
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
    /// The list that the app accepted is not the one that is offered, or none is.
    #[error("the list that is offered is another one: compare again")]
    ListNotOffered,
    /// The relay said no.
    #[error("the relay answered: {detail}")]
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

macro_rules! codes {
    ($($name:ident = $text:literal,)*) => {
        /// The name of an error, the same in every language. What each means, and whether trying again may help, stands in the
        /// public crate's one table.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = concat!("`", $text, "`")] $name,)*
            /// What the relay answered.
            Relay(ErrorCode),
        }

        impl Code {
            /// Every code but the relay's, which [`ErrorCode::ALL`] has.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The code as every language writes it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* Self::Relay(code) => code.as_str() }
            }
        }
    };
}

codes! {
    NotRegistered = "not_registered",
    AlreadyRegistered = "already_registered",
    AccountExists = "account_exists",
    PlatformTokenRequired = "platform_token_required",
    DeviceRevoked = "device_revoked",
    OwnDevice = "own_device",
    OwnUser = "own_user",
    UnknownDevice = "unknown_device",
    EmptyText = "empty_text",
    TextTooLong = "text_too_long",
    TtlInvalid = "ttl_invalid",
    TooManyThreads = "too_many_threads",
    UnknownThread = "unknown_thread",
    UnknownMessage = "unknown_message",
    AlreadySent = "already_sent",
    SendKeyReused = "send_key_reused",
    RepeatTooLate = "repeat_too_late",
    NotFailed = "not_failed",
    LinkCodeInvalid = "link_code_invalid",
    LinkState = "link_state",
    LinkExpired = "link_expired",
    LinkDeclined = "link_declined",
    LinkTampered = "link_tampered",
    AccountKeyMissing = "account_key_missing",
    DeviceLimit = "device_limit",
    DeviceListInvalid = "device_list_invalid",
    ListNotOffered = "list_not_offered",
    RelayGarbage = "relay_garbage",
    Unavailable = "unavailable",
    Network = "network",
    Offline = "offline",
    StoreWrongKey = "store_wrong_key",
    StoreForeign = "store_foreign",
    StoreMissing = "store_missing",
    StoreCorrupt = "store_corrupt",
    StoreNewer = "store_newer",
    StoreRolledBack = "store_rolled_back",
    StoreInUse = "store_in_use",
    StoreLocked = "store_locked",
    StoreIo = "store_io",
    DiskFull = "disk_full",
    Internal = "internal",
}

impl EngineError {
    /// The stable code.
    pub fn code(&self) -> Code {
        match self {
            Self::NotRegistered => Code::NotRegistered,
            Self::AlreadyRegistered => Code::AlreadyRegistered,
            Self::AccountExists => Code::AccountExists,
            Self::PlatformTokenRequired => Code::PlatformTokenRequired,
            Self::DeviceRevoked => Code::DeviceRevoked,
            Self::OwnDevice => Code::OwnDevice,
            Self::OwnUser => Code::OwnUser,
            Self::UnknownDevice => Code::UnknownDevice,
            Self::EmptyText => Code::EmptyText,
            Self::TextTooLong { .. } => Code::TextTooLong,
            Self::TooManyThreads { .. } => Code::TooManyThreads,
            Self::TtlInvalid => Code::TtlInvalid,
            Self::UnknownThread => Code::UnknownThread,
            Self::UnknownMessage => Code::UnknownMessage,
            Self::AlreadySent => Code::AlreadySent,
            Self::SendKeyReused => Code::SendKeyReused,
            Self::RepeatTooLate => Code::RepeatTooLate,
            Self::NotFailed => Code::NotFailed,
            Self::LinkCodeInvalid(_) => Code::LinkCodeInvalid,
            Self::LinkState(_) => Code::LinkState,
            Self::LinkExpired => Code::LinkExpired,
            Self::LinkDeclined => Code::LinkDeclined,
            Self::LinkTampered(_) => Code::LinkTampered,
            Self::AccountKeyMissing => Code::AccountKeyMissing,
            Self::DeviceLimit => Code::DeviceLimit,
            Self::DeviceList(..) => Code::DeviceListInvalid,
            Self::ListNotOffered => Code::ListNotOffered,
            Self::Relay { code, .. } => Code::Relay(*code),
            Self::RelayGarbage { .. } => Code::RelayGarbage,
            Self::RelayBusy { .. } => Code::Unavailable,
            Self::Network(_) => Code::Network,
            Self::Offline => Code::Offline,
            Self::Store(error) => store_code(error),
            Self::Open(error) => open_code(error),
            Self::Internal(_) => Code::Internal,
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

fn store_code(error: &StoreError) -> Code {
    match error {
        StoreError::DiskFull => Code::DiskFull,
        StoreError::Locked => Code::StoreLocked,
        StoreError::Corrupt { .. } => Code::StoreCorrupt,
        StoreError::Io { .. } => Code::StoreIo,
        _ => Code::Internal,
    }
}

fn open_code(error: &OpenError) -> Code {
    match error {
        OpenError::WrongKey => Code::StoreWrongKey,
        OpenError::NotAStore => Code::StoreForeign,
        OpenError::FileMissing => Code::StoreMissing,
        OpenError::Corrupt { .. } => Code::StoreCorrupt,
        OpenError::NewerSchema { .. } => Code::StoreNewer,
        OpenError::RolledBack { .. } => Code::StoreRolledBack,
        OpenError::InUse => Code::StoreInUse,
        OpenError::DiskFull => Code::DiskFull,
        OpenError::Locked => Code::StoreLocked,
        OpenError::Io { .. } => Code::StoreIo,
    }
}
