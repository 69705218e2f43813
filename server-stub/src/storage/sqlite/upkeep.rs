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
                .query_row([&name], |row| row.get(0))
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
            let mut has_more = false;
            for sql in [MAILBOXES, NONCES, VOIDS, KEYS, RECENT_KEYS] {
                let ended = db
                    .prepare_cached(sql)?
                    .execute(params![of_number(bounds.now.0), bounds.at_most])?;
                has_more |= ended >= bounds.at_most as usize;
            }
            let attachments = sweep_attachments(db, bounds)?;
            has_more |= attachments.len() >= bounds.at_most as usize;
            let (failures, more_entries) = sweep_queues(db, bounds)?;
            Ok(SweptRows {
                attachments,
                failures,
                has_more: has_more || more_entries,
            })
        })
    }
}

const MAILBOXES: &str = "DELETE FROM mailbox WHERE id IN (
     SELECT id FROM mailbox WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
const NONCES: &str = "DELETE FROM spent_nonce WHERE nonce IN (
     SELECT nonce FROM spent_nonce WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
const VOIDS: &str =
    "DELETE FROM void_send WHERE (thread_id, user_id, device_id, client_seq) IN (
     SELECT thread_id, user_id, device_id, client_seq FROM void_send WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2)";
const KEYS: &str = "DELETE FROM kept_key WHERE (day, user_id, device_id, digest) IN (
     SELECT day, user_id, device_id, digest FROM kept_key WHERE day < ?1 / 86400000 ORDER BY day LIMIT ?2)";
const RECENT_KEYS: &str = "DELETE FROM recent_key WHERE (user_id, device_id) IN (
     SELECT user_id, device_id FROM recent_key WHERE day < ?1 / 86400000 ORDER BY day LIMIT ?2)";
const ATTACHMENTS: &str = "DELETE FROM attachment WHERE id IN (
     SELECT id FROM attachment WHERE named = 0 AND created_at < ?1 ORDER BY created_at LIMIT ?2) RETURNING id";
/// The oldest entries that are no `resync`.
const OLDEST: &str =
    "SELECT position, queued_at FROM queue_entry WHERE kind <> 2 ORDER BY position LIMIT ?1";
/// A device of these entries has one `resync`, however many there were.
const TELL_RESYNC: &str =
    "INSERT INTO queue_entry (user_id, device_id, kind, queued_at)
     SELECT q.user_id, q.device_id, ?2, ?3 FROM (
         SELECT DISTINCT user_id, device_id FROM queue_entry WHERE position < ?1 AND kind <> ?2) q
     WHERE NOT EXISTS (
         SELECT 1 FROM queue_entry r WHERE r.user_id = q.user_id AND r.device_id = q.device_id AND r.kind = 2)";

