//! One row as it comes: held already, this device's own, gone, or to be opened; and those that wait for the network.

use super::{NUMBER_MAX, Outcome, Receiver, Waiting, duplicate};
use crate::expiry::note_expiry;
use crate::view::ttl_seconds;
use crate::{EngineError, Message};
use sealwire_store::{ParkReason, StoreError, Transaction};
use sealwire_wire::UserId;
use sealwire_wire::contract::MessageRow;

/// Frames that wait for one user's list: a day of a lively conversation.
const PARKED_PER_USER_MAX: u64 = 1_000;
/// Frames that wait, whomever for.
const PARKED_MAX: u64 = 20_000;

impl Receiver<'_> {
    /// One row: nothing of the store changes unless the row opens, is parked, or gets its placeholder.
    pub(super) fn take(
        &mut self,
        tx: &mut Transaction<'_>,
        row: &MessageRow,
    ) -> Result<Outcome, EngineError> {
        if row.client_seq.0 > NUMBER_MAX || row.created_at.0 > NUMBER_MAX {
            return Ok(Outcome::Refused);
        }
        if let Some(removal) = row.removed {
            return self.take_removed(tx, row, removal);
        }
        if self.me.is(&row.sender_id, row.sender_device_id) {
            return self.take_own(tx, row);
        }
        let held = self.held(tx, row)?;
        let placeholder = match held {
            Some(held) if held.kind == sealwire_store::MessageKind::Placeholder => {
                Some(held.local_id)
            }
            // Said to be gone before it came, and queued anew since.
            Some(held) if row.envelope.is_some() && tx.give_number_up(held.local_id)? => {
                self.lease.forget_ends();
                None
            }
            #[cfg(feature = "planted")]
            Some(held) if crate::planted::has(crate::planted::Planted::NoDedup) => {
                return Ok(Outcome::Received(Message::from_row(held), Vec::new()));
            }
            Some(_) => return Ok(duplicate(row)),
            None => None,
        };
        if let Some(id) = placeholder
            && let Some(outcome) = self.open_with_answer(tx, row, id)?
        {
            return Ok(outcome);
        }
        let Some(envelope) = &row.envelope else {
            return match placeholder {
                Some(_) => Ok(Outcome::Ignored),
                None => self.take_expired(tx, row),
            };
        };
        match self.open(tx, row, envelope) {
            Ok(opened) => self.commit(tx, row, opened, placeholder),
            Err(refusal) => self.refuse(tx, row, refusal, placeholder),
        }
    }

    /// The row that is held under the number of this one.
    fn held(
        &mut self,
        tx: &Transaction<'_>,
        row: &MessageRow,
    ) -> Result<Option<sealwire_store::Message>, StoreError> {
        let (thread, user, device) = (row.thread_id, &row.sender_id, row.sender_device_id);
        let ends = self.lease.ends(tx, thread, user, device)?;
        if ends.is_none_or(|ends| row.client_seq > ends.highest) {
            return Ok(None);
        }
        tx.message_by_client_seq(thread, user, device, row.client_seq)
    }

    /// This device's own message, come back through history: its 202 may have been lost.
    fn take_own(&self, tx: &mut Transaction<'_>, row: &MessageRow) -> Result<Outcome, EngineError> {
        let held = tx.message_by_client_seq(
            row.thread_id,
            &row.sender_id,
            row.sender_device_id,
            row.client_seq,
        )?;
        let Some(held) = held.filter(|held| held.message_id.is_none() && held.digest.is_some())
        else {
            return Ok(Outcome::Ignored);
        };
        let digest = sealwire_crypto::primitives::sha256(row.ciphertext.as_slice());
        if held.digest != Some(digest) {
            return Ok(Outcome::Ignored);
        }
        tx.confirm_sent(held.local_id, row.id, row.created_at)?;
        tx.mark_outbox_sent(held.local_id, self.lifetime.now())?;
        let from = row.requeued_at.unwrap_or(row.created_at);
        note_expiry(tx, held.local_id, ttl_seconds(&held), &self.lifetime, from)?;
        Ok(match tx.message(held.local_id)? {
            Some(message) => Outcome::Confirmed(Message::from_row(message)),
            None => Outcome::Ignored,
        })
    }

    /// Whoever floods with frames that need the network gets placeholders for what is too much.
    pub(super) fn may_wait(
        &self,
        tx: &Transaction<'_>,
        user: &UserId,
    ) -> Result<bool, EngineError> {
        Ok(match self.waiting {
            Waiting::Park => {
                tx.count_parked_for(user)? < PARKED_PER_USER_MAX && tx.count_parked()? < PARKED_MAX
            }
            Waiting::Stay => true,
            Waiting::GiveUp => false,
        })
    }

    pub(super) fn park(
        &self,
        tx: &mut Transaction<'_>,
        row: &MessageRow,
        reason: ParkReason,
        version: Option<u64>,
    ) -> Result<Outcome, EngineError> {
        self.park_frame(tx, row, &row.sender_id, reason, version)
    }

    /// As JSON, which it was read from, unless it is parked already.
    pub(super) fn park_frame(
        &self,
        tx: &mut Transaction<'_>,
        frame: &impl serde::Serialize,
        user: &UserId,
        reason: ParkReason,
        version: Option<u64>,
    ) -> Result<Outcome, EngineError> {
        if self.waiting == Waiting::Park {
            tx.park_frame(&sealwire_store::NewParkedFrame {
                frame: serde_json::to_vec(frame).map_err(crate::account::internal)?,
                reason,
                waits_for: user.clone(),
                version,
                received_at: self.now,
            })?;
        }
        Ok(Outcome::Parked { user: user.clone() })
    }
}
