//! A message as an app sees it.

use crate::UnreadableReason;
use sealwire_crypto::protobuf::decode_secret;
use sealwire_store::{
    MessageKind as StoredKind, MessageState as StoredState, Reached, SecretBytes,
};
use sealwire_wire::content::{AttachmentPointer, Body, Kind};
use sealwire_wire::{ClientSeq, DeviceId, MessageId, ThreadId, Timestamp, UserId};
use zeroize::ZeroizeOnDrop;

/// One message of a thread.
#[derive(Clone, PartialEq)]
pub struct Message {
    /// Names it on this device, for ever.
    pub local_id: i64,
    /// Its place in the thread; none until the relay has accepted it.
    pub id: Option<MessageId>,
    /// The thread.
    pub thread: ThreadId,
    /// Who sent it.
    pub sender: UserId,
    /// With which device.
    pub sender_device: DeviceId,
    /// That device's number of it.
    pub client_seq: ClientSeq,
    /// What it says.
    pub content: MessageContent,
    /// How far it got.
    pub state: MessageState,
    /// The relay's clock when it accepted it; this device's clock until then.
    pub created_at: Timestamp,
    /// How long it lives, from when the relay accepted it; none: for ever.
    pub ttl_seconds: Option<u32>,
}

/// What a message says.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum MessageContent {
    /// Words.
    Text(String),
    /// A file; its bytes are fetched apart.
    Attachment {
        /// Where and how it opens.
        file: Box<AttachmentPointer>,
        /// May be empty.
        caption: String,
    },
    /// Of a later version: kept, and shown when this client can.
    Unknown,
    /// Could not be read.
    Unreadable(UnreadableReason),
    /// Nothing any more: it was cancelled, or its time to live is over.
    Removed,
}

/// How far a message got.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessageState {
    /// Of this device: durable here, not yet at the relay.
    Pending,
    /// Of this account: durable at the relay.
    Sent,
    /// Of this account: every recipient has it, on one device at least.
    Delivered,
    /// Of this account: every recipient has read it.
    Read,
    /// Of this account: given up, or it did not reach a recipient, with the code of the reason.
    Failed {
        /// Stable: `expired`, `blocked` (the relay's word on a recipient), `user_unknown`, `gave_up` (tried, and still not at the relay a day after it was queued), `account_key_changed` (the new key was not accepted for a day), `post_quantum_keys_missing` (a device has no post-quantum keys, and the session policy asks for them), or what the relay answered.
        code: String,
    },
    /// Of this device: not to be sent any more; the relay is asked whether it has it already. Then it is [`Self::Sent`],
    /// else [`Self::Cancelled`].
    Cancelling,
    /// Of this device: nobody got it, and nobody will.
    Cancelled,
    /// Of somebody else.
    Received,
}

impl Message {
    /// The words: a text, or an attachment's caption.
    pub fn text(&self) -> Option<&str> {
        match &self.content {
            MessageContent::Text(text) => Some(text),
            MessageContent::Attachment { caption, .. } => Some(caption),
            _ => None,
        }
    }

    /// The file, where it is one.
    pub fn attachment(&self) -> Option<&AttachmentPointer> {
        match &self.content {
            MessageContent::Attachment { file, .. } => Some(file),
            _ => None,
        }
    }
}

// What people wrote does not print by accident.
impl std::fmt::Debug for Message {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Message")
            .field("local_id", &self.local_id)
            .field("id", &self.id)
            .field("thread", &self.thread)
            .field("sender", &self.sender)
            .field("sender_device", &self.sender_device)
            .field("client_seq", &self.client_seq)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The two fields of Content (`content.proto` of the crypto crate), as the store keeps its bytes.
#[derive(Clone, PartialEq, prost::Message, ZeroizeOnDrop)]
#[prost(skip_debug)]
struct KeptContent {
    #[prost(bytes = "vec", tag = "1")]
    body: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    franking_key: Vec<u8>,
}

/// What stands in a message's row until it is sealed: its body, committed to by no key yet.
pub(crate) fn draft_content(body: &[u8]) -> SecretBytes {
    SecretBytes::new(prost::Message::encode_to_vec(&KeptContent {
        body: body.to_vec(),
        franking_key: Vec::new(),
    }))
}

impl Message {
    /// The message of a stored row.
    pub fn from_row(row: sealwire_store::Message) -> Self {
        let (local_id, reached) = (row.local_id.0, row.reached);
        let row = row.row;
        Self {
            local_id,
            content: content_of(&row),
            ttl_seconds: ttl_seconds(&row),
            state: match row.state {
                StoredState::Sent | StoredState::Received if reached != Reached::Nothing => {
                    state_of(reached)
                }
                StoredState::Pending => MessageState::Pending,
                StoredState::Sent => MessageState::Sent,
                StoredState::Failed => MessageState::Failed {
                    code: row.reason.unwrap_or_default(),
                },
                StoredState::Cancelling => MessageState::Cancelling,
                StoredState::Cancelled => MessageState::Cancelled,
                StoredState::Received | StoredState::Unreadable => MessageState::Received,
            },
            id: row.message_id,
            thread: row.thread,
            sender: row.sender,
            sender_device: row.sender_device,
            client_seq: row.client_seq,
            created_at: row.created_at.unwrap_or(row.local_at),
        }
    }
}

fn state_of(reached: Reached) -> MessageState {
    match reached {
        Reached::Nothing | Reached::Relay => MessageState::Sent,
        Reached::Everybody => MessageState::Delivered,
        Reached::Readers => MessageState::Read,
        Reached::Failed(code) => MessageState::Failed { code },
    }
}

fn content_of(row: &sealwire_store::NewMessage) -> MessageContent {
    if row.kind == StoredKind::Placeholder {
        let reason = row.reason.as_deref().and_then(UnreadableReason::from_text);
        return MessageContent::Unreadable(reason.unwrap_or(UnreadableReason::Malformed));
    }
    if row.kind == StoredKind::Tombstone {
        return MessageContent::Removed;
    }
    match body_of(row).map(|body| body.kind) {
        Some(Kind::Text(text)) => MessageContent::Text(text),
        Some(Kind::Attachment { file, caption }) => MessageContent::Attachment { file, caption },
        Some(Kind::Unknown) => MessageContent::Unknown,
        None => MessageContent::Unreadable(UnreadableReason::Malformed),
    }
}

/// The time to live that a message's own content carries.
pub(crate) fn ttl_seconds(row: &sealwire_store::NewMessage) -> Option<u32> {
    body_of(row)?.ttl_seconds
}

fn body_of(row: &sealwire_store::NewMessage) -> Option<Body> {
    let bytes = row.content.as_deref()?;
    let kept = decode_secret::<KeptContent>(bytes).ok()?;
    Body::decode(&kept.body).ok()
}
