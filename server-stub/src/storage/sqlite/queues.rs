//! Queues in SQLite.

use super::columns::{
    MESSAGE, device_name, message, message_id, number, of_number, text, thread_id, timestamp,
};
use super::controls::control;
use super::failures::reached_again;
use super::inbox::{preferences, preferences_due, queue_preferences, queue_preferences_of};
use super::{Pending, Sqlite, delivered};
use crate::storage::{Moved, QueueEntry, QueuePlace, QueueSource, Queued, Queues};
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use sealwire_wire::contract::{
    DeviceEnvelope, DeviceName, MessageRow, Removal, RemovalReason, ServerEvent,
};
use sealwire_wire::{Base64, MessageId, ThreadId, Timestamp, UserId};
use std::collections::BTreeSet;

pub(super) const MSG: i64 = 0;
const DEVICES: i64 = 1;
pub(super) const RESYNC: i64 = 2;
pub(super) const CONTROL: i64 = 3;
pub(super) const DEL: i64 = 4;
/// Queued anew for somebody whom it had failed for.
pub(super) const MSG_AGAIN: i64 = 5;
const THREAD: i64 = 6;
/// A message that ended before the device fetched it: its tombstone, in its place.
pub(super) const GONE: i64 = 7;

impl Queues for Sqlite {
    fn queue(&self, source: QueueSource, now: Timestamp) -> Pending<'_, Vec<DeviceName>> {
        self.write(move |db| match &source {
            QueueSource::Message { thread_id, id } => queue_messages(db, *thread_id, *id, now),
            QueueSource::List { user_id, version } => queue_list(db, user_id, *version, now),
            QueueSource::Control { id } => queue_control(db, *id, now),
            QueueSource::Preferences { thread_id, user_id } => {
                queue_preferences(db, *thread_id, user_id, THREAD, now)
            }
        })
    }

    fn not_yet_queued(&self) -> Pending<'_, Vec<QueueSource>> {
        self.read(|db| {
            let mut due: Vec<QueueSource> = db
                .prepare_cached("SELECT thread_id, id FROM message WHERE queued = 0 ORDER BY thread_id, id")?
                .query_map([], |row| {
                    Ok(QueueSource::Message {
                        thread_id: thread_id(row, 0)?,
                        id: message_id(row, 1)?,
                    })
                })?
                .collect::<Result<_>>()?;
            let lists = db
                .prepare_cached("SELECT user_id, version FROM device_list WHERE queued = 0 ORDER BY user_id, version")?
                .query_map([], |row| {
                    Ok(QueueSource::List {
                        user_id: text(row, 0)?,
                        version: number(row, 1)?,
                    })
                })?
                .collect::<Result<Vec<_>>>()?;
            due.extend(lists);
            let controls = db
                .prepare_cached("SELECT DISTINCT id FROM control WHERE queued = 0 ORDER BY id")?
                .query_map([], |row| Ok(QueueSource::Control { id: message_id(row, 0)? }))?
                .collect::<Result<Vec<_>>>()?;
            due.extend(controls);
            let preferences = preferences_due(db)?.into_iter();
            due.extend(preferences.map(|(thread_id, user_id)| QueueSource::Preferences { thread_id, user_id }));
            Ok(due)
        })
    }

    fn queue_after(
        &self,
        device: DeviceName,
        after: u64,
        limit: u32,
    ) -> Pending<'_, Vec<QueueEntry>> {
        self.read(move |db| {
            let sql = format!(
                "SELECT q.position, q.kind, q.about_user, q.version, q.message_id, q.thread_id, q.queued_at, {MESSAGE} FROM queue_entry q
                 LEFT JOIN message m ON m.thread_id = q.thread_id AND m.id = q.message_id
                 LEFT JOIN envelope e ON e.thread_id = m.thread_id AND e.message_id = m.id
                     AND e.user_id = q.user_id AND e.device_id = q.device_id
                 WHERE q.user_id = ?1 AND q.device_id = ?2 AND q.position > ?3 ORDER BY q.position LIMIT ?4"
            );
            db.prepare_cached(&sql)?
                .query_map(
                    params![
                        device.user_id.as_str(),
                        device.device_id.get(),
                        of_number(after),
                        limit
                    ],
                    |row| {
                        let event = match row.get::<_, i64>(1)? {
                            MSG | MSG_AGAIN => ServerEvent::Msg {
                                message: Box::new(message(row, 7)?),
                            },
                            GONE => ServerEvent::Msg {
                                message: Box::new(gone(message(row, 7)?, timestamp(row, 6)?)),
                            },
                            CONTROL => ServerEvent::Control {
                                control: Box::new(control(db, message_id(row, 4)?, &device)?),
                            },
                            THREAD => {
                                let thread_id = thread_id(row, 5)?;
                                ServerEvent::Thread {
                                    thread_id,
                                    mine: Some(preferences(db, thread_id, &device.user_id)?),
                                }
                            }
                            DEVICES => ServerEvent::Devices {
                                user_id: text(row, 2)?,
                                version: number(row, 3)?,
                            },
                            DEL => ServerEvent::Del {
                                thread_id: thread_id(row, 5)?,
                                message_id: message_id(row, 4)?,
                                removed: Removal {
                                    reason: RemovalReason::Expired,
                                    at: timestamp(row, 6)?,
                                },
                            },
                            _ => ServerEvent::Resync {},
                        };
                        Ok(QueueEntry {
                            position: number(row, 0)?,
                            event,
                        })
                    },
                )?
                .collect()
        })
    }

    fn acknowledge(
        &self,
        device: DeviceName,
        positions: Vec<u64>,
        now: Timestamp,
    ) -> Pending<'_, Vec<Moved>> {
        self.write(move |db| {
            let (user, id) = (device.user_id.as_str(), device.device_id.get());
            // RETURNING would make a table for each of them.
            let mut entry = db.prepare_cached(
                "SELECT thread_id, message_id, kind FROM queue_entry
                 WHERE position = ?3 AND user_id = ?1 AND device_id = ?2",
            )?;
            let mut taken = db.prepare_cached("DELETE FROM queue_entry WHERE position = ?1")?;
            let mut envelope = db.prepare_cached(
                "DELETE FROM envelope WHERE thread_id = ?3 AND message_id = ?4 AND user_id = ?1 AND device_id = ?2",
            )?;
            let (mut acknowledged, mut last) = (Vec::new(), 0);
            let mut again = BTreeSet::new();
            for position in positions.iter().copied() {
                let of = entry
                    .query_row(params![user, id, of_number(position)], |row| {
                        Ok((
                            row.get::<_, Option<[u8; 16]>>(0)?,
                            row.get::<_, Option<[u8; 16]>>(1)?,
                            row.get::<_, i64>(2)?,
                        ))
                    })
                    .optional()?;
                if of.is_some() {
                    taken.execute([of_number(position)])?;
                }
                match of {
                    Some((Some(thread), Some(message), kind)) => {
                        // A tombstone has none: the one that is there belongs to an entry further on.
                        if kind != GONE {
                            envelope.execute(params![user, id, thread, message])?;
                        }
                        let (thread, message) = (ThreadId::from_bytes(thread), MessageId::from_bytes(message));
                        if matches!(kind, MSG | MSG_AGAIN) {
                            acknowledged.push((thread, message));
                        }
                        if kind == MSG_AGAIN && reached_again(db, thread, message, &device.user_id)? {
                            again.insert(thread);
                        }
                        last = last.max(position);
                    }
                    Some((None, Some(message), _)) => {
                        db.prepare_cached("DELETE FROM control WHERE id = ?1 AND user_id = ?2 AND device_id = ?3")?
                            .execute(params![message, user, id])?;
                    }
                    _ => {}
                }
            }
            let mut moved = delivered::delivered(db, &device, acknowledged, last, now)?;
            for thread in again {
                if !moved.iter().any(|moved| moved.thread_id == thread) {
                    moved.extend(delivered::delivered_again(db, thread, &device.user_id, now)?);
                }
            }
            Ok(moved)
        })
    }

    fn queued_entries(&self) -> Pending<'_, u64> {
        self.read(move |db| {
            db.prepare_cached("SELECT count(*) FROM queue_entry")?
                .query_row([], |row| number(row, 0))
        })
    }

    fn queue_length(&self, device: DeviceName) -> Pending<'_, u64> {
        self.read(move |db| {
            db.prepare_cached(
                "SELECT count(*) FROM queue_entry WHERE user_id = ?1 AND device_id = ?2",
            )?
            .query_row(
                params![device.user_id.as_str(), device.device_id.get()],
                |row| number(row, 0),
            )
        })
    }
}

