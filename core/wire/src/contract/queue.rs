//! A device's queue without a socket: for background fetches and notification extensions.

use super::{ServerEvent, ThreadMarks};
use serde::{Deserialize, Serialize};

/// `GET /v1/me/queue?limit=&after=&marks_since=`: what this device has yet to acknowledge, oldest first.
///
/// `limit` is 1 to 1,000 (100 by default); `after` an `entry_id` to go on from without acknowledging.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuePage {
    /// The entries.
    pub entries: Vec<QueueItem>,
    /// Whether more wait behind them.
    pub has_more: bool,
    /// On the last page, with `marks_since`: the marks of every thread in which they changed since that cursor.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub marks: Vec<ThreadMarks>,
    /// On the last page: the next `marks_since`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marks_cursor: Option<String>,
}

/// One entry of a [`QueuePage`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueItem {
    /// Opaque; for the acknowledgement.
    pub entry_id: String,
    /// What a frame would say: `msg`, `del`, `control`, `thread`, `devices` or `resync`.
    pub event: ServerEvent,
}

/// `POST /v1/me/queue/ack`: deletes exactly these entries (204). Unknown ones count as deleted.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcknowledgeQueue {
    /// At most 1,000.
    pub entry_ids: Vec<String>,
}
