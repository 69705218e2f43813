//! Messages that did not reach a recipient: the exceptions to what the marks say, and the end of messages that have a time to
//! live.

use super::{Pending, SendName};
use sealwire_wire::contract::{
    DeviceEnvelope, DeviceName, FailedRecipient, FailureReason, SentMessage, Stamp,
};
use sealwire_wire::{Base64, IdempotencyKey, MessageId, ThreadId, Timestamp, UserId};

/// The newest word on one recipient of one message: that it did not reach them, or is on its way again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Rises with each word, over all threads.
    pub number: u64,
    /// Where.
    pub thread_id: ThreadId,
    /// Whose message.
    pub sender_id: UserId,
    /// What is to be said of it.
    pub failed: FailedRecipient,
}

/// A message whose time is over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Ended {
    /// Devices that were told: those that had it.
    pub told: Vec<DeviceName>,
    /// Recipients that it never reached.
    pub failures: Vec<Failure>,
}

/// Messages of one sender that are to fail for one recipient.
#[derive(Debug, Clone)]
pub struct FailUndelivered {
    /// Where.
    pub thread_id: ThreadId,
    /// Whose messages.
    pub sender: UserId,
    /// Who is not to get them.
    pub recipient: UserId,
    /// Why.
    pub reason: FailureReason,
    /// The relay's clock.
    pub at: Timestamp,
}

/// A repeat of a send, for recipients that it failed for.
#[derive(Debug, Clone)]
pub struct Requeue {
    /// Which send.
    pub name: SendName,
    /// As before; it may be gone.
    pub ciphertext: Base64,
    /// Over the new time.
    pub stamp: Stamp,
    /// For the devices of the recipients that it failed for, and of no others.
    pub envelopes: Vec<DeviceEnvelope>,
    /// The relay's clock; above that of an earlier repeat.
    pub at: Timestamp,
    /// The key that the answer is kept under, too.
    pub key: IdempotencyKey,
    /// Until when it is kept.
    pub key_expires_at: Timestamp,
}

/// What a [`Requeue`] did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requeued {
    /// The first answer, with the time of the repeat.
    pub answer: SentMessage,
    /// Devices that got an entry.
    pub told: Vec<DeviceName>,
    /// The recipients that it is on its way to again.
    pub failures: Vec<Failure>,
}

/// Steps within one thread. Where they change queues, those follow from the thread's rows; an engine that has both in one
/// place does both at once.
pub trait Failures {
    /// Messages whose time to live is over, the longest first.
    fn expired_messages(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Pending<'_, Vec<(ThreadId, MessageId)>>;

    /// Turns a message whose time to live is over into a tombstone for ever. Its content, its envelopes and its undelivered
    /// entries go; devices that had it are told, the sending one apart; recipients that it never reached are failures. Again
    /// changes nothing.
    fn expire_message(&self, thread: ThreadId, id: MessageId, now: Timestamp)
    -> Pending<'_, Ended>;

    /// Takes messages that a recipient has not got out of their queues: each becomes a failure.
    fn fail_undelivered(&self, step: FailUndelivered) -> Pending<'_, Vec<Failure>>;

    /// The newest word on each recipient of a message that there is a word on.
    fn failures_of(&self, thread: ThreadId, id: MessageId) -> Pending<'_, Vec<FailedRecipient>>;

    /// Words on a user's messages after a number (0: all), oldest first.
    fn failures_after(&self, sender: UserId, after: u64, limit: u32) -> Pending<'_, Vec<Failure>>;

    /// Queues a message anew for recipients that it failed for, if it still did. None if not.
    fn requeue(&self, step: Requeue) -> Pending<'_, Option<Requeued>>;
}
