//! Linking mailboxes.

use super::Pending;
use sealwire_wire::{IdempotencyKey, Timestamp};

/// What became of [`Mailboxes::put_slot`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlotPut {
    /// The slot has these bytes, now or from before (even if they were read since).
    Put,
    /// The slot has other bytes.
    Taken,
    /// There is no such mailbox, or its time is over.
    Gone,
}

/// What became of [`Mailboxes::take_slot`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SlotTaken {
    /// The bytes.
    Data(Vec<u8>),
    /// Not written yet.
    Empty,
    /// Read before, by another reader or by one without a name.
    Read,
    /// There is no such mailbox, or its time is over.
    Gone,
}

/// Steps within one mailbox.
pub trait Mailboxes {
    /// Makes a mailbox, unless `max` are open. Whether it did.
    fn create_mailbox(
        &self,
        id: String,
        expires_at: Timestamp,
        now: Timestamp,
        max: u64,
    ) -> Pending<'_, bool>;

    /// Writes a slot once.
    fn put_slot(&self, id: String, slot: u8, data: Vec<u8>, now: Timestamp)
    -> Pending<'_, SlotPut>;

    /// Reads a slot once. A reader with a name may read it again; without one, the bytes are gone with the answer.
    fn take_slot(
        &self,
        id: String,
        slot: u8,
        reader: Option<IdempotencyKey>,
        now: Timestamp,
    ) -> Pending<'_, SlotTaken>;
}
