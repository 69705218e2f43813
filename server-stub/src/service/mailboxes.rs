//! The linking mailbox: eight write-once slots, each read once, for ten minutes. Whoever knows its id may use it.

use super::{Answer, Refusal, Service};
use sealwire_wire::contract::{ErrorCode, Mailbox, MailboxSlot};

impl Service {
    /// A fresh mailbox.
    pub async fn create_mailbox(&self) -> Answer<Mailbox> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// Writes a slot. The same bytes again are a success.
    pub async fn put_slot(&self, mailbox: &str, slot: u8, content: &MailboxSlot) -> Answer<()> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// Reads a slot, once.
    pub async fn take_slot(&self, mailbox: &str, slot: u8) -> Answer<MailboxSlot> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }
}
