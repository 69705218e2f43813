//! What did not reach its recipients, in SQLite.

use super::columns::{device_name, message_id, number, of_number, text, thread_id, timestamp};
use super::marks::stored;
use super::order::oldest_first;
use super::queues::{DEL, GONE, MSG, MSG_AGAIN, queue_messages};
use super::requeue::requeue;
use super::{Pending, Sqlite};
use crate::storage::{Ended, FailUndelivered, Failure, Failures, Requeue, Requeued};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use sealwire_wire::contract::{DeviceName, FailedRecipient, FailureReason};
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// The columns that [`failure`] reads.
const FAILURE: &str = "number, thread_id, sender_id, message_id, user_id, reason, at";

impl Failures for Sqlite {
    fn expired_messages(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Pending<'_, Vec<(ThreadId, MessageId)>> {
        self.read(move |db| {
            db.prepare_cached(
                "SELECT thread_id, id FROM message WHERE expires_at <= ?1 ORDER BY expires_at LIMIT ?2",
            )?
            .query_map(params![of_number(now.0), limit], |row| {
                Ok((thread_id(row, 0)?, message_id(row, 1)?))
            })?
            .collect()
        })
    }

    fn expire_message(
        &self,
        thread: ThreadId,
        id: MessageId,
        now: Timestamp,
    ) -> Pending<'_, Ended> {
        self.write(move |db| {
            let place = params![thread.as_bytes(), id.to_bytes(), of_number(now.0)];
            let due: Option<UserId> = db
                .prepare_cached(
                    "SELECT sender_id FROM message WHERE thread_id = ?1 AND id = ?2 AND expires_at <= ?3",
                )?
                .query_row(place, |row| text(row, 0))
                .optional()?;
            let Some(sender) = due else {
                return Ok(Ended::default());
            };
            // Whatever waits for it later finds its place among the others.
            let mut told = queue_messages(db, thread, id, now)?;
            let mut failures = Vec::new();
            for user in recipients(db, thread, &sender)? {
                failures.extend(fail(db, thread, id, &sender, &user, FailureReason::Expired, now)?);
            }
            let change = next_change(db, thread)?;
            db.prepare_cached(
                "UPDATE message SET ciphertext = x'', removed_reason = 0, removed_at = ?3, expires_at = NULL, touched = ?4
                 WHERE thread_id = ?1 AND id = ?2",
            )?
            .execute(params![thread.as_bytes(), id.to_bytes(), of_number(now.0), change])?;
            told.extend(tell_removed(db, thread, id, now)?);
            db.prepare_cached(
                "UPDATE queue_entry SET kind = ?3 WHERE thread_id = ?1 AND message_id = ?2 AND expiring = 1",
            )?
            .execute(params![thread.as_bytes(), id.to_bytes(), GONE])?;
            db.prepare_cached("DELETE FROM envelope WHERE thread_id = ?1 AND message_id = ?2")?
                .execute(params![thread.as_bytes(), id.to_bytes()])?;
            Ok(Ended { told, failures })
        })
    }

    fn fail_undelivered(&self, step: FailUndelivered) -> Pending<'_, Vec<Failure>> {
        self.write(move |db| {
            let (thread, recipient) = (step.thread_id, step.recipient.as_str());
            let waiting = waiting(db, &step)?;
            let mut failures = Vec::new();
            for id in waiting {
                let failed = fail(db, thread, id, &step.sender, &step.recipient, step.reason, step.at)?;
                if failed.is_some() {
                    db.prepare_cached(
                        "DELETE FROM queue_entry WHERE thread_id = ?1 AND message_id = ?2 AND user_id = ?3 AND kind IN (?4, ?5)",
                    )?
                    .execute(params![thread.as_bytes(), id.to_bytes(), recipient, MSG, MSG_AGAIN])?;
                    db.prepare_cached(
                        "DELETE FROM envelope WHERE thread_id = ?1 AND message_id = ?2 AND user_id = ?3",
                    )?
                    .execute(params![thread.as_bytes(), id.to_bytes(), recipient])?;
                }
                failures.extend(failed);
            }
            Ok(failures)
        })
    }

    fn failures_of(&self, thread: ThreadId, id: MessageId) -> Pending<'_, Vec<FailedRecipient>> {
        self.read(move |db| of_message(db, thread, id))
    }

    fn failures_after(&self, sender: UserId, after: u64, limit: u32) -> Pending<'_, Vec<Failure>> {
        self.read(move |db| {
            db.prepare_cached(&format!(
                "SELECT {FAILURE} FROM failure WHERE sender_id = ?1 AND number > ?2 ORDER BY number LIMIT ?3"
            ))?
            .query_map(params![sender.as_str(), of_number(after), limit], failure)?
            .collect()
        })
    }

    fn requeue(&self, step: Requeue) -> Pending<'_, Option<Requeued>> {
        self.write(move |db| requeue(db, &step))
    }
}

