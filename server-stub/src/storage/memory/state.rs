//! What the engine holds.

use crate::storage::{
    AttachmentRecord, DeviceRecord, Failure, ListRecord, Mark, PrivacyRecord, Reached, SendName,
    ThreadRecord,
};
use sealwire_wire::contract::{
    ControlMessage, DeviceName, EnvelopeBody, MessageRow, PublicKemPrekey, PublicPrekey,
    PublicSignedPrekey, ServerEvent, ThreadPreferences,
};
use sealwire_wire::{
    AttachmentId, ClientSeq, DeviceId, IdempotencyKey, MessageId, ThreadId, Timestamp, UserId,
};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Default)]
pub(super) struct State {
    pub(super) accounts: BTreeMap<UserId, AccountState>,
    pub(super) prekeys: BTreeMap<DeviceName, PrekeyState>,
    pub(super) threads: BTreeMap<ThreadId, ThreadState>,
    /// By device and Idempotency-Key.
    pub(super) kept: BTreeMap<(DeviceName, String), Kept>,
    pub(super) queues: BTreeMap<DeviceName, QueueState>,
    pub(super) controls: BTreeMap<(MessageId, DeviceName), ControlState>,
    /// By thread, message and recipient.
    pub(super) failures: BTreeMap<(ThreadId, MessageId, UserId), Failure>,
    pub(super) last_failure: u64,
    pub(super) voids: BTreeMap<(ThreadId, DeviceName, ClientSeq), Timestamp>,
    /// By device and thread: the newest message acknowledged, where an older one was passed over.
    pub(super) acknowledged_ahead: BTreeMap<(DeviceName, ThreadId), MessageId>,
    /// What reached a user above their delivered mark, which waits below a message that was passed over.
    pub(super) delivered_ahead: BTreeSet<(ThreadId, UserId, MessageId)>,
    pub(super) last_mark_change: u64,
    pub(super) privacy: BTreeMap<UserId, PrivacyRecord>,
    pub(super) mailboxes: BTreeMap<String, MailboxState>,
    pub(super) attachments: BTreeMap<AttachmentId, AttachmentState>,
    pub(super) secrets: BTreeMap<String, [u8; 32]>,
    pub(super) nonces: BTreeMap<[u8; 32], Timestamp>,
    pub(super) dice: Dice,
}

pub(super) struct AccountState {
    pub(super) next_device_id: u64,
    pub(super) devices: BTreeMap<DeviceId, DeviceRecord>,
    pub(super) grants: BTreeSet<[u8; 16]>,
    pub(super) lists: Vec<ListRecord>,
    /// Versions whose queue entries are due.
    pub(super) to_queue: BTreeSet<u64>,
}

#[derive(Default)]
pub(super) struct PrekeyState {
    pub(super) signed: BTreeMap<u32, PublicSignedPrekey>,
    pub(super) current: Option<u32>,
    pub(super) one_time: BTreeMap<u32, (PublicPrekey, Taken)>,
    pub(super) kem: BTreeMap<u32, (PublicKemPrekey, KemUse)>,
    pub(super) last_resort_kem: Option<u32>,
}

/// What a KEM prekey is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum KemUse {
    Once(Taken),
    LastResort,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Taken(pub(super) bool);

pub(super) struct ThreadState {
    pub(super) record: ThreadRecord,
    pub(super) messages: BTreeMap<MessageId, MessageState>,
    pub(super) by_send: BTreeMap<(DeviceName, ClientSeq), MessageId>,
    pub(super) last_change: u64,
    pub(super) marks: BTreeMap<UserId, MarkState>,
    pub(super) preferences: BTreeMap<UserId, PreferencesState>,
}

pub(super) struct PreferencesState {
    pub(super) mine: ThreadPreferences,
    pub(super) queued: bool,
}

pub(super) struct MarkState {
    pub(super) mark: Mark,
    pub(super) change: u64,
    pub(super) shown_change: u64,
    pub(super) delivered: Vec<Reached>,
    pub(super) read: Vec<Reached>,
    pub(super) shown_read: Vec<Reached>,
}

pub(super) struct MessageState {
    pub(super) row: MessageRow,
    pub(super) fingerprint: [u8; 32],
    pub(super) envelopes: BTreeMap<DeviceName, EnvelopeBody>,
    pub(super) change: u64,
    pub(super) queued: bool,
}

pub(super) struct ControlState {
    pub(super) message: ControlMessage,
    pub(super) queued: bool,
}

#[derive(PartialEq, Eq)]
pub(super) enum KeptFor {
    Send(SendName),
    Control(MessageId),
}

pub(super) struct Kept {
    pub(super) of: KeptFor,
    pub(super) expires_at: Timestamp,
}

/// Entries get their place when they are first read: until then those of different lanes may still overtake each other.
#[derive(Default)]
pub(super) struct QueueState {
    pub(super) last_position: u64,
    pub(super) placed: BTreeMap<u64, Entry>,
    pub(super) lanes: BTreeMap<Lane, VecDeque<Entry>>,
}

#[derive(Clone)]
pub(super) struct Entry {
    pub(super) what: What,
    pub(super) queued_at: Timestamp,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum What {
    Message(ThreadId, MessageId),
    /// A message that ended before the device fetched it.
    Gone(ThreadId, MessageId),
    Control(MessageId),
    Other(ServerEvent),
}

/// Entries of one lane keep their order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    Thread(ThreadId),
    /// By a number that no other has: alone.
    Single(u64),
}

pub(super) struct MailboxState {
    pub(super) expires_at: Timestamp,
    pub(super) slots: BTreeMap<u8, SlotState>,
}

pub(super) struct SlotState {
    pub(super) written: Vec<u8>,
    /// Whether it was read, and under which name.
    pub(super) read_by: Option<Option<IdempotencyKey>>,
}

pub(super) struct AttachmentState {
    pub(super) record: AttachmentRecord,
    pub(super) threads: BTreeSet<ThreadId>,
}

impl State {
    pub(super) fn seeded(seed: u64) -> Self {
        Self {
            dice: Dice(seed),
            ..Self::default()
        }
    }
}

impl MessageState {
    /// The row as this device reads it.
    pub(super) fn read_by(&self, reader: &DeviceName) -> MessageRow {
        MessageRow {
            envelope: self.envelopes.get(reader).cloned(),
            ..self.row.clone()
        }
    }
}

/// Numbers that follow from a seed (SplitMix64).
#[derive(Default)]
pub(super) struct Dice(u64);

impl Dice {
    /// A number below `bound`, which is not 0.
    pub(super) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        usize::try_from(mixed % bound as u64).unwrap_or_default()
    }
}