/// The entry of one device's envelope, when everything before it in the thread is queued.
pub(super) fn queue_one(
    db: &Connection,
    row: &MessageRow,
    envelope: &DeviceEnvelope,
    after: u64,
    now: Timestamp,
) -> Result<Queued> {
    let (user, device) = (envelope.user_id.as_str(), envelope.device_id);
    db.prepare_cached(
        "INSERT INTO queue_entry (user_id, device_id, kind, thread_id, message_id, queued_at, expiring)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        user,
        device.get(),
        MSG,
        row.thread_id.as_bytes(),
        row.id.to_bytes(),
        of_number(now.0),
        row.ttl_seconds.map(|_| 1)
    ])?;
    Ok(Queued {
        device: DeviceName {
            user_id: envelope.user_id.clone(),
            device_id: device,
        },
        place: Some(QueuePlace {
            after,
            position: db.last_insert_rowid().unsigned_abs(),
        }),
    })
}

/// Every message of the thread up to `id` that is still due, oldest first: what the devices read keeps the thread's order
/// however the steps of two senders interleave.
pub(super) fn queue_messages(
    db: &Connection,
    thread: ThreadId,
    id: MessageId,
    now: Timestamp,
) -> Result<Vec<DeviceName>> {
    let due: Vec<(MessageId, Option<i64>)> = db
        .prepare_cached(
            "SELECT id, iif(expires_at IS NULL, NULL, 1) FROM message WHERE thread_id = ?1 AND id <= ?2 AND queued = 0 ORDER BY id",
        )?
        .query_map(params![thread.as_bytes(), id.to_bytes()], |row| {
            Ok((message_id(row, 0)?, row.get(1)?))
        })?
        .collect::<Result<_>>()?;
    let mut told = Vec::new();
    for (id, expiring) in due {
        // A removed device reads no more.
        let devices: Vec<DeviceName> = db
            .prepare_cached(
                "INSERT INTO queue_entry (user_id, device_id, kind, thread_id, message_id, queued_at, expiring)
                 SELECT e.user_id, e.device_id, ?3, e.thread_id, e.message_id, ?4, ?5 FROM envelope e
                 JOIN device d ON d.user_id = e.user_id AND d.device_id = e.device_id AND d.state = 1 AND d.disabled_at IS NULL
                 WHERE e.thread_id = ?1 AND e.message_id = ?2
                 RETURNING user_id, device_id",
            )?
            .query_map(
                params![thread.as_bytes(), id.to_bytes(), MSG, of_number(now.0), expiring],
                |row| device_name(row, 0),
            )?
            .collect::<Result<_>>()?;
        told.extend(devices);
        db.prepare_cached(
            "DELETE FROM envelope WHERE thread_id = ?1 AND message_id = ?2 AND NOT EXISTS (
                 SELECT 1 FROM device d WHERE d.user_id = envelope.user_id AND d.device_id = envelope.device_id
                     AND d.state = 1 AND d.disabled_at IS NULL)",
        )?
        .execute(params![thread.as_bytes(), id.to_bytes()])?;
        db.prepare_cached("UPDATE message SET queued = 1 WHERE thread_id = ?1 AND id = ?2")?
            .execute(params![thread.as_bytes(), id.to_bytes()])?;
    }
    told.sort();
    told.dedup();
    Ok(told)
}