/// The sender's messages that wait for a recipient: those above the delivered mark, and those on their way again.
fn waiting(db: &Connection, step: &FailUndelivered) -> Result<BTreeSet<MessageId>> {
    let (thread, recipient) = (step.thread_id.as_bytes(), step.recipient.as_str());
    let again = db
        .prepare_cached(
            "SELECT f.message_id FROM failure f
             WHERE f.thread_id = ?1 AND f.user_id = ?2 AND f.sender_id = ?3 AND f.reason IS NULL
                 AND EXISTS (SELECT 1 FROM envelope e
                     WHERE e.message_id = f.message_id AND e.thread_id = ?1 AND e.user_id = ?2)",
        )?
        .query_map(params![thread, recipient, step.sender.as_str()], |row| {
            message_id(row, 0)
        })?
        .collect::<Result<Vec<_>>>()?;
    let mut found = BTreeSet::from_iter(again);
    let mark = stored(db, step.thread_id, &step.recipient)?.mark.delivered;
    let mut waits = db.prepare_cached(
        "SELECT sender_id = ?4 AND EXISTS (SELECT 1 FROM envelope e
             WHERE e.message_id = id AND e.thread_id = ?2 AND e.user_id = ?3)
         FROM message WHERE number = ?1",
    )?;
    oldest_first(
        db,
        step.thread_id,
        mark.map(|mark| mark.up_to),
        |number, id| {
            let of = params![number, thread, recipient, step.sender.as_str()];
            if waits.query_row(of, |row| row.get(0))? {
                found.insert(id);
            }
            Ok(ControlFlow::Continue(()))
        },
    )?;
    Ok(found)
}

/// A message that has not reached this recipient fails for them, unless it had failed before.
pub(super) fn fail(
    db: &Connection,
    thread: ThreadId,
    id: MessageId,
    sender: &UserId,
    recipient: &UserId,
    reason: FailureReason,
    at: Timestamp,
) -> Result<Option<Failure>> {
    let known = of_message(db, thread, id)?
        .into_iter()
        .find(|failed| failed.user_id == *recipient);
    let reached = match known {
        Some(failed) => failed.reason.is_some(),
        None => has_got(db, thread, id, recipient)?,
    };
    if reached {
        return Ok(None);
    }
    put(db, thread, id, sender, recipient, Some(reason), at).map(Some)
}

/// What is on its way again has reached its recipient: no word on it any more, the marks say it. Whether it was.
pub(super) fn reached_again(
    db: &Connection,
    thread: ThreadId,
    id: MessageId,
    user: &UserId,
) -> Result<bool> {
    let gone = db.prepare_cached(
        "DELETE FROM failure WHERE thread_id = ?1 AND message_id = ?2 AND user_id = ?3 AND reason IS NULL",
    )?
    .execute(params![thread.as_bytes(), id.to_bytes(), user.as_str()])?;
    Ok(gone > 0)
}

fn has_got(db: &Connection, thread: ThreadId, id: MessageId, user: &UserId) -> Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM mark WHERE thread_id = ?1 AND user_id = ?3 AND delivered_up_to >= ?2)
         OR EXISTS (SELECT 1 FROM delivered_ahead WHERE thread_id = ?1 AND user_id = ?3 AND message_id = ?2)",
    )?
    .query_row(
        params![thread.as_bytes(), id.to_bytes(), user.as_str()],
        |row| row.get(0),
    )
}

