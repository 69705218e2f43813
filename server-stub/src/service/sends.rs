//! Accepting a message: checked, ordered, made durable, then put into queues.

use super::{Answer, Refusal, Service, Woken};
use sealwire_wire::contract::{DeviceName, ErrorCode, SendMessage, SentMessage};
use sealwire_wire::{IdempotencyKey, ThreadId};

impl Service {
    /// Accepts a message. The answer is durable, and so is every envelope.
    pub async fn send(
        &self,
        caller: &DeviceName,
        thread: ThreadId,
        key: &IdempotencyKey,
        message: &SendMessage,
    ) -> Answer<Woken<SentMessage>> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }
}
