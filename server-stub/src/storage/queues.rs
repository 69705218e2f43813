//! Each device's queue of events that it has yet to acknowledge, derived from rows that are durable already.

use super::{Moved, Pending};
use sealwire_wire::contract::{DeviceName, ServerEvent};
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};

/// One entry of a device's queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueEntry {
    /// Its place in the queue: from 1, never used again.
    pub position: u64,
    /// What the device is told.
    pub event: ServerEvent,
}

/// An entry that a device's queue got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Whose queue.
    pub device: DeviceName,
    /// Where in it; none from an engine that does not know yet.
    pub place: Option<QueuePlace>,
}

/// Where an entry came to stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueuePlace {
    /// The last entry before it that was not acknowledged then; 0 for none. Whoever has read up to here, or further, misses
    /// nothing by taking the new entry next.
    pub after: u64,
    /// Its own position.
    pub position: u64,
}

/// A durable row that queue entries derive from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueueSource {
    /// A message: for every live device that has an envelope of it; envelopes of others are dropped.
    Message {
        /// Where.
        thread_id: ThreadId,
        /// Which.
        id: MessageId,
    },
    /// A version of a device list: for the live devices of its user and of everybody who shares a thread with them.
    /// Devices that the list removed lose their queue and prekeys, as those that were disabled did. Where it has a new one,
    /// what the user wants of their threads is told once more with it.
    List {
        /// Whose.
        user_id: UserId,
        /// Which.
        version: u64,
    },
    /// A control message: for each live device that it goes to.
    Control {
        /// Which.
        id: MessageId,
    },
    /// What a user wants of a thread: for all live devices of the user.
    Preferences {
        /// Where.
        thread_id: ThreadId,
        /// Whose.
        user_id: UserId,
    },
}

/// Steps within one device's queue, and the derivation of entries.
pub trait Queues {
    /// Appends the entries of a row, and of rows before it in its thread whose derivation is still due, in the order of
    /// the thread. Doing it again changes nothing. The devices that got an entry now.
    fn queue(&self, source: QueueSource, now: Timestamp) -> Pending<'_, Vec<DeviceName>>;

    /// Rows whose entries are still due: a crash came between the two.
    fn not_yet_queued(&self) -> Pending<'_, Vec<QueueSource>>;

    /// The entries after a position. Entries of one thread come in its order; beyond that any order may be.
    fn queue_after(
        &self,
        device: DeviceName,
        after: u64,
        limit: u32,
    ) -> Pending<'_, Vec<QueueEntry>>;

    /// Deletes exactly these entries of this device, with its envelopes of their messages and its bodies of control messages.
    /// In the same step the delivered mark of its user rises, in each thread up to the newest message of others below which
    /// this device has passed over none. The marks that moved.
    fn acknowledge(
        &self,
        device: DeviceName,
        positions: Vec<u64>,
        now: Timestamp,
    ) -> Pending<'_, Vec<Moved>>;

    /// How many entries wait.
    fn queue_length(&self, device: DeviceName) -> Pending<'_, u64>;

    /// How many entries wait, of all devices together.
    fn queued_entries(&self) -> Pending<'_, u64>;
}
