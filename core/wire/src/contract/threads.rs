//! Threads.

use super::UserMarks;
use crate::{MessageId, ThreadId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// `POST /v1/threads`: makes a 1:1 thread (201, or 200 if it is there). Not needed before a first send.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateThread {
    /// The other user; oneself is allowed.
    pub to: UserId,
}

/// One thread as its participants see it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Thread {
    /// Its id.
    pub id: ThreadId,
    /// 1:1 or group.
    pub kind: ThreadKind,
    /// Everybody in it, in byte order.
    pub participants: Vec<UserId>,
    /// The relay's clock.
    pub created_at: Timestamp,
}

/// 1:1 or group.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThreadKind {
    /// Two users, or one with themselves.
    Direct,
    /// More.
    Group,
}

/// `GET /v1/threads?cursor=&limit=`: the caller's threads, the one with the newest message first. `limit` is 1 to 100 (50).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inbox {
    /// One page.
    pub threads: Vec<InboxThread>,
    /// Where the next page begins; none at the end.
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// One thread of an [`Inbox`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxThread {
    /// The thread.
    pub thread: Thread,
    /// Its newest message; reactions do not count.
    #[serde(default)]
    pub last_msg_id: Option<MessageId>,
    /// Messages of others above the caller's read mark; reactions and tombstones do not count.
    pub unread: u64,
    /// The caller's own preferences.
    pub mine: ThreadPreferences,
    /// How far everybody is, the caller included.
    #[serde(default)]
    pub marks: Vec<UserMarks>,
}

/// `PUT /v1/threads/{id}/me` (200 with what holds now): what the caller wants of one thread.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct ThreadPreferences {
    /// No notifications until then; none for not muted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<Timestamp>,
    /// Which messages notify.
    #[serde(default)]
    pub notifications: Notifications,
}

/// Which messages of a thread notify.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Notifications {
    /// Every one.
    #[default]
    All,
    /// Those that name the user.
    Mentions,
    /// None.
    None,
}
