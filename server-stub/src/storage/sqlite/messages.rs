//! Threads and messages in SQLite.

use super::columns::{
    MESSAGE, client_seq, device_id, message, message_id, number, of_envelope_type, of_message_kind,
    of_number, of_seq, of_thread_kind, some_timestamp, text, thread_id, thread_kind, timestamp,
};
use super::queues::{is_anything_due, queue_messages, queue_one};
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
        self.write(move |db| keep(db, &name, &key, expires_at))
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
            let thread = step.row.thread_id;
            let place = match next_place(db, &step)? {
                Ok(place) => place,
                Err(refused) => return Ok((refused, Vec::new())),
            };
            if is_anything_due(db, thread)? {
                insert_with_envelopes(db, &step, place)?;
                let told = queue_messages(db, thread, step.row.id, now)?;
                let queued = told.into_iter().map(|device| Queued {
                    device,
                    place: None,
                });
                return Ok((Accepted::Accepted, queued.collect()));
            }
            insert(db, &step, place, true)?;
            let mut queued = Vec::with_capacity(step.envelopes.len());
            for envelope in &step.envelopes {
                // A removed device reads no more.
                if insert_envelope_of_live(db, &step.row, envelope)? {
                    queued.push(queue_one(db, &step.row, envelope, now)?);
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
            db.prepare_cached(&rows_where(
                "m.thread_id = ?3 AND m.change > ?4 ORDER BY m.change LIMIT ?5",
            ))?
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
            .collect()
        })
    }
}

/// Messages with the envelope of the device (?1, ?2): the change number, then the columns of [`MESSAGE`].
fn rows_where(condition: &'static str) -> String {
    format!(
        "SELECT m.change, {MESSAGE} FROM message m
         LEFT JOIN envelope e ON e.thread_id = m.thread_id AND e.message_id = m.id AND e.user_id = ?1 AND e.device_id = ?2
         WHERE {condition}"
    )
}

/// The message with its envelopes, if number, key and id are free.
fn accept(db: &Connection, step: &AcceptMessage) -> Result<Accepted> {
    match next_place(db, step)? {
        Ok(place) => {
            insert_with_envelopes(db, step, place)?;
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

/// Takes the next place in the thread and keeps the key, if number, key and id are free.
fn next_place(
    db: &Connection,
    step: &AcceptMessage,
) -> Result<std::result::Result<Place, Accepted>> {
    let name = step.name();
    if let Some(earlier) = earlier(db, &name, &step.key, step.row.created_at)? {
        return Ok(Err(earlier));
    }
    let last: Option<(Option<[u8; 16]>, i64, i64)> = db
        .prepare_cached("SELECT last_id, last_change, messages FROM thread WHERE thread_id = ?1")?
        .query_row([step.row.thread_id.as_bytes()], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()?;
    let Some((last_id, last_change, messages)) = last else {
        return Ok(Err(Accepted::NoThread));
    };
    if let Some(last) = last_id.map(MessageId::from_bytes)
        && last >= step.row.id
    {
        return Ok(Err(Accepted::IdPassed(last)));
    }
    let counts = step.row.kind == MessageKind::Message;
    let of_sender = db
        .prepare_cached(
            "UPDATE participant SET sent = sent + ?3 WHERE thread_id = ?1 AND user_id = ?2 RETURNING sent",
        )?
        .query_row(
            params![
                step.row.thread_id.as_bytes(),
                step.row.sender_id.as_str(),
                i64::from(counts)
            ],
            |row| row.get(0),
        )
        .optional()?;
    let place = Place {
        change: last_change.saturating_add(1),
        ordinal: messages.saturating_add(i64::from(counts)),
        of_sender: of_sender.unwrap_or_default(),
    };
    db.prepare_cached(
        "UPDATE thread SET last_id = ?2, last_change = ?3, messages = ?4, place = iif(?5, ?2, place) WHERE thread_id = ?1",
    )?
    .execute(params![
        step.row.thread_id.as_bytes(),
        step.row.id.to_bytes(),
        place.change,
        place.ordinal,
        counts
    ])?;
    keep(db, &name, &step.key, step.key_expires_at)?;
    Ok(Ok(place))
}

fn earlier(
    db: &Connection,
    name: &SendName,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<Accepted>> {
    let (user, device) = (name.sender.user_id.as_str(), name.sender.device_id.get());
    let kept = db
        .prepare_cached(
            "SELECT thread_id, client_seq FROM kept_answer
             WHERE user_id = ?1 AND device_id = ?2 AND key = ?3 AND expires_at > ?4",
        )?
        .query_row(
            params![user, device, key.as_str(), of_number(now.0)],
            |row| {
                Ok(match row.get::<_, Option<[u8; 16]>>(0)? {
                    Some(thread) => Some((ThreadId::from_bytes(thread), client_seq(row, 1)?)),
                    None => None,
                })
            },
        )
        .optional()?;
    if kept.is_some_and(|kept| kept != Some((name.thread_id, name.client_seq))) {
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

pub(super) fn keep(
    db: &Connection,
    name: &SendName,
    key: &IdempotencyKey,
    expires_at: Timestamp,
) -> Result<()> {
    // One that expired and was not swept yet gives way.
    db.prepare_cached(
        "INSERT INTO kept_answer (user_id, device_id, key, thread_id, client_seq, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT DO UPDATE SET thread_id = ?4, client_seq = ?5, control_id = NULL, expires_at = ?6",
    )?
    .execute(params![
        name.sender.user_id.as_str(),
        name.sender.device_id.get(),
        key.as_str(),
        name.thread_id.as_bytes(),
        of_seq(name.client_seq),
        of_number(expires_at.0),
    ])?;
    Ok(())
}

fn insert(db: &Connection, step: &AcceptMessage, place: Place, queued: bool) -> Result<()> {
    let row = &step.row;
    db.prepare_cached(
        "INSERT INTO message (thread_id, id, sender_id, sender_device_id, client_seq, fingerprint, revision, kind,
             target_id, ttl_seconds, ciphertext, commitment, stamp_key_id, stamp_mac, created_at, change, expires_at, queued,
             ordinal, of_sender)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?15 + ?10 * 1000, ?17, ?18, ?19)",
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
    Ok(())
}

fn insert_with_envelopes(db: &Connection, step: &AcceptMessage, place: Place) -> Result<()> {
    insert(db, step, place, false)?;
    for one in &step.envelopes {
        db.prepare_cached(
            "INSERT INTO envelope (thread_id, message_id, user_id, device_id, kind, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            step.row.thread_id.as_bytes(),
            step.row.id.to_bytes(),
            one.user_id.as_str(),
            one.device_id.get(),
            of_envelope_type(one.kind),
            one.body.as_slice(),
        ])?;
    }
    Ok(())
}

/// Whether it was.
fn insert_envelope_of_live(
    db: &Connection,
    row: &MessageRow,
    one: &DeviceEnvelope,
) -> Result<bool> {
    let inserted = db
        .prepare_cached(
            "INSERT INTO envelope (thread_id, message_id, user_id, device_id, kind, body)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6
             WHERE EXISTS (
                 SELECT 1 FROM device WHERE user_id = ?3 AND device_id = ?4 AND state = 1 AND disabled_at IS NULL)",
        )?
        .execute(params![
            row.thread_id.as_bytes(),
            row.id.to_bytes(),
            one.user_id.as_str(),
            one.device_id.get(),
            of_envelope_type(one.kind),
            one.body.as_slice(),
        ])?;
    Ok(inserted == 1)
}
