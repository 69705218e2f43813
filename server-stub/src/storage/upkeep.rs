//! The relay's own keys, spent nonces, and the end of what has had its time.

use super::Failure;
use super::Pending;
use sealwire_wire::{AttachmentId, Timestamp};

/// What a sweep ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SweepBounds {
    /// Mailboxes, nonces, voided numbers and idempotency answers that expired by now.
    pub now: Timestamp,
    /// Queue entries from before this moment, with their envelopes; the device is told `resync` instead. Messages that reached
    /// no device of a recipient are failures then.
    pub queued_before: Timestamp,
    /// Attachments from before this moment that no message names.
    pub unnamed_before: Timestamp,
    /// About so many rows of a kind at once, so that no other write waits for long.
    pub at_most: u32,
}

/// What a sweep ended that others must follow up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SweptRows {
    /// Attachments that are gone.
    pub attachments: Vec<AttachmentId>,
    /// Recipients that messages never reached.
    pub failures: Vec<Failure>,
    /// Whether the bound on rows left some for another step.
    pub has_more: bool,
}

/// Steps that belong to the relay itself.
pub trait Upkeep {
    /// The secret of that name; `fresh` becomes it if there is none.
    fn secret(&self, name: String, fresh: [u8; 32]) -> Pending<'_, [u8; 32]>;

    /// Marks a nonce as used. Whether it was unused.
    fn spend_nonce(&self, nonce: [u8; 32], expires_at: Timestamp) -> Pending<'_, bool>;

    /// Ends what has had its time, or some of it.
    fn sweep(&self, bounds: SweepBounds) -> Pending<'_, SweptRows>;
}
