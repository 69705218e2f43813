//! The steps of a send: in, sealed, attempted, accepted or given up, cleared.

use super::{NewOutboxEntry, OutboxEnvelope, OutboxState, SealedSend};
use crate::columns::Col;
use crate::{LocalId, MessageKind, StoreError, Transaction};
use rusqlite::params;
use sealwire_wire::{DeviceId, Timestamp, UserId};

impl Transaction<'_> {
    /// Puts an own message into the outbox, behind the others of its thread.
    pub fn enqueue(&mut self, entry: &NewOutboxEntry) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO outbox (local_id, thread_id, client_seq, idempotency_key, state, attempts, rounds,
                 next_attempt_at_ms, waits_since_ms, body)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?7, ?8)",
        )?
        .execute(params![
            entry.local_id.0,
            Col(entry.thread),
            Col(entry.client_seq),
            Col(&entry.idempotency_key),
            OutboxState::Unsent,
            Col(entry.next_attempt_at),
            Col(entry.waits_since),
            Col(&entry.body),
        ])
        .map_err(|error| match StoreError::is_constraint(&error) {
            true => StoreError::Conflict("outbox entry"),
            false => error.into(),
        })?;
        Ok(())
    }

    /// Keeps the sealed send. Sealed once: another sealed send over one that is held is [`StoreError::Conflict`].
    pub fn save_sealed(&mut self, id: LocalId, sealed: &SealedSend) -> Result<(), StoreError> {
        let changed = self
            .statement(
                "UPDATE outbox SET sealed_key = ?2, sealed_ciphertext = ?3, sealed_digest = ?4, sealed_commitment = ?5,
                     sealed_registration_id = ?6
                 WHERE local_id = ?1 AND sealed_key IS NULL",
            )?
            .execute(params![
                id.0,
                Col(&sealed.key),
                sealed.ciphertext,
                sealed.digest,
                sealed.commitment,
                sealed.registration_id
            ])?;
        if changed == 1 {
            return Ok(());
        }
        Err(match self.outbox_entry(id)? {
            Some(_) => StoreError::Conflict("sealed send"),
            None => StoreError::NoSuch("outbox entry"),
        })
    }

    /// Keeps an envelope, in place of one for the same device.
    pub fn save_envelope(
        &mut self,
        id: LocalId,
        envelope: &OutboxEnvelope,
    ) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO outbox_envelopes (local_id, user_id, device_id, registration_id, type, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)
             ON CONFLICT (local_id, user_id, device_id) DO UPDATE SET
                 registration_id = excluded.registration_id, type = excluded.type, body = excluded.body",
        )?
        .execute(params![
            id.0,
            Col(&envelope.user),
            Col(envelope.device),
            envelope.registration_id,
            Col(envelope.kind),
            envelope.body
        ])
        .map_err(|error| match StoreError::is_constraint(&error) {
            true => StoreError::NoSuch("outbox entry"),
            false => error.into(),
        })?;
        Ok(())
    }

    /// Drops the envelope of a device that is to get none; whether there was one.
    pub fn delete_envelope(
        &mut self,
        id: LocalId,
        user: &UserId,
        device: DeviceId,
    ) -> Result<bool, StoreError> {
        let deleted = self
            .statement("DELETE FROM outbox_envelopes WHERE local_id = ?1 AND user_id = ?2 AND device_id = ?3")?
            .execute(params![id.0, Col(user), Col(device)])?;
        Ok(deleted == 1)
    }

    /// An attempt was made and the next may be made at `next_attempt_at`.
    pub fn note_attempt(
        &mut self,
        id: LocalId,
        attempts: u32,
        rounds: u32,
        next_attempt_at: Timestamp,
    ) -> Result<(), StoreError> {
        let changed = self
            .statement("UPDATE outbox SET attempts = ?2, rounds = ?3, next_attempt_at_ms = ?4 WHERE local_id = ?1")?
            .execute(params![id.0, attempts, rounds, Col(next_attempt_at)])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("outbox entry"))
        }
    }

    /// The relay accepted it: it is no head any more, and the sealed send stays until it is cleared.
    pub fn mark_outbox_sent(&mut self, id: LocalId, sent_at: Timestamp) -> Result<(), StoreError> {
        let changed = self
            .statement("UPDATE outbox SET state = ?2, sent_at_ms = coalesce(sent_at_ms, ?3) WHERE local_id = ?1")?
            .execute(params![id.0, OutboxState::Sent, Col(sent_at)])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("outbox entry"))
        }
    }

    /// Given up, or tried again: the later ones of the thread do not wait for one that was given up.
    pub fn set_outbox_failed(&mut self, id: LocalId, failed: bool) -> Result<(), StoreError> {
        let state = if failed {
            OutboxState::Failed
        } else {
            OutboxState::Unsent
        };
        let changed = self
            .statement("UPDATE outbox SET state = ?2 WHERE local_id = ?1 AND state NOT IN (2, 5)")?
            .execute(params![id.0, state])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("unsent outbox entry"))
        }
    }

    /// One that was given up is tried again, from `now` on and for as long as one that is new at `since`.
    pub fn retry_outbox(
        &mut self,
        id: LocalId,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.set_outbox_failed(id, false)?;
        self.statement("UPDATE outbox SET waits_since_ms = ?2 WHERE local_id = ?1")?
            .execute(params![id.0, Col(since)])?;
        self.note_attempt(id, 0, 0, now)
    }

    /// The app does not want it sent any more: the relay is to be asked what became of it, from `next_attempt_at` on.
    pub fn set_outbox_cancelling(
        &mut self,
        id: LocalId,
        next_attempt_at: Timestamp,
    ) -> Result<(), StoreError> {
        let changed = self
            .statement(
                "UPDATE outbox SET state = ?2, attempts = 0, rounds = 0, next_attempt_at_ms = ?3
                 WHERE local_id = ?1 AND state IN (1, 3)",
            )?
            .execute(params![id.0, OutboxState::Cancelling, Col(next_attempt_at)])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("unsent outbox entry"))
        }
    }

    /// The relay accepted it, and it is sent once more: these users' devices are wrapped for anew. It is tried since `since`.
    pub fn set_outbox_repeating(
        &mut self,
        id: LocalId,
        users: &[UserId],
        since: Timestamp,
        next_attempt_at: Timestamp,
    ) -> Result<(), StoreError> {
        let changed = self
            .statement(
                "UPDATE outbox SET state = ?2, attempts = 0, rounds = 0, next_attempt_at_ms = ?3, waits_since_ms = ?5
                 WHERE local_id = ?1 AND state = ?4 AND sealed_key IS NOT NULL",
            )?
            .execute(params![
                id.0,
                OutboxState::Repeating,
                Col(next_attempt_at),
                OutboxState::Sent,
                Col(since)
            ])?;
        if changed != 1 {
            return Err(StoreError::NoSuch("sealed send"));
        }
        for user in users {
            self.statement("DELETE FROM outbox_envelopes WHERE local_id = ?1 AND user_id = ?2")?
                .execute(params![id.0, Col(user)])?;
        }
        Ok(())
    }

    /// Nothing of this send is needed any more: neither its plaintext nor what it was sealed with.
    pub fn delete_send(&mut self, id: LocalId) -> Result<(), StoreError> {
        self.statement("DELETE FROM outbox WHERE local_id = ?1")?
            .execute([id.0])?;
        self.delete_logged_sends(id)
    }

    /// Clears what the relay accepted before `before`; how many. Of a message whose time was over meanwhile, what devices were
    /// given when it was repeated goes too.
    pub fn clear_sealed_before(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        self.statement(
            "DELETE FROM send_log WHERE local_id IN (
                 SELECT o.local_id FROM outbox o JOIN messages m ON m.local_id = o.local_id
                 WHERE o.sent_at_ms < ?1 AND o.state = ?2 AND m.kind = ?3)",
        )?
        .execute(params![
            Col(before),
            OutboxState::Sent,
            MessageKind::Tombstone
        ])?;
        Ok(self
            .statement("DELETE FROM outbox WHERE sent_at_ms < ?1 AND state = ?2")?
            .execute(params![Col(before), OutboxState::Sent])?)
    }
}
