//! Threads.

use crate::{ThreadId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// `POST /v1/threads`: makes a 1:1 thread (201, or 200 if it is there). Not needed before a first send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreateThread {
    /// The other user; oneself is allowed.
    pub to: UserId,
}

/// One thread as its participants see it.
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ThreadKind {
    /// Two users, or one with themselves.
    Direct,
    /// More.
    Group,
}
