//! Threads, the inbox, and how far messages are.

use super::{Message, ThreadPreferences, number, time};

/// A thread that this device knows.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// Which.
    pub id: String,
    /// The other user of a direct thread; oneself in a thread with oneself.
    pub user: Option<String>,
    /// When its last message came, or it was made.
    pub last_activity_ms: i64,
}

/// One page of the inbox.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, PartialEq)]
pub struct InboxPage {
    /// The thread with the newest message first.
    pub threads: Vec<InboxThread>,
    /// Where the next page begins; none at the end.
    pub next: Option<String>,
}

/// A thread as the inbox shows it.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, PartialEq)]
pub struct InboxThread {
    /// Which.
    pub id: String,
    /// The other user of a direct thread; oneself in a thread with oneself.
    pub user: Option<String>,
    /// What was said last, by anybody. What waits to be sent stands after all else.
    pub last_message: Option<Message>,
    /// The last message of this account, from whichever of its devices: its state tells how far it is.
    pub last_sent: Option<Message>,
    /// Messages of others that no device of this account has read.
    pub unread: i64,
    /// The newest message that this account has read.
    pub read_up_to: Option<String>,
    /// What this account wants of the thread.
    pub preferences: ThreadPreferences,
    /// When its last message came, or it was made.
    pub last_activity_ms: i64,
}

/// One recipient of one message.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Who.
    pub user: String,
    /// How far.
    pub state: RecipientState,
    /// When a device of theirs had it.
    pub delivered_at_ms: Option<i64>,
    /// When they had read it.
    pub read_at_ms: Option<i64>,
    /// When it failed.
    pub failed_at_ms: Option<i64>,
    /// Why it failed.
    pub reason: Option<FailureReason>,
}

/// Where one message stands for one recipient.
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

/// Why a recipient did not get a message.
#[cfg_attr(feature = "uniffi", derive(uniffi::Enum))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FailureReason {
    /// Its time to live, or that of the queue, ran out first.
    Expired,
    /// The recipient blocked the sender after it was sent.
    Blocked,
    /// Of a later version.
    Unknown,
}

impl From<sealwire::Thread> for Thread {
    fn from(thread: sealwire::Thread) -> Self {
        Self {
            id: thread.id.to_string(),
            user: thread.user.map(|user| user.to_string()),
            last_activity_ms: time(thread.last_activity),
        }
    }
}

impl From<sealwire::InboxPage> for InboxPage {
    fn from(page: sealwire::InboxPage) -> Self {
        Self {
            threads: page.threads.into_iter().map(Into::into).collect(),
            next: page.next.map(|cursor| cursor.to_string()),
        }
    }
}

impl From<sealwire::InboxThread> for InboxThread {
    fn from(thread: sealwire::InboxThread) -> Self {
        Self {
            id: thread.id.to_string(),
            user: thread.user.map(|user| user.to_string()),
            last_message: thread.last_message.map(Into::into),
            last_sent: thread.last_sent.map(Into::into),
            unread: number(thread.unread),
            read_up_to: thread.read_up_to.map(|id| id.to_string()),
            preferences: thread.preferences.into(),
            last_activity_ms: time(thread.last_activity),
        }
    }
}

impl From<sealwire::Receipt> for Receipt {
    fn from(receipt: sealwire::Receipt) -> Self {
        Self {
            user: receipt.user_id.to_string(),
            state: match receipt.state {
                sealwire::RecipientState::Sent => RecipientState::Sent,
                sealwire::RecipientState::Delivered => RecipientState::Delivered,
                sealwire::RecipientState::Read => RecipientState::Read,
                sealwire::RecipientState::Failed => RecipientState::Failed,
            },
            delivered_at_ms: receipt.delivered_at.map(time),
            read_at_ms: receipt.read_at.map(time),
            failed_at_ms: receipt.failed_at.map(time),
            reason: receipt.reason.map(|reason| match reason {
                sealwire::FailureReason::Expired => FailureReason::Expired,
                sealwire::FailureReason::Blocked => FailureReason::Blocked,
                sealwire::FailureReason::Unknown => FailureReason::Unknown,
            }),
        }
    }
}
