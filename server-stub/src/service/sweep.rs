//! Ending what has had its time.

use super::expiry::tell_failures;
use super::{Answer, Service, Wake, Woken};
use crate::storage::{SweepBounds, SweptRows};
use sealwire_wire::{AttachmentId, Timestamp};

/// An attachment that no message names after this long was forgotten: a week, so that an outbox may be offline for days
/// between upload and send.
const UNNAMED_TTL_MS: u64 = 7 * 24 * 60 * 60 * 1_000;

/// Rows of a kind that one step ends: a few milliseconds, for which every send waits.
const ROWS_AT_ONCE: u32 = 200;

/// What a sweep ended that others must follow up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swept {
    /// Attachments that no message ever named: delete their blobs.
    pub attachments: Vec<AttachmentId>,
    /// Whether there is more to end now.
    pub has_more: bool,
}

impl Service {
    /// Whether storage takes writes: it gets one that has no use any more, which the next sweep removes.
    pub async fn check_storage(&self) -> Answer<()> {
        let now = self.clock.now();
        self.storage.spend_nonce(self.random_bytes()?, now).await?;
        Ok(())
    }

    /// Ends mailboxes, spent nonces, idempotency answers, queue entries and forgotten attachments whose time is over, and
    /// brings queue entries that are due. To be called every few minutes, and again at once while there is more.
    pub async fn sweep(&self) -> Answer<Woken<Swept>> {
        let queues = self.queue_what_is_due().await?;
        let now = self.clock.now();
        let before = |ttl: u64| Timestamp(now.0.saturating_sub(ttl));
        let SweptRows {
            attachments,
            failures,
            has_more,
        } = self
            .storage
            .sweep(SweepBounds {
                now,
                queued_before: self.rules.queue_ttl_ms.map_or(Timestamp(0), before),
                unnamed_before: before(UNNAMED_TTL_MS),
                at_most: ROWS_AT_ONCE,
            })
            .await?;
        Ok(Woken {
            answer: Swept {
                attachments,
                has_more,
            },
            wake: Wake {
                queues,
                live: tell_failures(failures),
                ..Wake::default()
            },
        })
    }
}
