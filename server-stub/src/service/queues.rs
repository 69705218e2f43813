//! A device's queue of durable events.

use super::{Answer, Refusal, Service, Wake};
use crate::storage::QueueSource;
use sealwire_wire::contract::{DeviceName, ErrorCode, ServerEvent};
use sealwire_wire::limits::PAGE_SIZE_MAX;

/// The place of an entry in its device's queue. Never used again, rising within a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct QueuePosition(pub u64);

/// One entry of a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuedEvent {
    /// To acknowledge it by, and to read on after it.
    pub position: QueuePosition,
    /// What the device is told: `msg`, `devices`, `control` or `resync`.
    pub event: ServerEvent,
}

/// The next entries of a queue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueuedPage {
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
    ) -> Answer<QueuedPage> {
        self.authorise(device).await?;
        if !(1..=PAGE_SIZE_MAX).contains(&limit) {
            return Err(Refusal::new(ErrorCode::InvalidRequest, "limit is 1 to 100"));
        }
        let mut entries = self
            .storage
            .queue_after(device.clone(), after.0, limit.saturating_add(1))
            .await?;
        let has_more = entries.len() > limit as usize;
        entries.truncate(limit as usize);
        Ok(QueuedPage {
            entries: entries
                .into_iter()
                .map(|entry| QueuedEvent {
                    position: QueuePosition(entry.position),
                    event: entry.event,
                })
                .collect(),
            has_more,
        })
    }

    /// Deletes exactly these entries, at most [`ACKNOWLEDGE_MAX`], with their envelopes, and raises delivered marks. Unknown
    /// positions are passed over.
    pub async fn acknowledge(
        &self,
        device: &DeviceName,
        positions: &[QueuePosition],
    ) -> Answer<Wake> {
        self.authorise(device).await?;
        if positions.len() > ACKNOWLEDGE_MAX {
            return Err(Refusal::new(
                ErrorCode::Unprocessable,
                format!("at most {ACKNOWLEDGE_MAX} entries in one acknowledgement"),
            ));
        }
        if positions.is_empty() {
            return Ok(Wake::default());
        }
        let positions = positions.iter().map(|position| position.0).collect();
        let now = self.clock.now();
        let moved = self
            .storage
            .acknowledge(device.clone(), positions, now)
            .await?;
        Ok(Wake {
            live: moved
                .into_iter()
                .flat_map(|moved| super::marks::delivered(device, moved))
                .collect(),
            ..Wake::default()
        })
    }

    /// How many entries wait, of all devices together.
    pub async fn queued_entries(&self) -> Answer<u64> {
        Ok(self.storage.queued_entries().await?)
    }

    /// How many entries wait.
    pub async fn queue_length(&self, device: &DeviceName) -> Answer<u64> {
        self.authorise(device).await?;
        Ok(self.storage.queue_length(device.clone()).await?)
    }

    /// Appends the entries of a durable row. If that fails the row stands and the entries stay due: the next message of the
    /// thread, the sweeper or the next start brings them.
    pub(super) async fn queue(&self, source: QueueSource) -> Vec<DeviceName> {
        match self.storage.queue(source, self.clock.now()).await {
            Ok(devices) => devices,
            Err(error) => {
                tracing::warn!(%error, "queue entries are due");
                Vec::new()
            }
        }
    }

    /// Appends the entries of every row whose derivation was cut short.
    pub(super) async fn queue_what_is_due(&self) -> Answer<Vec<DeviceName>> {
        let mut told = Vec::new();
        for source in self.storage.not_yet_queued().await? {
            told.extend(self.queue(source).await);
        }
        told.sort();
        told.dedup();
        Ok(told)
    }
}
