//! Threads and their messages: everything of one thread is one conversation.

use super::{Pending, Queued};
use sealwire_wire::contract::{DeviceEnvelope, DeviceName, MessageRow, SentMessage, ThreadKind};
use sealwire_wire::{ClientSeq, IdempotencyKey, MessageId, ThreadId, Timestamp, UserId};
use std::sync::Arc;

/// One thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadRecord {
    /// Its id.
    pub id: ThreadId,
    /// 1:1 or group.
    pub kind: ThreadKind,
    /// Everybody in it, in byte order, each once.
    pub participants: Vec<UserId>,
    /// The relay's clock.
    pub created_at: Timestamp,
    /// Its newest message; none in a thread to be made.
    pub last_id: Option<MessageId>,
}

/// What names a send for the life of its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendName {
    /// Where.
    pub thread_id: ThreadId,
    /// The sending device.
    pub sender: DeviceName,
    /// Its number of the send.
    pub client_seq: ClientSeq,
}

/// A message to be made durable.
#[derive(Debug, Clone)]
pub struct AcceptMessage {
    /// The row as it will be read, without an envelope.
    pub row: MessageRow,
    /// What a repeat must have the same.
    pub fingerprint: [u8; 32],
    /// One for each device that will read it.
    pub envelopes: Vec<DeviceEnvelope>,
    /// The key that the answer is kept under.
    pub key: IdempotencyKey,
    /// Until when it is kept.
    pub key_expires_at: Timestamp,
}

impl AcceptMessage {
    /// What names this send.
    pub fn name(&self) -> SendName {
        SendName {
            thread_id: self.row.thread_id,
            sender: DeviceName {
                user_id: self.row.sender_id.clone(),
                device_id: self.row.sender_device_id,
            },
            client_seq: self.row.client_seq,
        }
    }
}

/// What became of [`Messages::accept_message`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Accepted {
    /// Row and envelopes are durable; [`super::Queues::queue`] is to follow.
    Accepted,
    /// The number was used before.
    Earlier(EarlierSend),
    /// The key was used with another number.
    KeyReused,
    /// The number was voided.
    Void,
    /// The thread has a message with this id or a later one: mint another above it.
    IdPassed(MessageId),
    /// There is no such thread.
    NoThread,
}

/// What is known of an earlier send of the same number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EarlierSend {
    /// Of the stored message.
    pub fingerprint: [u8; 32],
    /// What was answered.
    pub answer: SentMessage,
}

/// Steps within one thread.
pub trait Messages {
    /// Makes a thread, if there is none with its id. Whether it did.
    fn create_thread(&self, thread: ThreadRecord) -> Pending<'_, bool>;

    /// One thread.
    fn thread(&self, id: ThreadId) -> Pending<'_, Option<ThreadRecord>>;

    /// Whether the key was used with another number (first), or the number before or voided; none when both are free.
    fn earlier_send(
        &self,
        name: SendName,
        key: IdempotencyKey,
        now: Timestamp,
    ) -> Pending<'_, Option<Accepted>>;

    /// Keeps the answer to an earlier send under a further key as well, unless that key has one.
    fn keep_key(
        &self,
        name: SendName,
        key: IdempotencyKey,
        expires_at: Timestamp,
    ) -> Pending<'_, ()>;

    /// Makes a message with all its envelopes durable, if number, key and id are free.
    fn accept_message(&self, step: AcceptMessage) -> Pending<'_, Accepted>;

    /// Voids a number until then, unless it names a message: that one, then. Voided again, it is so for longer. There need not be
    /// such a thread.
    fn void_send(&self, name: SendName, expires_at: Timestamp) -> Pending<'_, Option<SentMessage>>;

    /// Accepts a message, and appends the queue entries of what it accepted: [`Self::accept_message`], then
    /// [`super::Queues::queue`], with the entries of this message. Only the first is promised: entries that could not be
    /// appended stay due. An engine that has threads and queues in one place may do both at once.
    fn accept_and_queue(
        &self,
        step: Arc<AcceptMessage>,
        now: Timestamp,
    ) -> Pending<'_, (Accepted, Vec<Queued>)>;

    /// The threads that have a message with this id: one, unless two clocks and dice fell alike.
    fn threads_of_message(&self, id: MessageId) -> Pending<'_, Vec<ThreadId>>;

    /// One message, with the reader's envelope unless that was acknowledged.
    fn message(
        &self,
        thread: ThreadId,
        id: MessageId,
        reader: DeviceName,
    ) -> Pending<'_, Option<MessageRow>>;

    /// Messages below `before`, newest first.
    fn messages_before(
        &self,
        thread: ThreadId,
        before: Option<MessageId>,
        limit: u32,
        reader: DeviceName,
    ) -> Pending<'_, Vec<MessageRow>>;

    /// Messages created or changed after the thread's change number `after`, oldest change first, each with its number.
    fn messages_changed(
        &self,
        thread: ThreadId,
        after: u64,
        limit: u32,
        reader: DeviceName,
    ) -> Pending<'_, Vec<(u64, MessageRow)>>;
}
