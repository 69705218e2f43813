//! Threads and messages in SQLite.

use super::columns::{
    MESSAGE, device_id, message, message_id, number, of_envelope_type, of_message_kind, of_number,
    of_seq, of_thread_kind, some_timestamp, text, thread_id, thread_kind, timestamp,
};
use super::kept_keys::{self, Kept, Recent};
use super::queues::{queue_messages, queue_one};
use super::{Pending, Sqlite};
use crate::storage::inbox::empty_place;
use crate::storage::{
    AcceptMessage, Accepted, EarlierSend, Messages, Queued, SendName, ThreadRecord,
};
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use sealwire_wire::contract::{DeviceEnvelope, DeviceName, MessageKind, MessageRow, SentMessage};
use sealwire_wire::{IdempotencyKey, MessageId, ThreadId, Timestamp};
use std::sync::Arc;

impl Messages for Sqlite {
    fn create_thread(&self, thread: ThreadRecord) -> Pending<'_, bool> {
        self.write(move |db| {
            let added = db
                .prepare_cached(
                    "INSERT OR IGNORE INTO thread (thread_id, kind, created_at, last_id, last_change, messages, place)
                     VALUES (?1, ?2, ?3, NULL, 0, 0, ?4)",
                )?
                .execute(params![
                    thread.id.as_bytes(),
                    of_thread_kind(thread.kind),
                    of_number(thread.created_at.0),
                    empty_place(thread.id, thread.created_at).to_bytes()
                ])?;
            if added == 0 {
                return Ok(false);
            }
            for user in &thread.participants {
                db.prepare_cached("INSERT INTO participant (thread_id, user_id, sent) VALUES (?1, ?2, 0)")?
                    .execute(params![thread.id.as_bytes(), user.as_str()])?;
            }
            Ok(true)
        })
    }

    fn thread(&self, id: ThreadId) -> Pending<'_, Option<ThreadRecord>> {
        self.read(move |db| {
            let found = db
                .prepare_cached(
                    "SELECT kind, created_at, last_id FROM thread WHERE thread_id = ?1",
                )?
                .query_row([id.as_bytes()], |row| {
                    Ok(ThreadRecord {
                        id,
                        kind: thread_kind(row, 0)?,
                        participants: Vec::new(),
                        created_at: timestamp(row, 1)?,
                        last_id: row
                            .get::<_, Option<[u8; 16]>>(2)?
                            .map(MessageId::from_bytes),
                    })
                })
                .optional()?;
            let Some(mut thread) = found else {
                return Ok(None);
            };
            thread.participants = db
                .prepare_cached(
                    "SELECT user_id FROM participant WHERE thread_id = ?1 ORDER BY user_id",
                )?
                .query_map([id.as_bytes()], |row| text(row, 0))?
                .collect::<Result<_>>()?;
            Ok(Some(thread))
        })
    }

    fn earlier_send(
        &self,
        name: SendName,
        key: IdempotencyKey,
        now: Timestamp,
    ) -> Pending<'_, Option<Accepted>> {
        self.read(move |db| earlier(db, &name, &key, now))
    }

    fn keep_key(
        &self,
        name: SendName,
        key: IdempotencyKey,
        expires_at: Timestamp,
    ) -> Pending<'_, ()> {
        self.write(move |db| {
            let sent = Kept::Send(name.thread_id, name.client_seq);
            kept_keys::keep(db, &name.sender, &key, sent, expires_at)
        })
    }

    fn accept_message(&self, step: AcceptMessage) -> Pending<'_, Accepted> {
        self.write(move |db| accept(db, &step))
    }

    fn accept_and_queue(
        &self,
        step: Arc<AcceptMessage>,
        now: Timestamp,
    ) -> Pending<'_, (Accepted, Vec<Queued>)> {
        self.write(move |db| {
            let queued = match insert_next(db, &step, true)? {
                Ok(queued) => queued,
                Err(refused) => return Ok((refused, Vec::new())),
            };
            if !queued {
                insert_envelopes(db, &step)?;
                let told = queue_messages(db, step.row.thread_id, step.row.id, now)?;
                let queued = told.into_iter().map(|device| Queued {
                    device,
                    place: None,
                });
                return Ok((Accepted::Accepted, queued.collect()));
            }
            let mut queued = Vec::with_capacity(step.envelopes.len());
            for envelope in &step.envelopes {
                // A removed device reads no more.
                if let Some(after) = last_entry_of_live(db, envelope)? {
                    insert_envelope(db, &step.row, envelope)?;
                    queued.push(queue_one(db, &step.row, envelope, after, now)?);
                }
            }
            Ok((Accepted::Accepted, queued))
        })
    }

    fn void_send(&self, name: SendName) -> Pending<'_, Option<SentMessage>> {
        self.write(move |db| {
            if let Some(earlier) = sent_earlier(db, &name)? {
                return Ok(Some(earlier.answer));
            }
            db.prepare_cached(
                "INSERT OR IGNORE INTO void_send (thread_id, user_id, device_id, client_seq)
                 VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![
                name.thread_id.as_bytes(),
                name.sender.user_id.as_str(),
                name.sender.device_id.get(),
                of_seq(name.client_seq)
            ])?;
            Ok(None)
        })
    }

    fn threads_of_message(&self, id: MessageId) -> Pending<'_, Vec<ThreadId>> {
        self.read(move |db| {
            db.prepare_cached("SELECT thread_id FROM message WHERE id = ?1")?
                .query_map([id.to_bytes()], |row| thread_id(row, 0))?
                .collect()
        })
    }

    fn message(
        &self,
        thread: ThreadId,
        id: MessageId,
        reader: DeviceName,
    ) -> Pending<'_, Option<MessageRow>> {
        self.read(move |db| {
            db.prepare_cached(&rows_where("m.thread_id = ?3 AND m.id = ?4"))?
                .query_row(
                    params![
                        reader.user_id.as_str(),
                        reader.device_id.get(),
                        thread.as_bytes(),
                        id.to_bytes()
                    ],
                    |row| message(row, 1),
                )
                .optional()
        })
    }

    fn messages_before(
        &self,
        thread: ThreadId,
        before: Option<MessageId>,
        limit: u32,
        reader: DeviceName,
    ) -> Pending<'_, Vec<MessageRow>> {
        self.read(move |db| {
            db.prepare_cached(&rows_where(
                "m.thread_id = ?3 AND (?4 IS NULL OR m.id < ?4) ORDER BY m.id DESC LIMIT ?5",
            ))?
            .query_map(
                params![
                    reader.user_id.as_str(),
                    reader.device_id.get(),
                    thread.as_bytes(),
                    before.map(MessageId::to_bytes),
                    limit
                ],
                |row| message(row, 1),
            )?
            .collect()
        })
    }

    fn messages_changed(
        &self,
        thread: ThreadId,
        after: u64,
        limit: u32,
        reader: DeviceName,
    ) -> Pending<'_, Vec<(u64, MessageRow)>> {
        self.read(move |db| {
            let mut changed = Vec::new();
            for rows in [UNTOUCHED, TOUCHED] {
                let page: Vec<(u64, MessageRow)> = db
                    .prepare_cached(&rows_where(rows))?
                    .query_map(
                        params![
                            reader.user_id.as_str(),
                            reader.device_id.get(),
                            thread.as_bytes(),
                            of_number(after),
                            limit
                        ],
                        |row| Ok((number(row, 0)?, message(row, 1)?)),
                    )?
                    .collect::<Result<_>>()?;
                changed.extend(page);
            }
            changed.sort_by_key(|(change, _)| *change);
            changed.truncate(limit as usize);
            Ok(changed)
        })
    }
}