fn recipients(db: &Connection, thread: ThreadId, sender: &UserId) -> Result<Vec<UserId>> {
    db.prepare_cached(
        "SELECT user_id FROM participant WHERE thread_id = ?1 AND user_id <> ?2 ORDER BY user_id",
    )?
    .query_map(params![thread.as_bytes(), sender.as_str()], |row| {
        text(row, 0)
    })?
    .collect()
}

pub(super) fn next_change(db: &Connection, thread: ThreadId) -> Result<i64> {
    db.prepare_cached(
        "UPDATE thread SET last_change = last_change + 1 WHERE thread_id = ?1 RETURNING last_change",
    )?
    .query_row([thread.as_bytes()], |row| row.get(0))
}

/// Devices that had the message, the sending one apart: live, there before it was sent, nothing of it waiting for them, and of
/// nobody for whom it failed.
fn tell_removed(
    db: &Connection,
    thread: ThreadId,
    id: MessageId,
    now: Timestamp,
) -> Result<Vec<DeviceName>> {
    db.prepare_cached(
        "INSERT INTO queue_entry (user_id, device_id, kind, thread_id, message_id, queued_at)
         SELECT d.user_id, d.device_id, ?3, m.thread_id, m.id, ?4 FROM message m
         JOIN participant p ON p.thread_id = m.thread_id
         JOIN device d ON d.user_id = p.user_id AND d.state = 1 AND d.disabled_at IS NULL
             AND d.registered_at <= coalesce(m.requeued_at, m.created_at)
         WHERE m.thread_id = ?1 AND m.id = ?2
             AND NOT (d.user_id = m.sender_id AND d.device_id = m.sender_device_id)
             AND NOT EXISTS (SELECT 1 FROM envelope e WHERE e.thread_id = m.thread_id AND e.message_id = m.id
                 AND e.user_id = d.user_id AND e.device_id = d.device_id)
             AND NOT EXISTS (SELECT 1 FROM failure f WHERE f.thread_id = m.thread_id AND f.message_id = m.id
                 AND f.user_id = d.user_id)
         RETURNING user_id, device_id",
    )?
    .query_map(
        params![thread.as_bytes(), id.to_bytes(), DEL, of_number(now.0)],
        |row| device_name(row, 0),
    )?
    .collect()
}

pub(super) fn of_message(
    db: &Connection,
    thread: ThreadId,
    id: MessageId,
) -> Result<Vec<FailedRecipient>> {
    db.prepare_cached(&format!(
        "SELECT {FAILURE} FROM failure WHERE thread_id = ?1 AND message_id = ?2 ORDER BY user_id"
    ))?
    .query_map(params![thread.as_bytes(), id.to_bytes()], |row| {
        failure(row).map(|failure| failure.failed)
    })?
    .collect()
}

pub(super) fn put(
    db: &Connection,
    thread: ThreadId,
    id: MessageId,
    sender: &UserId,
    recipient: &UserId,
    reason: Option<FailureReason>,
    at: Timestamp,
) -> Result<Failure> {
    let code = reason.map(|reason| match reason {
        FailureReason::Blocked => 1,
        _ => 0,
    });
    let number = db
        .prepare_cached(
            "INSERT OR REPLACE INTO failure (thread_id, message_id, user_id, sender_id, reason, at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .insert(params![
            thread.as_bytes(),
            id.to_bytes(),
            recipient.as_str(),
            sender.as_str(),
            code,
            of_number(at.0)
        ])?;
    Ok(Failure {
        number: u64::try_from(number).unwrap_or_default(),
        thread_id: thread,
        sender_id: sender.clone(),
        failed: FailedRecipient {
            message_id: id,
            user_id: recipient.clone(),
            reason,
            at,
        },
    })
}

fn failure(row: &Row<'_>) -> Result<Failure> {
    Ok(Failure {
        number: number(row, 0)?,
        thread_id: thread_id(row, 1)?,
        sender_id: text(row, 2)?,
        failed: FailedRecipient {
            message_id: message_id(row, 3)?,
            user_id: text(row, 4)?,
            reason: row.get::<_, Option<i64>>(5)?.map(|code| match code {
                0 => FailureReason::Expired,
                1 => FailureReason::Blocked,
                _ => FailureReason::Unknown,
            }),
            at: timestamp(row, 6)?,
        },
    })
}
