//! A device's queue of durable events.

use super::{Answer, Refusal, Service};
use sealwire_wire::contract::{DeviceName, ErrorCode, ServerEvent};

/// The place of an entry in its device's queue. Never used again, rising within a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct QueuePosition(pub u64);

/// One entry of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedEvent {
    /// To acknowledge it by, and to read on after it.
    pub position: QueuePosition,
    /// What the device is told: `msg`, `devices` or `resync`.
    pub event: ServerEvent,
}

/// The next entries of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueuePage {
    /// In order; empty when there is nothing after the position asked for.
    pub entries: Vec<QueuedEvent>,
    /// Whether there was more when the page was made.
    pub has_more: bool,
}

/// Entries in one acknowledgement, at most.
pub const ACKNOWLEDGE_MAX: usize = 1_000;

impl Service {
    /// The entries after a position (0 for the beginning), at most `limit` of them (1 to 100).
    pub async fn queue_page(
        &self,
        device: &DeviceName,
        after: QueuePosition,
        limit: u32,
    ) -> Answer<QueuePage> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// Deletes exactly these entries, at most [`ACKNOWLEDGE_MAX`], with their envelopes. Unknown positions are passed over.
    pub async fn acknowledge(
        &self,
        device: &DeviceName,
        positions: &[QueuePosition],
    ) -> Answer<()> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// How many entries wait.
    pub async fn queue_length(&self, device: &DeviceName) -> Answer<u64> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }
}