/// Those that nothing has changed, made after the change ?4. Their order is that of ids, so that they need no index of their
/// own, which would be one more page for each message.
const UNTOUCHED: &str = "m.thread_id = ?3 AND m.id >= coalesce(
     (SELECT a.id FROM message a WHERE a.thread_id = ?3 AND a.change <= ?4 AND a.change % 64 = 0
      ORDER BY a.change DESC LIMIT 1), x'')
     AND m.change > ?4 AND m.touched IS NULL ORDER BY m.id LIMIT ?5";
/// Those that were changed after it.
const TOUCHED: &str = "m.thread_id = ?3 AND m.touched > ?4 ORDER BY m.touched LIMIT ?5";

/// Messages with the envelope of the device (?1, ?2): the change number, then the columns of [`MESSAGE`].
fn rows_where(condition: &'static str) -> String {
    format!(
        "SELECT coalesce(m.touched, m.change), {MESSAGE} FROM message m
         LEFT JOIN envelope e ON e.thread_id = m.thread_id AND e.message_id = m.id AND e.user_id = ?1 AND e.device_id = ?2
         WHERE {condition}"
    )
}

/// The message with its envelopes, if number, key and id are free.
fn accept(db: &Connection, step: &AcceptMessage) -> Result<Accepted> {
    match insert_next(db, step, false)? {
        Ok(_) => {
            insert_envelopes(db, step)?;
            Ok(Accepted::Accepted)
        }
        Err(refused) => Ok(refused),
    }
}

