//! The relay's own keys and the sweeper, in SQLite.

use super::columns::{message_id, of_number, text, thread_id};
use super::failures::fail;
use super::queues::{MSG, MSG_AGAIN, RESYNC};
use super::{Pending, Sqlite};
use crate::storage::{Failure, SweepBounds, SweptRows, Upkeep};
use rusqlite::{Connection, Result, params};
use sealwire_wire::contract::FailureReason;
use sealwire_wire::{AttachmentId, MessageId, ThreadId, Timestamp, UserId};
use std::collections::BTreeSet;

impl Upkeep for Sqlite {
    fn secret(&self, name: String, fresh: [u8; 32]) -> Pending<'_, [u8; 32]> {
        self.write(move |db| {
            db.prepare_cached("INSERT OR IGNORE INTO secret (name, key) VALUES (?1, ?2)")?
                .execute(params![name, fresh])?;
            db.prepare_cached("SELECT key FROM secret WHERE name = ?1")?
                .query_row([name], |row| row.get(0))
        })
    }

    fn spend_nonce(&self, nonce: [u8; 32], expires_at: Timestamp) -> Pending<'_, bool> {
        self.write(move |db| {
            let spent = db
                .prepare_cached(
                    "INSERT OR IGNORE INTO spent_nonce (nonce, expires_at) VALUES (?1, ?2)",
                )?
                .execute(params![nonce, of_number(expires_at.0)])?;
            Ok(spent == 1)
        })
    }

    fn sweep(&self, bounds: SweepBounds) -> Pending<'_, SweptRows> {
        self.write(move |db| {
            for sql in [
                "DELETE FROM mailbox WHERE expires_at <= ?1",
                "DELETE FROM spent_nonce WHERE expires_at <= ?1",
                "DELETE FROM kept_answer WHERE expires_at <= ?1",
            ] {
                db.prepare_cached(sql)?.execute([of_number(bounds.now.0)])?;
            }
            Ok(SweptRows {
                failures: sweep_queues(db, bounds)?,
                attachments: sweep_attachments(db, bounds)?,
            })
        })
    }
}

/// Entries that nobody fetched give way to one `resync` a device.
fn sweep_queues(db: &Connection, bounds: SweepBounds) -> Result<Vec<Failure>> {
    // Everything before the first entry that is young enough. After a clock that stepped back some stay a while longer.
    let end: i64 = db
        .prepare_cached(
            "SELECT ifnull((SELECT position FROM queue_entry WHERE queued_at >= ?1 ORDER BY position LIMIT 1),
                 9223372036854775807)",
        )?
        .query_row([of_number(bounds.queued_before.0)], |row| row.get(0))?;
    let unfetched = unfetched(db, end)?;
    for sql in [
        "DELETE FROM control WHERE rowid IN (
             SELECT c.rowid FROM queue_entry q JOIN control c ON c.id = q.message_id
                 AND c.user_id = q.user_id AND c.device_id = q.device_id
             WHERE q.position < ?1 AND q.kind <> ?2 AND q.thread_id IS NULL)",
        "DELETE FROM envelope WHERE (thread_id, message_id, user_id, device_id) IN (
             SELECT q.thread_id, q.message_id, q.user_id, q.device_id FROM queue_entry q
             WHERE q.position < ?1 AND q.kind <> ?2)",
        "INSERT INTO queue_entry (user_id, device_id, kind, queued_at)
             SELECT DISTINCT q.user_id, q.device_id, ?2, ?3 FROM queue_entry q
             WHERE q.position < ?1 AND q.kind <> ?2 AND NOT EXISTS (
                 SELECT 1 FROM queue_entry r
                 WHERE r.user_id = q.user_id AND r.device_id = q.device_id AND r.kind = ?2)",
        "DELETE FROM queue_entry WHERE position < ?1 AND kind <> ?2",
    ] {
        let mut step = db.prepare_cached(sql)?;
        if step.parameter_count() == 3 {
            step.execute(params![end, RESYNC, of_number(bounds.now.0)])?;
        } else {
            step.execute(params![end, RESYNC])?;
        }
    }
    let mut failures = Vec::new();
    for (thread, id, sender, recipient) in unfetched {
        // Of two devices one may have come later to its entry, when the message was queued anew.
        if !waits(db, thread, id, &recipient)? {
            let reason = FailureReason::Expired;
            failures.extend(fail(
                db, thread, id, &sender, &recipient, reason, bounds.now,
            )?);
        }
    }
    Ok(failures)
}

/// Messages whose entries are about to go, with the recipients whose they are.
fn unfetched(db: &Connection, end: i64) -> Result<BTreeSet<(ThreadId, MessageId, UserId, UserId)>> {
    db.prepare_cached(
        "SELECT q.thread_id, q.message_id, m.sender_id, q.user_id FROM queue_entry q
         JOIN message m ON m.thread_id = q.thread_id AND m.id = q.message_id AND m.sender_id <> q.user_id
         WHERE q.position < ?1 AND q.kind IN (?2, ?3)",
    )?
    .query_map(params![end, MSG, MSG_AGAIN], |row| {
        Ok((
            thread_id(row, 0)?,
            message_id(row, 1)?,
            text(row, 2)?,
            text(row, 3)?,
        ))
    })?
    .collect()
}

fn waits(db: &Connection, thread: ThreadId, id: MessageId, user: &UserId) -> Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM envelope WHERE thread_id = ?1 AND message_id = ?2 AND user_id = ?3)",
    )?
    .query_row(
        params![thread.as_bytes(), id.to_bytes(), user.as_str()],
        |row| row.get(0),
    )
}

fn sweep_attachments(db: &Connection, bounds: SweepBounds) -> Result<Vec<AttachmentId>> {
    db.prepare_cached(
        "DELETE FROM attachment WHERE created_at < ?1
             AND NOT EXISTS (SELECT 1 FROM attachment_thread t WHERE t.attachment_id = attachment.id)
         RETURNING id",
    )?
    .query_map([of_number(bounds.unnamed_before.0)], |row| text(row, 0))?
    .collect()
}
