//! Protocol messages to single devices: rows of their sending device, out of which queue entries are made.

use super::Pending;
use sealwire_wire::contract::{DeviceEnvelope, DeviceName, SentControl};
use sealwire_wire::{IdempotencyKey, MessageId, Timestamp, UserId};

/// A control message to be made durable.
#[derive(Debug, Clone)]
pub struct AcceptControl {
    /// Names it in each recipient's frame.
    pub id: MessageId,
    /// The sending device.
    pub sender: DeviceName,
    /// One for each device that it goes to.
    pub envelopes: Vec<DeviceEnvelope>,
    /// The relay's clock, as the id has it.
    pub created_at: Timestamp,
    /// The key that the answer is kept under.
    pub key: IdempotencyKey,
    /// Until when it is kept.
    pub key_expires_at: Timestamp,
}

/// What became of [`Controls::accept_control`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ControlAccepted {
    /// Durable for every device; [`super::Queues::queue`] is to follow.
    Accepted,
    /// The key was used for a control message before.
    Earlier(SentControl),
    /// The key was used for another request.
    KeyReused,
}

/// Steps of one sending device.
pub trait Controls {
    /// What the key was used for before, if it was.
    fn earlier_control(
        &self,
        sender: DeviceName,
        key: IdempotencyKey,
        now: Timestamp,
    ) -> Pending<'_, Option<ControlAccepted>>;

    /// Makes a control message durable with the body of each device, if its key is free.
    fn accept_control(&self, step: AcceptControl) -> Pending<'_, ControlAccepted>;

    /// Which of these users are in a thread with the user.
    fn sharing_a_thread(&self, user: UserId, others: Vec<UserId>) -> Pending<'_, Vec<UserId>>;
}
