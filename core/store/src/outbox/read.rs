//! What is on its way, and what may go next.

use super::{NewOutboxEntry, OutboxEntry, OutboxEnvelope, OutboxHead, SealedSend};
use crate::columns::Col;
use crate::{LocalId, Rows, Secret32, StoreError};
use rusqlite::{OptionalExtension as _, Row};
use sealwire_wire::Timestamp;

/// The threads with something open, `t`: each by one look-up behind the last, however much is open in it.
macro_rules! open_threads {
    () => {
        "WITH RECURSIVE t (thread_id) AS (
             SELECT min(thread_id) FROM outbox WHERE state IN (1, 4, 5)
             UNION ALL
             SELECT (SELECT min(o.thread_id) FROM outbox o WHERE o.state IN (1, 4, 5) AND o.thread_id > t.thread_id)
             FROM t WHERE t.thread_id IS NOT NULL) "
    };
}

/// Every column, in the order that [`read_entry`] takes them.
macro_rules! outbox_columns {
    () => {
        "local_id, thread_id, client_seq, idempotency_key, state, attempts, rounds, next_attempt_at_ms, sent_at_ms, \
         body, sealed_key, sealed_ciphertext, sealed_digest, sealed_commitment, sealed_registration_id, waits_since_ms"
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

    /// The first open entry of each thread: the only ones that may go, so that a thread keeps its order.
    pub fn outbox_heads(&self) -> Result<Vec<OutboxHead>, StoreError> {
        self.statement(concat!(
            open_threads!(),
            "SELECT local_id, thread_id, next_attempt_at_ms FROM outbox WHERE local_id IN (
                 SELECT (SELECT local_id FROM outbox o WHERE o.thread_id = t.thread_id AND o.state IN (1, 4, 5)
                         ORDER BY o.client_seq LIMIT 1)
                 FROM t)
             ORDER BY next_attempt_at_ms, local_id",
        ))?
        .query_map([], |row| {
            Ok(OutboxHead {
                local_id: LocalId(row.get(0)?),
                thread: row.get::<_, Col<_>>(1)?.0,
                next_attempt_at: row.get::<_, Col<_>>(2)?.0,
            })
        })?
        .map(|row| Ok(row?))
        .collect()
    }

    /// When the next head may go; `None` when nothing is open.
    pub fn outbox_next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<Col<Timestamp>> = self
            .statement(concat!(
                open_threads!(),
                "SELECT min((SELECT next_attempt_at_ms FROM outbox o
                             WHERE o.thread_id = t.thread_id AND o.state IN (1, 4, 5)
                             ORDER BY o.client_seq LIMIT 1))
                 FROM t",
            ))?
            .query_row([], |row| row.get(0))?;
        Ok(due.map(|due| due.0))
    }

    /// How many entries are open: unsent, or to be settled with the relay.
    pub fn count_unsent(&self) -> Result<u64, StoreError> {
        let count: Col<u64> = self
            .statement("SELECT count(*) FROM outbox WHERE state IN (1, 4, 5)")?
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
            waits_since: row.get::<_, Col<_>>(15)?.0,
            body: row.get::<_, Col<_>>(9)?.0,
        },
        state: row.get(4)?,
        attempts: row.get(5)?,
        rounds: row.get(6)?,
        sent_at: row.get::<_, Option<Col<_>>>(8)?.map(|at| at.0),
        sealed,
    })
}