/// Entries that nobody fetched give way to one `resync` a device. Whether there are more of them.
fn sweep_queues(db: &Connection, bounds: SweepBounds) -> Result<(Vec<Failure>, bool)> {
    // Everything before the first entry that is young enough. After a clock that stepped back some stay a while longer.
    let oldest: Vec<(i64, i64)> = db
        .prepare_cached(OLDEST)?
        .query_map([bounds.at_most.saturating_add(1)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?
        .collect::<Result<_>>()?;
    let before = of_number(bounds.queued_before.0);
    let young = oldest.iter().find(|(_, queued_at)| *queued_at >= before);
    let has_more = young.is_none() && oldest.len() > bounds.at_most as usize;
    let end = match (young, oldest.last()) {
        (Some((position, _)), _) => *position,
        (None, Some((position, _))) if has_more => *position,
        (None, Some((position, _))) => position.saturating_add(1),
        (None, None) => return Ok((Vec::new(), false)),
    };
    let unfetched = unfetched(db, end)?;
    // Kind 7 is a tombstone: an envelope of its message belongs to the entry of a repeat.
    for sql in [
        "DELETE FROM control WHERE rowid IN (
             SELECT c.rowid FROM queue_entry q JOIN control c ON c.id = q.message_id
                 AND c.user_id = q.user_id AND c.device_id = q.device_id
             WHERE q.position < ?1 AND q.kind <> ?2 AND q.thread_id IS NULL)",
        "DELETE FROM envelope WHERE (message_id, thread_id, user_id, device_id) IN (
             SELECT q.message_id, q.thread_id, q.user_id, q.device_id FROM queue_entry q
             WHERE q.position < ?1 AND q.kind NOT IN (?2, 7))",
        TELL_RESYNC,
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
    Ok((failures, has_more))
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
    db.prepare_cached(ATTACHMENTS)?
        .query_map(
            params![of_number(bounds.unnamed_before.0), bounds.at_most],
            |row| text(row, 0),
        )?
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{SqliteOptions, Threading};
    use super::*;
    use crate::service::tests::run;

    const BOUNDS: SweepBounds = SweepBounds {
        now: Timestamp(86_400_000),
        queued_before: Timestamp(1_000),
        unnamed_before: Timestamp(1_000),
        at_most: 3,
    };

    fn sqlite(folder: &tempfile::TempDir) -> Sqlite {
        let options = SqliteOptions {
            threading: Threading::Inline,
            ..SqliteOptions::default()
        };
        Sqlite::open_with(folder.path(), options).unwrap()
    }

    #[test]
    fn a_step_of_the_sweeper_is_bounded_and_the_steps_together_end_everything() {
        let folder = tempfile::TempDir::new().unwrap();
        let storage = sqlite(&folder);
        run(storage.write(|db| {
            for number in 0..10 {
                db.execute("INSERT INTO mailbox VALUES (?1, 9)", [number.to_string()])?;
                db.execute("INSERT INTO spent_nonce VALUES (randomblob(32), 9)", [])?;
                db.execute("INSERT INTO void_send VALUES (x'00', 'a', 1, ?1, 9)", [number])?;
                db.execute(
                    "INSERT INTO kept_key (day, user_id, device_id, digest, message, expires_at) VALUES (0, 'a', 1, ?1, 1, 9)",
                    [number],
                )?;
                db.execute(
                    "INSERT INTO recent_key (user_id, device_id, day, entries) VALUES ('a', ?1, 0, x'')",
                    [number],
                )?;
                db.execute(
                    "INSERT INTO attachment (id, user_id, device_id, size, created_at) VALUES (?1, 'a', 1, 1, 9)",
                    [number.to_string()],
                )?;
                db.execute(
                    "INSERT INTO queue_entry (user_id, device_id, kind, about_user, version, queued_at)
                     VALUES ('a', ?1, 1, 'b', 1, 9)",
                    [number % 2],
                )?;
            }
            Ok(())
        }))
        .unwrap();
        let left = || {
            run(storage.read(|db| {
                [
                    "mailbox",
                    "spent_nonce",
                    "void_send",
                    "kept_key",
                    "recent_key",
                    "attachment",
                    "queue_entry WHERE kind = 1",
                ]
                .map(|of| db.query_row(&format!("SELECT count(*) FROM {of}"), [], |row| row.get(0)))
                .into_iter()
                .collect::<Result<Vec<i64>>>()
            }))
            .unwrap()
        };
        let mut expected = 10;
        loop {
            let swept = run(storage.sweep(BOUNDS)).unwrap();
            expected = 0.max(expected - 3);
            assert_eq!(left(), [expected; 7]);
            if !swept.has_more {
                break;
            }
        }
        assert_eq!(expected, 0);
        let resyncs = storage.read(|db| {
            db.query_row("SELECT count(*) FROM queue_entry", [], |row| {
                row.get::<_, i64>(0)
            })
        });
        assert_eq!(run(resyncs).unwrap(), 2);
    }

    #[test]
    fn the_sweeper_looks_at_nothing_but_what_it_ends() {
        let folder = tempfile::TempDir::new().unwrap();
        let storage = sqlite(&folder);
        for (sql, index) in [
            (MAILBOXES, "INDEX mailbox_by_expiry (expires_at<?)"),
            (NONCES, "INDEX spent_nonce_by_expiry (expires_at<?)"),
            (VOIDS, "INDEX void_send_by_expiry (expires_at<?)"),
            (KEYS, "PRIMARY KEY (day<?)"),
            (RECENT_KEYS, "INDEX recent_key_by_day (day<?)"),
            (ATTACHMENTS, "INDEX attachment_unnamed (created_at<?)"),
            (
                TELL_RESYNC,
                "INDEX queue_entry_resync (user_id=? AND device_id=?)",
            ),
        ] {
            let plan = storage.read(move |db| {
                db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?
                    .raw_query()
                    .mapped(|row| row.get::<_, String>(3))
                    .collect::<Result<Vec<_>>>()
            });
            let plan = run(plan).unwrap();
            assert!(plan.iter().any(|step| step.contains(index)), "{plan:#?}");
        }
    }
}
