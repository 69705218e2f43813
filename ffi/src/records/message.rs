//! Messages.

use super::{AttachmentFacts, number, time};
use std::fmt;

/// One message of a thread.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
#[derive(Clone, PartialEq)]
pub struct Message {
    /// Names it on this device, for ever.
    pub local_id: i64,
    /// Its place in the thread; none until the relay has accepted it.
    pub id: Option<String>,
    /// The thread.
    pub thread: String,
    /// Who sent it.
    pub sender: String,
    /// With which device.
    pub sender_device: i64,
    /// That device's number of it.
    pub client_seq: i64,
    /// What it says.
    pub content: MessageContent,
    /// How far it got.
    pub state: MessageState,
    /// The relay's clock when it accepted it; this device's clock until then.
    pub created_at_ms: i64,
    /// How long it lives, from when the relay accepted it; none: for ever.
    pub ttl_seconds: Option<i64>,
}

/// What a message says.
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(
        tag = "type",
        rename_all = "camelCase",
        rename_all_fields = "camelCase"
    )
)]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
#[derive(Clone, PartialEq)]
pub enum MessageContent {
    /// Words.
    Text {
        /// In Unicode.
        text: String,
    },
    /// A file; its bytes are fetched apart.
    Attachment {
        /// What is known of it.
        file: AttachmentFacts,
        /// May be empty.
        caption: String,
    },
    /// Of a later version: kept, and shown when this client can.
    Unknown,
    /// Could not be read.
    Unreadable {
        /// Why.
        reason: UnreadableReason,
    },
    /// Nothing any more: it was cancelled, or its time to live is over.
    Removed,
}

/// How far a message got.
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(
        tag = "type",
        rename_all = "camelCase",
        rename_all_fields = "camelCase"
    )
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageState {
    /// Of this device: durable here, not yet at the relay.
    Pending,
    /// Of this account: durable at the relay.
    Sent,
    /// Of this account: every recipient has it, on one device at least.
    Delivered,
    /// Of this account: every recipient has read it.
    Read,
    /// Of this account: given up, or it did not reach a recipient.
    Failed {
        /// The reason, a code of the table of errors.
        code: String,
    },
    /// Of this device: not to be sent any more; the relay is asked whether it has it already.
    Cancelling,
    /// Of this device: nobody got it, and nobody will.
    Cancelled,
    /// Of somebody else.
    Received,
    /// A state of a later version.
    Other,
}

/// Why a message cannot be read.
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnreadableReason {
    /// No session with that device opens it.
    NoSession,
    /// It names a prekey that this device does not have (any more).
    PrekeyMissing,
    /// The envelope was changed on its way.
    EnvelopeTampered,
    /// Envelope and ciphertext do not belong together, or the ciphertext was changed.
    CiphertextTampered,
    /// The envelope belongs to another message.
    Misplaced,
    /// It could not be reported, so it is not shown.
    Unfrankable,
    /// The content is not what this version or any other makes.
    Malformed,
    /// The sending device stands in no signed list of its user.
    UnknownDevice,
    /// The sending device was removed from its account.
    DeviceRevoked,
    /// The device's identity is not the one that its account signed.
    IdentityChanged,
    /// The sender holds a newer device list than the relay shows.
    DeviceListRollback,
    /// A key that was used before.
    KeyReused,
    /// A protocol version that this client does not speak.
    UnknownVersion,
    /// The message jumps further ahead than a session follows.
    TooFarAhead,
    /// Its sender's device was asked for it and no longer has what opens it.
    NoLongerHeld,
    /// This device was away for longer than the relay keeps for it what opens a message.
    Expired,
    /// A reason of a later version.
    Other,
}

impl From<sealwire::Message> for Message {
    fn from(message: sealwire::Message) -> Self {
        Self {
            local_id: message.local_id,
            id: message.id.map(|id| id.to_string()),
            thread: message.thread.to_string(),
            sender: message.sender.to_string(),
            sender_device: message.sender_device.get().into(),
            client_seq: number(message.client_seq.0),
            content: message.content.into(),
            state: message.state.into(),
            created_at_ms: time(message.created_at),
            ttl_seconds: message.ttl_seconds.map(i64::from),
        }
    }
}

impl From<sealwire::MessageContent> for MessageContent {
    fn from(content: sealwire::MessageContent) -> Self {
        use sealwire::MessageContent as Content;
        match content {
            Content::Text(text) => Self::Text { text },
            Content::Attachment { file, caption } => Self::Attachment {
                file: (&*file).into(),
                caption,
            },
            Content::Unreadable(reason) => Self::Unreadable {
                reason: reason.into(),
            },
            Content::Removed => Self::Removed,
            _ => Self::Unknown,
        }
    }
}

impl From<sealwire::MessageState> for MessageState {
    fn from(state: sealwire::MessageState) -> Self {
        use sealwire::MessageState as State;
        match state {
            State::Pending => Self::Pending,
            State::Sent => Self::Sent,
            State::Delivered => Self::Delivered,
            State::Read => Self::Read,
            State::Failed { code } => Self::Failed { code },
            State::Cancelling => Self::Cancelling,
            State::Cancelled => Self::Cancelled,
            State::Received => Self::Received,
            _ => Self::Other,
        }
    }
}

impl From<sealwire::UnreadableReason> for UnreadableReason {
    fn from(reason: sealwire::UnreadableReason) -> Self {
        use sealwire::UnreadableReason as Reason;
        match reason {
            Reason::NoSession => Self::NoSession,
            Reason::PrekeyMissing => Self::PrekeyMissing,
            Reason::EnvelopeTampered => Self::EnvelopeTampered,
            Reason::CiphertextTampered => Self::CiphertextTampered,
            Reason::Misplaced => Self::Misplaced,
            Reason::Unfrankable => Self::Unfrankable,
            Reason::Malformed => Self::Malformed,
            Reason::UnknownDevice => Self::UnknownDevice,
            Reason::DeviceRevoked => Self::DeviceRevoked,
            Reason::IdentityChanged => Self::IdentityChanged,
            Reason::DeviceListRollback => Self::DeviceListRollback,
            Reason::KeyReused => Self::KeyReused,
            Reason::UnknownVersion => Self::UnknownVersion,
            Reason::TooFarAhead => Self::TooFarAhead,
            Reason::NoLongerHeld => Self::NoLongerHeld,
            Reason::Expired => Self::Expired,
            _ => Self::Other,
        }
    }
}

// What people wrote does not print by accident, in no language: theirs print what is printed here.
impl fmt::Debug for Message {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Message")
            .field("local_id", &self.local_id)
            .field("id", &self.id)
            .field("thread", &self.thread)
            .field("sender", &self.sender)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MessageContent {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { .. } => out.debug_struct("Text").finish_non_exhaustive(),
            Self::Attachment { file, .. } => out
                .debug_struct("Attachment")
                .field("file", file)
                .finish_non_exhaustive(),
            Self::Unknown => out.write_str("Unknown"),
            Self::Unreadable { reason } => out
                .debug_struct("Unreadable")
                .field("reason", reason)
                .finish(),
            Self::Removed => out.write_str("Removed"),
        }
    }
}
