//! Own messages on their way to the relay: the plaintext until the first dispatch, from then on the sealed send too.

use crate::columns::{Col, number_column};
use crate::{LocalId, Rows, Secret32, SecretBytes, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, Row, params};
use sealwire_wire::contract::EnvelopeType;
use sealwire_wire::{ClientSeq, DeviceId, IdempotencyKey, ThreadId, Timestamp, UserId};

/// An own message as it enters the outbox.
pub struct NewOutboxEntry {
    /// Its row.
    pub local_id: LocalId,
    /// Where it goes.
    pub thread: ThreadId,
    /// Its number, from [`Transaction::take_client_seq`].
    pub client_seq: ClientSeq,
    /// The same for every attempt.
    pub idempotency_key: IdempotencyKey,
    /// When it may go.
    pub next_attempt_at: Timestamp,
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
    /// When the relay accepted it.
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
}
number_column!(OutboxState { Unsent = 1, Sent = 2, Failed = 3 });

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

/// Every column, in the order that [`read_entry`] takes them.
macro_rules! outbox_columns {
    () => {
        "local_id, thread_id, client_seq, idempotency_key, state, attempts, rounds, next_attempt_at_ms, sent_at_ms, \
         body, sealed_key, sealed_ciphertext, sealed_digest, sealed_commitment, sealed_registration_id"
    };
}

impl Rows {
    /// One entry.
    pub fn outbox_entry(&self, id: LocalId) -> Result<Option<OutboxEntry>, StoreError> {
        self.statement(concat!(
            "SELECT ",
            outbox_columns!(),
            " FROM outbox WHERE local_id = ?1"
        ))?
        .query_row([id.0], read_entry)
        .optional()
        .map_err(StoreError::from)
    }

    /// The first unsent entry of each thread: the only ones that may go, so that a thread keeps its order.
    pub fn outbox_heads(&self) -> Result<Vec<OutboxEntry>, StoreError> {
        self.statement(concat!(
            "SELECT ",
            outbox_columns!(),
            " FROM outbox WHERE local_id IN (
                 SELECT (SELECT local_id FROM outbox o WHERE o.thread_id = t.thread_id AND o.state = 1
                         ORDER BY o.client_seq LIMIT 1)
                 FROM (SELECT DISTINCT thread_id FROM outbox WHERE state = 1) t)
             ORDER BY next_attempt_at_ms, local_id"
        ))?
        .query_map([], read_entry)?
        .map(|row| Ok(row?))
        .collect()
    }

    /// The first unsent entry of one thread.
    pub fn outbox_head(&self, thread: ThreadId) -> Result<Option<OutboxEntry>, StoreError> {
        self.statement(concat!(
            "SELECT ",
            outbox_columns!(),
            " FROM outbox WHERE thread_id = ?1 AND state = 1 ORDER BY client_seq LIMIT 1"
        ))?
        .query_row([Col(thread)], read_entry)
        .optional()
        .map_err(StoreError::from)
    }

    /// When the next head may go; `None` when nothing is unsent.
    pub fn outbox_next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<Col<Timestamp>> = self
            .statement(
                "SELECT min((SELECT next_attempt_at_ms FROM outbox o WHERE o.thread_id = t.thread_id AND o.state = 1
                             ORDER BY o.client_seq LIMIT 1))
                 FROM (SELECT DISTINCT thread_id FROM outbox WHERE state = 1) t",
            )?
            .query_row([], |row| row.get(0))?;
        Ok(due.map(|due| due.0))
    }

    /// How many entries are unsent.
    pub fn count_unsent(&self) -> Result<u64, StoreError> {
        let count: Col<u64> = self
            .statement("SELECT count(*) FROM outbox WHERE state = 1")?
            .query_row([], |row| row.get(0))?;
        Ok(count.0)
    }

    /// The envelopes of a sealed send.
    pub fn outbox_envelopes(&self, id: LocalId) -> Result<Vec<OutboxEnvelope>, StoreError> {
        self.statement(
            "SELECT user_id, device_id, registration_id, type, body FROM outbox_envelopes WHERE local_id = ?1
             ORDER BY user_id, device_id",
        )?
        .query_map([id.0], |row| {
            Ok(OutboxEnvelope {
                user: row.get::<_, Col<_>>(0)?.0,
                device: row.get::<_, Col<_>>(1)?.0,
                registration_id: row.get(2)?,
                kind: row.get::<_, Col<_>>(3)?.0,
                body: row.get(4)?,
            })
        })?
        .map(|row| Ok(row?))
        .collect()
    }
}

impl Transaction<'_> {
    /// Puts an own message into the outbox, behind the others of its thread.
    pub fn enqueue(&mut self, entry: &NewOutboxEntry) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO outbox (local_id, thread_id, client_seq, idempotency_key, state, attempts, rounds,
                 next_attempt_at_ms, body)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, 0, ?6, ?7)",
        )?
        .execute(params![
            entry.local_id.0,
            Col(entry.thread),
            Col(entry.client_seq),
            Col(&entry.idempotency_key),
            OutboxState::Unsent,
            Col(entry.next_attempt_at),
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
            .statement("UPDATE outbox SET state = ?2 WHERE local_id = ?1 AND state <> 2")?
            .execute(params![id.0, state])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("unsent outbox entry"))
        }
    }

    /// Takes an entry out, with all that was sealed; whether it was there.
    pub fn delete_outbox_entry(&mut self, id: LocalId) -> Result<bool, StoreError> {
        Ok(self
            .statement("DELETE FROM outbox WHERE local_id = ?1")?
            .execute([id.0])?
            == 1)
    }

    /// Clears what the relay accepted before `before`; how many.
    pub fn clear_sealed_before(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        Ok(self
            .statement("DELETE FROM outbox WHERE sent_at_ms < ?1")?
            .execute([Col(before)])?)
    }

    /// This device's registration changed: nothing sealed under the old one is ever sent. The plaintext of the unsent stays.
    pub fn drop_sealed_all(&mut self) -> Result<(), StoreError> {
        self.statement("DELETE FROM outbox WHERE state = 2")?
            .execute([])?;
        self.statement("DELETE FROM outbox_envelopes")?
            .execute([])?;
        self.statement(
            "UPDATE outbox SET sealed_key = NULL, sealed_ciphertext = NULL, sealed_digest = NULL,
                 sealed_commitment = NULL, sealed_registration_id = NULL, rounds = 0",
        )?
        .execute([])?;
        Ok(())
    }
}

fn read_entry(row: &Row<'_>) -> rusqlite::Result<OutboxEntry> {
    let key: Option<Col<Secret32>> = row.get(10)?;
    let sealed = match key {
        None => None,
        Some(key) => Some(SealedSend {
            key: key.0,
            ciphertext: row.get(11)?,
            digest: row.get::<_, Col<_>>(12)?.0,
            commitment: row.get::<_, Col<_>>(13)?.0,
            registration_id: row.get(14)?,
        }),
    };
    Ok(OutboxEntry {
        entry: NewOutboxEntry {
            local_id: LocalId(row.get(0)?),
            thread: row.get::<_, Col<_>>(1)?.0,
            client_seq: row.get::<_, Col<_>>(2)?.0,
            idempotency_key: row.get::<_, Col<_>>(3)?.0,
            next_attempt_at: row.get::<_, Col<_>>(7)?.0,
            body: row.get::<_, Col<_>>(9)?.0,
        },
        state: row.get(4)?,
        attempts: row.get(5)?,
        rounds: row.get(6)?,
        sent_at: row.get::<_, Option<Col<_>>>(8)?.map(|at| at.0),
        sealed,
    })
}
