//! What an error says besides its code, as values: nobody has to read them out of a sentence.

use super::Error;
use sealwire_engine::EngineError;
use sealwire_store::{OpenError, StoreError};
use sealwire_wire::limits::{DEVICES_MAX, TTL_MAX_SECONDS};

/// What an error may say besides its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// [`ErrorFields::bytes`]
    Bytes,
    /// [`ErrorFields::max_bytes`]
    MaxBytes,
    /// [`ErrorFields::max`]
    Max,
    /// [`ErrorFields::found`]
    Found,
    /// [`ErrorFields::expected`]
    Expected,
    /// [`ErrorFields::status`]
    Status,
    /// [`ErrorFields::user_id`]
    UserId,
    /// [`ErrorFields::reason`](field@ErrorFields::reason)
    Reason,
}

/// The values of an error; those that its code does not have are none.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ErrorFields {
    /// How large it was.
    pub bytes: Option<u64>,
    /// How large it may be.
    pub max_bytes: Option<u64>,
    /// How many, or how long in seconds, it may be.
    pub max: Option<u64>,
    /// What the store is: its schema, or its generation.
    pub found: Option<u64>,
    /// What it should be, at most or at least.
    pub expected: Option<u64>,
    /// The HTTP status of the answer.
    pub status: Option<u16>,
    /// Whose.
    pub user_id: Option<String>,
    /// In the system's or the relay's words, or the code of the reason (`message_failed`).
    pub reason: Option<String>,
}

impl Field {
    /// The field's name, as `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bytes => "bytes",
            Self::MaxBytes => "max_bytes",
            Self::Max => "max",
            Self::Found => "found",
            Self::Expected => "expected",
            Self::Status => "status",
            Self::UserId => "user_id",
            Self::Reason => "reason",
        }
    }

    /// Whether its value is a number; else a text.
    pub fn is_number(self) -> bool {
        !matches!(self, Self::UserId | Self::Reason)
    }
}

impl ErrorFields {
    /// Which of them have a value.
    pub fn present(&self) -> Vec<Field> {
        let all = [
            (Field::Bytes, self.bytes.is_some()),
            (Field::MaxBytes, self.max_bytes.is_some()),
            (Field::Max, self.max.is_some()),
            (Field::Found, self.found.is_some()),
            (Field::Expected, self.expected.is_some()),
            (Field::Status, self.status.is_some()),
            (Field::UserId, self.user_id.is_some()),
            (Field::Reason, self.reason.is_some()),
        ];
        let present = all.into_iter().filter(|(_, present)| *present);
        present.map(|(field, _)| field).collect()
    }

    fn reason(words: impl Into<String>) -> Self {
        Self {
            reason: Some(words.into()),
            ..Self::default()
        }
    }
}

impl Error {
    /// What it says besides its code, as values.
    pub fn fields(&self) -> ErrorFields {
        match self {
            Self::Engine(error) => of_engine(error),
            Self::Configuration(words)
            | Self::StorageUnavailable(words)
            | Self::AttachmentUnsupported(words)
            | Self::AttachmentTransfer(words)
            | Self::MessageFailed(words) => ErrorFields::reason(words.clone()),
            Self::KeyStore(error) => ErrorFields::reason(error.to_string()),
            Self::InvalidId(error) => ErrorFields::reason(error.to_string()),
            Self::System(error) | Self::AttachmentSource(error) | Self::AttachmentSink(error) => {
                ErrorFields::reason(error.to_string())
            }
            Self::AttachmentTooLarge { bytes } => ErrorFields {
                bytes: Some(*bytes),
                ..ErrorFields::default()
            },
            Self::Internal(words) => ErrorFields::reason(*words),
            Self::Closed
            | Self::Suspended
            | Self::KeyMissing
            | Self::NetworkRoleTaken
            | Self::AttachmentTampered
            | Self::AttachmentGone
            | Self::NoAttachment
            | Self::MessageCancelled => ErrorFields::default(),
        }
    }
}

fn of_engine(error: &EngineError) -> ErrorFields {
    match error {
        EngineError::TextTooLong { bytes, max } => ErrorFields {
            bytes: Some(*bytes as u64),
            max_bytes: Some(*max as u64),
            ..ErrorFields::default()
        },
        EngineError::TooManyThreads { max } => ErrorFields {
            max: Some(*max as u64),
            ..ErrorFields::default()
        },
        EngineError::TtlInvalid => ErrorFields {
            max: Some(TTL_MAX_SECONDS.into()),
            ..ErrorFields::default()
        },
        EngineError::DeviceLimit => ErrorFields {
            max: Some(DEVICES_MAX as u64),
            ..ErrorFields::default()
        },
        EngineError::DeviceList(user, why) => ErrorFields {
            user_id: Some(user.clone()),
            ..ErrorFields::reason(why.clone())
        },
        EngineError::RelayGarbage { status } | EngineError::RelayBusy { status, .. } => {
            ErrorFields {
                status: Some(*status),
                ..ErrorFields::default()
            }
        }
        EngineError::LinkCodeInvalid(words)
        | EngineError::Network(words)
        | EngineError::Internal(words) => ErrorFields::reason(words.clone()),
        EngineError::LinkState(words) | EngineError::LinkTampered(words) => {
            ErrorFields::reason(*words)
        }
        EngineError::Store(error) => of_store(error),
        EngineError::Open(error) => of_open(error),
        _ => ErrorFields::default(),
    }
}

fn of_store(error: &StoreError) -> ErrorFields {
    match error {
        StoreError::DiskFull | StoreError::Locked => ErrorFields::default(),
        StoreError::Corrupt { detail } | StoreError::Io { detail } => {
            ErrorFields::reason(detail.clone())
        }
        other => ErrorFields::reason(other.to_string()),
    }
}

fn of_open(error: &OpenError) -> ErrorFields {
    match error {
        OpenError::NewerSchema { found, known } => ErrorFields {
            found: Some((*found).into()),
            expected: Some((*known).into()),
            ..ErrorFields::default()
        },
        OpenError::RolledBack {
            store_generation,
            anchor,
        } => ErrorFields {
            found: Some(*store_generation),
            expected: Some(*anchor),
            ..ErrorFields::default()
        },
        OpenError::Corrupt { detail } | OpenError::Io { detail } => {
            ErrorFields::reason(detail.clone())
        }
        _ => ErrorFields::default(),
    }
}