/// What a message counts as in its thread.
#[derive(Clone, Copy)]
struct Place {
    change: i64,
    /// Of messages, reactions apart.
    ordinal: i64,
    /// Of those that are its sender's.
    of_sender: i64,
}

/// What a send finds: thread, sender, device, key, day, now and client_seq.
const STANDING: &str = "SELECT t.last_id, t.last_change, t.messages,
     coalesce((SELECT sent FROM participant WHERE thread_id = ?1 AND user_id = ?2), 0),
     EXISTS (SELECT 1 FROM message WHERE thread_id = ?1 AND queued = 0),
     EXISTS (SELECT 1 FROM kept_key WHERE day IN (?5, ?5 + 1, ?5 + 2) AND user_id = ?2 AND device_id = ?3 AND digest = ?4
         AND expires_at > ?6)
     OR EXISTS (SELECT 1 FROM void_send WHERE thread_id = ?1 AND user_id = ?2 AND device_id = ?3 AND client_seq = ?7),
     r.day, r.entries
     FROM thread t LEFT JOIN recent_key r ON r.user_id = ?2 AND r.device_id = ?3 WHERE t.thread_id = ?1";

/// Where a thread is.
struct Standing {
    last_id: Option<MessageId>,
    place: Place,
    is_anything_due: bool,
    is_used: bool,
    keys: Recent,
}

fn standing(db: &Connection, step: &AcceptMessage) -> Result<Option<Standing>> {
    let row = &step.row;
    db.prepare_cached(STANDING)?
        .query_row(
            params![
                row.thread_id.as_bytes(),
                row.sender_id.as_str(),
                row.sender_device_id.get(),
                kept_keys::digest(&step.key),
                kept_keys::day(row.created_at),
                of_number(row.created_at.0),
                of_seq(row.client_seq)
            ],
            |row| {
                let keys = Recent::new(row.get(6)?, row.get(7)?);
                Ok(Standing {
                    last_id: row
                        .get::<_, Option<[u8; 16]>>(0)?
                        .map(MessageId::from_bytes),
                    place: Place {
                        change: row.get(1)?,
                        ordinal: row.get(2)?,
                        of_sender: row.get(3)?,
                    },
                    is_anything_due: row.get(4)?,
                    is_used: row.get(5)? || keys.find(&step.key, step.row.created_at).is_some(),
                    keys,
                })
            },
        )
        .optional()
}

