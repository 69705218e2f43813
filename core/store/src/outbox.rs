//! Own messages on their way to the relay: the plaintext until the first dispatch, from then on the sealed send too.

use crate::columns::number_column;
use crate::{LocalId, Secret32, SecretBytes};
use sealwire_wire::contract::EnvelopeType;
use sealwire_wire::{ClientSeq, DeviceId, IdempotencyKey, ThreadId, Timestamp, UserId};

mod read;
mod write;

/// An own message as it enters the outbox.
pub struct NewOutboxEntry {
    /// Its row.
    pub local_id: LocalId,
    /// Where it goes.
    pub thread: ThreadId,
    /// Its number, from [`crate::Transaction::take_client_seq`].
    pub client_seq: ClientSeq,
    /// The same for every attempt.
    pub idempotency_key: IdempotencyKey,
    /// When it may go, by the device's clock.
    pub next_attempt_at: Timestamp,
    /// Since when it is tried, by a clock that counts what the device saw pass and is not set.
    pub waits_since: Timestamp,
    /// The plaintext, until it is sealed and after.
    pub body: SecretBytes,
}

/// An own message on its way.
pub struct OutboxEntry {
    /// As it entered; `next_attempt_at` as it is now.
    pub entry: NewOutboxEntry,
    /// How far it is.
    pub state: OutboxState,
    /// Attempts made.
    pub attempts: u32,
    /// Rounds of `device_mismatch` since the last rest.
    pub rounds: u32,
    /// When the relay accepted it, by the same clock as `waits_since`.
    pub sent_at: Option<Timestamp>,
    /// What every attempt sends, once sealed.
    pub sealed: Option<SealedSend>,
}

/// How far a send is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OutboxState {
    /// To be sent, now or at its time.
    Unsent,
    /// Accepted; kept for as long as a repeat may be asked for.
    Sent,
    /// Given up; later ones of its thread do not wait for it.
    Failed,
    /// To be settled with the relay: it may have it already, else it never will.
    Cancelling,
    /// Accepted, and to be sent once more for recipients that it did not reach.
    Repeating,
}
number_column!(OutboxState { Unsent = 1, Sent = 2, Failed = 3, Cancelling = 4, Repeating = 5 });

/// The first open entry of a thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutboxHead {
    /// Its row.
    pub local_id: LocalId,
    /// Where it goes.
    pub thread: ThreadId,
    /// When it may go.
    pub next_attempt_at: Timestamp,
}

/// The content sealed once: every attempt sends these bytes.
pub struct SealedSend {
    /// K: wraps for further devices are made from it.
    pub key: Secret32,
    /// The ciphertext.
    pub ciphertext: Vec<u8>,
    /// SHA-256 of the ciphertext.
    pub digest: [u8; 32],
    /// The commitment.
    pub commitment: [u8; 32],
    /// This device's registration when it was sealed: under another it is never sent.
    pub registration_id: u32,
}

/// One ratchet message of a sealed send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxEnvelope {
    /// For whom.
    pub user: UserId,
    /// For which device.
    pub device: DeviceId,
    /// That device's registration when it was wrapped.
    pub registration_id: u32,
    /// How the body opens.
    pub kind: EnvelopeType,
    /// The ratchet message.
    pub body: Vec<u8>,
}

impl std::ops::Deref for OutboxEntry {
    type Target = NewOutboxEntry;

    fn deref(&self) -> &NewOutboxEntry {
        &self.entry
    }
}

#[cfg(test)]
mod tests;
