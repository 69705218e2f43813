//! Rows of history that are tombstones: what they leave to say of a message is its place among those of its device.

use super::{Outcome, Receiver, Waiting};
use crate::expiry::{Removed, take_away};
use crate::{EngineError, Message};
use sealwire_store::{MessageKind, MessageState, NewMessage, ParkReason, Transaction};
use sealwire_wire::contract::{MessageRow, Removal};

impl Receiver<'_> {
    pub(super) fn take_removed(
        &mut self,
        tx: &mut Transaction<'_>,
        row: &MessageRow,
        removal: Removal,
    ) -> Result<Outcome, EngineError> {
        let (thread, message_id) = (row.thread_id, row.id);
        let (sender, device) = (&row.sender_id, row.sender_device_id);
        let held = tx.message_by_client_seq(thread, sender, device, row.client_seq)?;
        let Some(held) = held else {
            // Whoever's next message names it finds it here. A thread that nothing is known of stays unknown, unless what came
            // before in it still waits.
            if tx.thread(thread)?.is_some() {
                self.lease.forget_ends();
                tx.insert_message(&tombstone(row, self.now))?;
            } else if (self.waiting == Waiting::Stay || tx.count_parked_for(sender)? > 0)
                && self.may_wait(tx, sender)?
            {
                return self.park(tx, row, ParkReason::UnknownDevice, None);
            }
            return Ok(Outcome::Ignored);
        };
        // This device's own, whose 202 was lost: its number was taken, and what it said is over.
        let unconfirmed = held.message_id.is_none() && held.digest.is_some();
        if unconfirmed && self.me.is(sender, device) {
            tx.confirm_sent(held.local_id, row.id, row.created_at)?;
            tx.mark_outbox_sent(held.local_id, self.lifetime.now())?;
            let from = row.requeued_at.unwrap_or(row.created_at);
            let ttl_seconds = crate::view::ttl_seconds(&held);
            crate::expiry::note_expiry(tx, held.local_id, ttl_seconds, &self.lifetime, from)?;
        }
        Ok(match take_away(tx, held.local_id, removal)? {
            Removed::Expired(id) => match tx.message(id)? {
                Some(message) => Outcome::Expired(Message::from_row(message)),
                None => Outcome::Ignored,
            },
            Removed::Refused => Outcome::RemovalRefused { thread, message_id },
            Removed::Nothing => Outcome::Ignored,
        })
    }
}

fn tombstone(row: &MessageRow, now: sealwire_wire::Timestamp) -> NewMessage {
    NewMessage {
        thread: row.thread_id,
        sender: row.sender_id.clone(),
        sender_device: row.sender_device_id,
        client_seq: row.client_seq,
        revision: row.revision,
        message_id: Some(row.id),
        uid: None,
        kind: MessageKind::Tombstone,
        state: MessageState::Received,
        reason: None,
        content: None,
        text: None,
        commitment: None,
        stamp: None,
        digest: None,
        prev: None,
        created_at: Some(row.created_at),
        local_at: now,
    }
}