/// What the row said when its entry became its tombstone, also if it was sent anew to somebody else since.
fn gone(row: MessageRow, at: Timestamp) -> MessageRow {
    let reason = RemovalReason::Expired;
    MessageRow {
        ciphertext: Base64(Vec::new()),
        removed: row.removed.or(Some(Removal { reason, at })),
        envelope: None,
        ..row
    }
}

fn queue_control(db: &Connection, id: MessageId, now: Timestamp) -> Result<Vec<DeviceName>> {
    let told = db
        .prepare_cached(
            "INSERT INTO queue_entry (user_id, device_id, kind, message_id, queued_at)
             SELECT c.user_id, c.device_id, ?2, c.id, ?3 FROM control c
             JOIN device d ON d.user_id = c.user_id AND d.device_id = c.device_id AND d.state = 1 AND d.disabled_at IS NULL
             WHERE c.id = ?1 AND c.queued = 0
             RETURNING user_id, device_id",
        )?
        .query_map(params![id.to_bytes(), CONTROL, of_number(now.0)], |row| {
            device_name(row, 0)
        })?
        .collect::<Result<_>>()?;
    db.prepare_cached(
        "DELETE FROM control WHERE id = ?1 AND queued = 0 AND NOT EXISTS (
             SELECT 1 FROM device d WHERE d.user_id = control.user_id AND d.device_id = control.device_id
                 AND d.state = 1 AND d.disabled_at IS NULL)",
    )?
    .execute([id.to_bytes()])?;
    db.prepare_cached("UPDATE control SET queued = 1 WHERE id = ?1 AND queued = 0")?
        .execute([id.to_bytes()])?;
    Ok(told)
}

