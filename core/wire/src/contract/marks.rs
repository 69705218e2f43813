//! Who has got and who has read what: marks, one row per thread and user, and the exceptions to them.

use crate::{MessageId, ThreadId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// `POST /v1/threads/{id}/read`: everything up to this message is read (204). Never falls; raises delivered too.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MarkRead {
    /// A message of this thread.
    pub up_to_msg_id: MessageId,
}

/// The marks of one thread, and the messages that they do not cover.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ThreadMarks {
    /// Where.
    pub thread_id: ThreadId,
    /// One a participant that has any.
    #[serde(default)]
    pub marks: Vec<UserMarks>,
    /// Own messages that did not reach a recipient, or are on their way again (`reason` none): newest word on each wins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failed: Vec<FailedRecipient>,
}

/// How far one user is in one thread. Neither mark ever falls, and read never stands above delivered.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserMarks {
    /// Who.
    pub user_id: UserId,
    /// Rises with each change.
    pub version: u64,
    /// The newest message that a device of theirs has acknowledged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_up_to: Option<MessageId>,
    /// When that mark moved there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// The newest message that they have read; none where either side keeps receipts off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_up_to: Option<MessageId>,
    /// When that mark moved there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
}

/// One recipient that one message did not reach.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedRecipient {
    /// The message.
    pub message_id: MessageId,
    /// Who did not get it.
    pub user_id: UserId,
    /// Why; none once a repeat of the send has queued it anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
    /// The relay's clock.
    pub at: Timestamp,
}

/// Why a recipient did not get a message.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureReason {
    /// Its time to live, or that of the queue, ran out first.
    Expired,
    /// The recipient blocked the sender after it was sent.
    Blocked,
    /// Of a later version.
    #[serde(other)]
    Unknown,
}

/// Where one message stands for one recipient.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum RecipientState {
    /// The relay has it.
    Sent,
    /// A device of the recipient has it.
    Delivered,
    /// The recipient has read it.
    Read,
    /// It did not reach them.
    Failed,
}

/// `GET /v1/messages/{id}/receipts`, for a participant.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipts {
    /// The message.
    pub message_id: MessageId,
    /// Everybody in the thread but the sender, by user id.
    pub recipients: Vec<Receipt>,
}

/// One recipient of one message.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Who.
    pub user_id: UserId,
    /// How far.
    pub state: RecipientState,
    /// The time of the first move of the mark that covers the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivered_at: Option<Timestamp>,
    /// The same for read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// When it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed_at: Option<Timestamp>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<FailureReason>,
}