/// The row in the next place of its thread, with its key kept, if number, key and id are free. It counts as queued when
/// nothing before it is due; whether it does.
fn insert_next(
    db: &Connection,
    step: &AcceptMessage,
    may_be_queued: bool,
) -> Result<std::result::Result<bool, Accepted>> {
    let name = step.name();
    let refused = |last_id: Option<MessageId>| -> Result<Accepted> {
        let earlier = earlier(db, &name, &step.key, step.row.created_at)?;
        Ok(earlier.unwrap_or(match last_id {
            Some(last) => Accepted::IdPassed(last),
            None => Accepted::NoThread,
        }))
    };
    let Some(found) = standing(db, step)? else {
        return refused(None).map(Err);
    };
    if found.is_used
        && let Some(earlier) = earlier(db, &name, &step.key, step.row.created_at)?
    {
        return Ok(Err(earlier));
    }
    if found.last_id.is_some_and(|last| last >= step.row.id) {
        return refused(found.last_id).map(Err);
    }
    let counts = step.row.kind == MessageKind::Message;
    let place = Place {
        change: found.place.change.saturating_add(1),
        ordinal: found.place.ordinal.saturating_add(i64::from(counts)),
        of_sender: found.place.of_sender.saturating_add(i64::from(counts)),
    };
    let queued = may_be_queued && !found.is_anything_due;
    if !insert(db, step, place, queued)? {
        return refused(found.last_id).map(Err);
    }
    let (thread, id) = (step.row.thread_id.as_bytes(), step.row.id.to_bytes());
    if counts {
        db.prepare_cached(
            "UPDATE participant SET sent = ?3 WHERE thread_id = ?1 AND user_id = ?2",
        )?
        .execute(params![
            thread,
            step.row.sender_id.as_str(),
            place.of_sender
        ])?;
    }
    db.prepare_cached(
        "UPDATE thread SET last_id = ?2, last_change = ?3, messages = ?4, place = iif(?5, ?2, place) WHERE thread_id = ?1",
    )?
    .execute(params![thread, id, place.change, place.ordinal, counts])?;
    let sent = Kept::Send(name.thread_id, name.client_seq);
    let expires_at = step.key_expires_at;
    found
        .keys
        .keep(db, &name.sender, &step.key, sent, expires_at)?;
    Ok(Ok(queued))
}

fn earlier(
    db: &Connection,
    name: &SendName,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<Accepted>> {
    let kept = kept_keys::find(db, &name.sender, key, now)?;
    if kept.is_some_and(|kept| kept != Kept::Send(name.thread_id, name.client_seq)) {
        return Ok(Some(Accepted::KeyReused));
    }
    let sent = sent_earlier(db, name)?;
    if sent.is_some() {
        return Ok(sent.map(Accepted::Earlier));
    }
    Ok(is_void(db, name)?.then_some(Accepted::Void))
}

fn sent_earlier(db: &Connection, name: &SendName) -> Result<Option<EarlierSend>> {
    db.prepare_cached(
        "SELECT fingerprint, id, created_at, sender_device_id, requeued_at FROM message
         WHERE thread_id = ?1 AND sender_id = ?2 AND sender_device_id = ?3 AND client_seq = ?4",
    )?
    .query_row(
        params![
            name.thread_id.as_bytes(),
            name.sender.user_id.as_str(),
            name.sender.device_id.get(),
            of_seq(name.client_seq)
        ],
        |row| {
            Ok(EarlierSend {
                fingerprint: row.get(0)?,
                answer: SentMessage {
                    id: message_id(row, 1)?,
                    thread_id: name.thread_id,
                    sender_id: name.sender.user_id.clone(),
                    sender_device_id: device_id(row, 3)?,
                    client_seq: name.client_seq,
                    created_at: timestamp(row, 2)?,
                    requeued_at: some_timestamp(row, 4)?,
                },
            })
        },
    )
    .optional()
}

fn is_void(db: &Connection, name: &SendName) -> Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM void_send
             WHERE thread_id = ?1 AND user_id = ?2 AND device_id = ?3 AND client_seq = ?4)",
    )?
    .query_row(
        params![
            name.thread_id.as_bytes(),
            name.sender.user_id.as_str(),
            name.sender.device_id.get(),
            of_seq(name.client_seq)
        ],
        |row| row.get(0),
    )
}

