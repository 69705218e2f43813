//! Sending messages and reading history.

use crate::{
    AttachmentId, Base64, Bytes32, ClientSeq, DeviceId, MessageId, ThreadId, Timestamp, UserId,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// `POST /v1/threads/{id}/messages` with the header `Idempotency-Key`. 202 once message and envelopes are durable.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendMessage {
    /// This device's number of the send in this thread.
    pub client_seq: ClientSeq,
    /// The content, encrypted once; at most 64 KiB.
    pub ciphertext: Base64,
    /// HMAC-SHA256 under the franking key inside the content.
    pub commitment: Bytes32,
    /// One for each live device of all participants but the sending one.
    pub envelopes: Vec<DeviceEnvelope>,
    /// The list version each user's devices were taken from.
    #[serde(default)]
    pub device_list_versions: BTreeMap<UserId, u64>,
    /// What the relay must know of it.
    #[serde(default)]
    pub kind: MessageKind,
    /// The message that a reaction belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_msg_id: Option<MessageId>,
    /// Seconds until the message disappears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u32>,
    /// Attachments that live as long as this message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachment_ids: Vec<AttachmentId>,
    /// Whether a push may wake a device for it.
    #[serde(default)]
    pub urgent: bool,
    /// The other user of a 1:1 thread, so that the first send can make it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<UserId>,
}

/// What the relay must know of a message.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Unread, moves the inbox.
    #[default]
    Message,
    /// Neither.
    Reaction,
}

/// One ratchet message for one device.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceEnvelope {
    /// For whom.
    pub user_id: UserId,
    /// For which device.
    pub device_id: DeviceId,
    /// That device's registration as the sender knows it.
    pub registration_id: u32,
    /// How the body opens.
    #[serde(rename = "type")]
    pub kind: EnvelopeType,
    /// The ratchet message, at most 4 KiB.
    pub body: Base64,
}

/// Whether an envelope begins a session.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvelopeType {
    /// Begins one, until the other side's first answer.
    Prekey,
    /// Within one.
    Ratchet,
}

/// The answer to [`SendMessage`] (202).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentMessage {
    /// Its place in the thread.
    pub id: MessageId,
    /// The thread.
    pub thread_id: ThreadId,
    /// The sender.
    pub sender_id: UserId,
    /// The sending device.
    pub sender_device_id: DeviceId,
    /// As sent.
    pub client_seq: ClientSeq,
    /// The relay's clock.
    pub created_at: Timestamp,
    /// When a repeat of this send queued it anew for recipients that it had failed for; its ttl runs from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requeued_at: Option<Timestamp>,
}

/// `POST /v1/threads/{id}/sends/{client_seq}/void` (200): the message that the number named already, or nothing, and then
/// no later send of that number is taken (409 `client_seq_void`) for 50 days, longer than a client tries.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VoidedSend {
    /// The stored message: too late to cancel. None: the number is void.
    #[serde(default)]
    pub message: Option<SentMessage>,
}

/// Beside 409 `device_mismatch`: nothing was stored, wrap for these alone and send again.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct DeviceMismatch {
    /// Live, without an envelope.
    #[serde(default)]
    pub missing: Vec<DeviceName>,
    /// An envelope, but not live.
    #[serde(default)]
    pub extra: Vec<DeviceName>,
    /// Live, but under another registration: begin its session anew.
    #[serde(default)]
    pub stale: Vec<DeviceName>,
}

/// A device of a user.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DeviceName {
    /// Whose.
    pub user_id: UserId,
    /// Which.
    pub device_id: DeviceId,
}

/// One message as history and frames carry it, with the envelope of the reading device alone.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageRow {
    /// Its place in the thread.
    pub id: MessageId,
    /// The thread.
    pub thread_id: ThreadId,
    /// The sender.
    pub sender_id: UserId,
    /// The sending device.
    pub sender_device_id: DeviceId,
    /// The sending device's number.
    pub client_seq: ClientSeq,
    /// 0, and one more with each edit.
    #[serde(default)]
    pub revision: u32,
    /// What the relay knows of it.
    #[serde(default)]
    pub kind: MessageKind,
    /// The message that a reaction belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_msg_id: Option<MessageId>,
    /// Seconds until the message disappears.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl_seconds: Option<u32>,
    /// The content, encrypted once; empty in a tombstone.
    pub ciphertext: Base64,
    /// As sent.
    pub commitment: Bytes32,
    /// The relay's word on who sent what and when.
    pub stamp: Stamp,
    /// The relay's clock.
    pub created_at: Timestamp,
    /// When a repeat of the send queued it anew; its ttl runs from here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requeued_at: Option<Timestamp>,
    /// Why only this tombstone is left; none while the message is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed: Option<Removal>,
    /// The reading device's envelope; none once that device has acknowledged it, or if it had none.
    #[serde(default)]
    pub envelope: Option<EnvelopeBody>,
}

/// What is left to say of a message that is gone.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removal {
    /// Why.
    pub reason: RemovalReason,
    /// The relay's clock.
    pub at: Timestamp,
}

/// Why a message is gone.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RemovalReason {
    /// Its time to live is over. A device believes it only of a message whose own content says so.
    Expired,
    /// Of a later version.
    #[serde(other)]
    Unknown,
}

/// The reading device's own envelope.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnvelopeBody {
    /// How the body opens.
    #[serde(rename = "type")]
    pub kind: EnvelopeType,
    /// The ratchet message.
    pub body: Base64,
}

/// The relay's franking stamp: MAC over {commitment, sender, device, thread, message id, revision, time}.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// Which of the relay's keys.
    pub key_id: u32,
    /// HMAC-SHA256, 32 bytes.
    pub mac: Bytes32,
}

/// `GET /v1/threads/{id}/messages`: a page of history.
///
/// With `cursor` newest first, `next_cursor` leading to older rows. With `since` oldest first by change,
/// `next_cursor` being the change cursor to go on from, also when the page is empty.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessagePage {
    /// The rows.
    pub messages: Vec<MessageRow>,
    /// Where the next page begins; none when there is nothing further (never none with `since`).
    #[serde(default)]
    pub next_cursor: Option<String>,
    /// Whether there were more rows when the page was made.
    #[serde(default)]
    pub has_more: bool,
}
