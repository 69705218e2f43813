//! The linking mailbox: eight write-once slots, each read once, for ten minutes. Whoever knows its id may use it.

use super::{Answer, Refusal, Service};
use crate::storage::{SlotPut, SlotTaken};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealwire_wire::contract::{ErrorCode, Mailbox, MailboxSlot};
use sealwire_wire::limits::{PROVISIONING_SLOT_MAX, PROVISIONING_SLOTS, PROVISIONING_TTL_MS};
use sealwire_wire::{Base64, IdempotencyKey};

/// 16 bytes in base64url without padding.
const ID_LENGTH: usize = 22;
/// When every mailbox is taken, some have ended after this long.
const BUSY_RETRY_MS: u64 = 30_000;

impl Service {
    /// A fresh mailbox.
    pub async fn create_mailbox(&self) -> Answer<Mailbox> {
        let id = URL_SAFE_NO_PAD.encode(self.random_bytes::<16>()?);
        let now = self.clock.now();
        let expires_at = now.plus_ms(PROVISIONING_TTL_MS);
        let made = self
            .storage
            .create_mailbox(id.clone(), expires_at, now, self.rules.mailboxes_max)
            .await?;
        if made {
            Ok(Mailbox { id, expires_at })
        } else {
            Err(
                Refusal::new(ErrorCode::RateLimited, "too many devices are being linked")
                    .retry_after_ms(BUSY_RETRY_MS),
            )
        }
    }

    /// Writes a slot. The same bytes again are a success.
    pub async fn put_slot(&self, mailbox: &str, slot: u8, content: &MailboxSlot) -> Answer<()> {
        check_address(mailbox, slot)?;
        if content.data.0.len() > PROVISIONING_SLOT_MAX {
            return Err(Refusal::new(
                ErrorCode::TooLarge,
                format!("a slot holds at most {PROVISIONING_SLOT_MAX} bytes"),
            ));
        }
        let put = self
            .storage
            .put_slot(
                mailbox.to_owned(),
                slot,
                content.data.0.clone(),
                self.clock.now(),
            )
            .await?;
        match put {
            SlotPut::Put => Ok(()),
            SlotPut::Taken => Err(Refusal::new(
                ErrorCode::SlotTaken,
                "the slot holds other bytes",
            )),
            SlotPut::Gone => Err(gone()),
        }
    }

    /// Reads a slot, once: under another name, or without one, it is not read again. A reader that names itself may repeat
    /// a read whose answer was lost.
    pub async fn take_slot(
        &self,
        mailbox: &str,
        slot: u8,
        reader: Option<&IdempotencyKey>,
    ) -> Answer<MailboxSlot> {
        check_address(mailbox, slot)?;
        match self
            .storage
            .take_slot(mailbox.to_owned(), slot, reader.cloned(), self.clock.now())
            .await?
        {
            SlotTaken::Data(data) => Ok(MailboxSlot { data: Base64(data) }),
            SlotTaken::Empty => Err(Refusal::new(ErrorCode::SlotEmpty, "not written yet")),
            SlotTaken::Read => Err(Refusal::new(
                ErrorCode::SlotRead,
                "read before: begin linking anew",
            )),
            SlotTaken::Gone => Err(gone()),
        }
    }
}

fn check_address(mailbox: &str, slot: u8) -> Answer<()> {
    if slot >= PROVISIONING_SLOTS {
        return Err(Refusal::new(ErrorCode::InvalidId, "slots are 0 to 7"));
    }
    if mailbox.len() != ID_LENGTH {
        return Err(gone());
    }
    Ok(())
}

fn gone() -> Refusal {
    Refusal::new(
        ErrorCode::NotFound,
        "no such mailbox, or its ten minutes are over",
    )
}
