//! Threads and messages in SQLite.

use super::accepting::{accept, accept_and_queue};
use super::columns::{
    MESSAGE, message, message_id, number, of_number, of_seq, of_thread_kind, text, thread_id,
    thread_kind, timestamp,
};
use super::kept_keys::{self, Kept};
use super::order::{MessageNumber, newest_first, oldest_first};
use super::sends::{self, earlier, sent_earlier};
use super::{Pending, Sqlite};
use crate::storage::inbox::empty_place;
use crate::storage::{AcceptMessage, Accepted, Messages, Queued, SendName, ThreadRecord};
use rusqlite::{CachedStatement, Connection, OptionalExtension as _, Result, params};
use sealwire_wire::contract::{DeviceName, MessageRow, SentMessage};
use sealwire_wire::{IdempotencyKey, MessageId, ThreadId, Timestamp};
use std::ops::{Bound, ControlFlow};
use std::sync::Arc;

impl Messages for Sqlite {
    fn create_thread(&self, thread: ThreadRecord) -> Pending<'_, bool> {
        self.write(move |db| {
            let added = db
                .prepare_cached(
                    "INSERT OR IGNORE INTO thread (thread_id, kind, created_at, last_nth, last_change, messages, place)
                     VALUES (?1, ?2, ?3, 0, 0, 0, ?4)",
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
                db.prepare_cached("INSERT INTO participant (thread_id, user_id) VALUES (?1, ?2)")?
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
            let Some(number) = sends::find(db, &name)? else {
                return Ok(());
            };
            let sent = Kept::Send(number);
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
        self.write(move |db| accept_and_queue(db, &step, now))
    }

    fn void_send(&self, name: SendName, expires_at: Timestamp) -> Pending<'_, Option<SentMessage>> {
        self.write(move |db| {
            if let Some(earlier) = sent_earlier(db, &name)? {
                return Ok(Some(earlier.answer));
            }
            db.prepare_cached(
                "INSERT INTO void_send (thread_id, user_id, device_id, client_seq, expires_at)
                 VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO UPDATE SET expires_at = max(expires_at, excluded.expires_at)",
            )?
            .execute(params![
                name.thread_id.as_bytes(),
                name.sender.user_id.as_str(),
                name.sender.device_id.get(),
                of_seq(name.client_seq),
                of_number(expires_at.0)
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
            let mut rows = Rows::new(db, &reader)?;
            let mut page = Vec::new();
            newest_first(
                db,
                thread,
                before.map_or(Bound::Unbounded, Bound::Excluded),
                |number, _| {
                    if page.len() == limit as usize {
                        return Ok(ControlFlow::Break(()));
                    }
                    page.push(rows.get(number)?.1);
                    Ok(ControlFlow::Continue(()))
                },
            )?;
            Ok(page)
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
            let mut changed = untouched(db, thread, after, limit, &reader)?;
            let touched: Vec<(u64, MessageRow)> = db
                .prepare_cached(&rows_where(TOUCHED))?
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
            changed.extend(touched);
            changed.sort_by_key(|(change, _)| *change);
            changed.truncate(limit as usize);
            Ok(changed)
        })
    }
}

/// The indexed message at or before the change ?2.
const BY_CHANGE: &str = "SELECT id FROM message INDEXED BY message_by_change
     WHERE thread_id = ?1 AND change <= ?2 AND nth % 64 = 0 ORDER BY change DESC LIMIT 1";

/// Those that nothing has changed, made after a change. Their order is that of ids, so that they need no index of their own,
/// which would be one more page for each message.
fn untouched(
    db: &Connection,
    thread: ThreadId,
    after: u64,
    limit: u32,
    reader: &DeviceName,
) -> Result<Vec<(u64, MessageRow)>> {
    let from = db
        .prepare_cached(BY_CHANGE)?
        .query_row(params![thread.as_bytes(), of_number(after)], |row| {
            message_id(row, 0)
        })
        .optional()?;
    let mut made =
        db.prepare_cached("SELECT change > ?2 AND touched IS NULL FROM message WHERE number = ?1")?;
    let mut rows = Rows::new(db, reader)?;
    let mut page = Vec::new();
    oldest_first(db, thread, from, |number, _| {
        if page.len() == limit as usize {
            return Ok(ControlFlow::Break(()));
        }
        if made.query_row(params![number, of_number(after)], |row| row.get(0))? {
            page.push(rows.get(number)?);
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(page)
}

/// Single messages as a device reads them.
struct Rows<'db> {
    row: CachedStatement<'db>,
    reader: DeviceName,
}

impl<'db> Rows<'db> {
    fn new(db: &'db Connection, reader: &DeviceName) -> Result<Self> {
        Ok(Self {
            row: db.prepare_cached(&rows_where("m.number = ?3"))?,
            reader: reader.clone(),
        })
    }

    /// The change number and the message.
    fn get(&mut self, of: MessageNumber) -> Result<(u64, MessageRow)> {
        self.row.query_row(
            params![
                self.reader.user_id.as_str(),
                self.reader.device_id.get(),
                of
            ],
            |row| Ok((number(row, 0)?, message(row, 1)?)),
        )
    }
}

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
        for (sql, indexes) in [
            (
                BY_CHANGE.to_owned(),
                &["message_by_change (thread_id=? AND change<?)"][..],
            ),
            (
                rows_where(TOUCHED),
                &["message_touched (thread_id=? AND touched>?)"][..],
            ),
        ] {
            let plan = storage.read(move |db| {
                db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?
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