/// Whether its number was free.
fn insert(db: &Connection, step: &AcceptMessage, place: Place, queued: bool) -> Result<bool> {
    let row = &step.row;
    let inserted = db.prepare_cached(
        "INSERT INTO message (thread_id, id, sender_id, sender_device_id, client_seq, fingerprint, revision, kind,
             target_id, ttl_seconds, ciphertext, commitment, stamp_key_id, stamp_mac, created_at, change, expires_at, queued,
             ordinal, of_sender)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?15 + ?10 * 1000, ?17, ?18, ?19)
         ON CONFLICT (thread_id, sender_id, sender_device_id, client_seq) DO NOTHING",
    )?
    .execute(params![
        row.thread_id.as_bytes(),
        row.id.to_bytes(),
        row.sender_id.as_str(),
        row.sender_device_id.get(),
        of_seq(row.client_seq),
        step.fingerprint,
        row.revision,
        of_message_kind(row.kind),
        row.target_msg_id.map(MessageId::to_bytes),
        row.ttl_seconds,
        row.ciphertext.as_slice(),
        row.commitment.0,
        row.stamp.key_id,
        row.stamp.mac.0,
        of_number(row.created_at.0),
        place.change,
        queued,
        place.ordinal,
        place.of_sender,
    ])?;
    Ok(inserted == 1)
}

fn insert_envelopes(db: &Connection, step: &AcceptMessage) -> Result<()> {
    step.envelopes
        .iter()
        .try_for_each(|one| insert_envelope(db, &step.row, one))
}

fn insert_envelope(db: &Connection, row: &MessageRow, one: &DeviceEnvelope) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO envelope (thread_id, message_id, user_id, device_id, kind, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        row.thread_id.as_bytes(),
        row.id.to_bytes(),
        one.user_id.as_str(),
        one.device_id.get(),
        of_envelope_type(one.kind),
        one.body.as_slice(),
    ])?;
    Ok(())
}

/// The last entry that waits for the device of an envelope, 0 for none; none for a device that is not live.
fn last_entry_of_live(db: &Connection, envelope: &DeviceEnvelope) -> Result<Option<u64>> {
    db.prepare_cached(
        "SELECT ifnull((SELECT max(position) FROM queue_entry WHERE user_id = ?1 AND device_id = ?2), 0)
         FROM device WHERE user_id = ?1 AND device_id = ?2 AND state = 1 AND disabled_at IS NULL",
    )?
    .query_row(
        params![envelope.user_id.as_str(), envelope.device_id.get()],
        |row| number(row, 0),
    )
    .optional()
}

#[cfg(test)]
mod tests {
    use super::super::{SqliteOptions, Threading};
    use super::*;
    use crate::service::tests::run;

    #[test]
    fn what_changed_is_found_by_index_and_not_by_a_walk() {
        let folder = tempfile::TempDir::new().unwrap();
        let options = SqliteOptions {
            threading: Threading::Inline,
            ..SqliteOptions::default()
        };
        let storage = Sqlite::open_with(folder.path(), options).unwrap();
        for (rows, indexes) in [
            (
                UNTOUCHED,
                &[
                    "(thread_id=? AND id>?)",
                    "message_by_change (thread_id=? AND change<?)",
                ][..],
            ),
            (
                TOUCHED,
                &["message_touched (thread_id=? AND touched>?)"][..],
            ),
        ] {
            let plan = storage.read(move |db| {
                db.prepare(&format!("EXPLAIN QUERY PLAN {}", rows_where(rows)))?
                    .raw_query()
                    .mapped(|row| row.get::<_, String>(3))
                    .collect::<Result<Vec<_>>>()
            });
            let plan = run(plan).unwrap();
            for index in indexes {
                assert!(plan.iter().any(|step| step.contains(index)), "{plan:#?}");
            }
            assert!(
                !plan.iter().any(|step| step.contains("TEMP B-TREE")),
                "{plan:#?}"
            );
        }
    }
}