fn queue_list(
    db: &Connection,
    user: &UserId,
    version: u64,
    now: Timestamp,
) -> Result<Vec<DeviceName>> {
    let due = db
        .prepare_cached(
            "UPDATE device_list SET queued = 1 WHERE user_id = ?1 AND version = ?2 AND queued = 0",
        )?
        .execute(params![user.as_str(), of_number(version)])?;
    if due == 0 {
        return Ok(Vec::new());
    }
    retire_removed(db, user)?;
    let mut told = queue_preferences_of(db, user, THREAD, now)?;
    let of_list = db.prepare_cached(
        "INSERT INTO queue_entry (user_id, device_id, kind, about_user, version, queued_at)
         SELECT d.user_id, d.device_id, ?2, ?1, ?3, ?4 FROM device d WHERE d.state = 1 AND d.disabled_at IS NULL AND d.user_id IN (
             SELECT ?1 UNION SELECT b.user_id FROM participant a JOIN participant b ON b.thread_id = a.thread_id
             WHERE a.user_id = ?1
         ) RETURNING user_id, device_id",
    )?
    .query_map(
        params![user.as_str(), DEVICES, of_number(version), of_number(now.0)],
        |row| device_name(row, 0),
    )?
    .collect::<Result<Vec<_>>>()?;
    told.extend(of_list);
    told.sort();
    told.dedup();
    Ok(told)
}

fn retire_removed(db: &Connection, user: &UserId) -> Result<()> {
    let removed: Vec<DeviceName> = db
        .prepare_cached("SELECT user_id, device_id FROM device WHERE user_id = ?1 AND state = 2")?
        .query_map([user.as_str()], |row| device_name(row, 0))?
        .collect::<Result<_>>()?;
    removed.iter().try_for_each(|device| retire(db, device))
}

/// What lay ready for a device that reads no more. The marks of given keys go too: ids of devices never return.
pub(super) fn retire(db: &Connection, device: &DeviceName) -> Result<()> {
    for sql in [
        // Whatever has no entry yet goes when it would get one.
        "DELETE FROM envelope WHERE (message_id, thread_id) IN (
             SELECT message_id, thread_id FROM queue_entry
             WHERE user_id = ?1 AND device_id = ?2 AND thread_id IS NOT NULL)
         AND user_id = ?1 AND device_id = ?2",
        "DELETE FROM queue_entry WHERE user_id = ?1 AND device_id = ?2",
        "DELETE FROM acknowledged_ahead WHERE user_id = ?1 AND device_id = ?2",
        "DELETE FROM control WHERE user_id = ?1 AND device_id = ?2",
        "DELETE FROM one_time_prekey WHERE user_id = ?1 AND device_id = ?2",
        "DELETE FROM signed_prekey WHERE user_id = ?1 AND device_id = ?2",
        "DELETE FROM kem_prekey WHERE user_id = ?1 AND device_id = ?2",
    ] {
        db.prepare_cached(sql)?
            .execute(params![device.user_id.as_str(), device.device_id.get()])?;
    }
    Ok(())
}
