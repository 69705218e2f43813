//! The inbox in SQLite.
//!
//! Unread is a subtraction, however long the thread: every message counts once in its thread and once for its sender, and a
//! read mark remembers how many of others it covers. Only tombstones above the read mark are counted one by one.

use super::columns::{message_id, number, of_number, text, thread_id, thread_kind, timestamp};
use super::order::newest_first;
use super::{Pending, Sqlite, marks};
use crate::storage::{Inbox, InboxRecord, ThreadRecord};
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use sealwire_wire::contract::{DeviceName, Notifications, ThreadPreferences};
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};
use std::ops::{Bound, ControlFlow};

impl Inbox for Sqlite {
    fn inbox(
        &self,
        user: UserId,
        before: Option<MessageId>,
        limit: u32,
    ) -> Pending<'_, Vec<InboxRecord>> {
        self.read(move |db| {
            let mut page: Vec<InboxRecord> = db
                .prepare_cached(
                    "SELECT t.thread_id, t.kind, t.created_at, t.last_id, t.messages, t.place, k.read_others
                     FROM participant p JOIN thread t ON t.thread_id = p.thread_id
                     LEFT JOIN mark k ON k.thread_id = p.thread_id AND k.user_id = p.user_id
                     WHERE p.user_id = ?1 AND (?2 IS NULL OR t.place < ?2) ORDER BY t.place DESC LIMIT ?3",
                )?
                .query_map(
                    params![user.as_str(), before.map(MessageId::to_bytes), limit],
                    |row| {
                        let messages: u64 = number(row, 4)?;
                        let read: Option<i64> = row.get(6)?;
                        let read = read.and_then(|read| u64::try_from(read).ok()).unwrap_or(0);
                        Ok(InboxRecord {
                            thread: ThreadRecord {
                                id: thread_id(row, 0)?,
                                kind: thread_kind(row, 1)?,
                                participants: Vec::new(),
                                created_at: timestamp(row, 2)?,
                                last_id: row
                                    .get::<_, Option<[u8; 16]>>(3)?
                                    .map(MessageId::from_bytes),
                            },
                            last_message: match messages {
                                0 => None,
                                _ => Some(message_id(row, 5)?),
                            },
                            unread: messages.saturating_sub(read),
                            mine: ThreadPreferences::default(),
                            marks: Vec::new(),
                        })
                    },
                )?
                .collect::<Result<_>>()?;
            for record in &mut page {
                let thread = record.thread.id;
                let sent = u64::try_from(sent(db, thread, &user)?).unwrap_or(0);
                record.unread = record.unread.saturating_sub(sent);
                record.thread.participants = marks::participants(db, thread)?;
                record.marks = marks::of_thread(db, thread)?;
                record.mine = preferences(db, thread, &user)?;
                if record.unread > 0 {
                    let gone = tombstones(db, thread, &user)?;
                    record.unread = record.unread.saturating_sub(gone);
                }
            }
            Ok(page)
        })
    }

    fn put_preferences(
        &self,
        thread: ThreadId,
        user: UserId,
        mine: ThreadPreferences,
    ) -> Pending<'_, ()> {
        self.write(move |db| {
            db.prepare_cached(
                "INSERT INTO thread_preference (thread_id, user_id, muted_until, notifications, queued)
                 VALUES (?1, ?2, ?3, ?4, 0)
                 ON CONFLICT DO UPDATE SET muted_until = ?3, notifications = ?4, queued = 0",
            )?
            .execute(params![
                thread.as_bytes(),
                user.as_str(),
                mine.muted_until.map(|until| of_number(until.0)),
                match mine.notifications {
                    Notifications::All => 0,
                    Notifications::Mentions => 1,
                    Notifications::None => 2,
                }
            ])?;
            Ok(())
        })
    }
}

/// What a user wants of a thread.
pub(super) fn preferences(
    db: &Connection,
    thread: ThreadId,
    user: &UserId,
) -> Result<ThreadPreferences> {
    let found = db
        .prepare_cached(
            "SELECT muted_until, notifications FROM thread_preference WHERE thread_id = ?1 AND user_id = ?2",
        )?
        .query_row(params![thread.as_bytes(), user.as_str()], |row| {
            let until: Option<i64> = row.get(0)?;
            Ok(ThreadPreferences {
                muted_until: until.and_then(|until| u64::try_from(until).ok()).map(Timestamp),
                notifications: match row.get(1)? {
                    0 => Notifications::All,
                    1 => Notifications::Mentions,
                    _ => Notifications::None,
                },
            })
        })
        .optional()?;
    Ok(found.unwrap_or_default())
}

/// The entries of all live devices, the one that set them too, for preferences that are due.
pub(super) fn queue_preferences(
    db: &Connection,
    thread: ThreadId,
    user: &UserId,
    kind: i64,
    now: Timestamp,
) -> Result<Vec<DeviceName>> {
    let told = db
        .prepare_cached(
            "INSERT INTO queue_entry (user_id, device_id, kind, thread_id, queued_at)
             SELECT d.user_id, d.device_id, ?3, f.thread_id, ?4 FROM thread_preference f
             JOIN device d ON d.user_id = f.user_id AND d.state = 1 AND d.disabled_at IS NULL
             WHERE f.thread_id = ?1 AND f.user_id = ?2 AND f.queued = 0
             RETURNING user_id, device_id",
        )?
        .query_map(
            params![thread.as_bytes(), user.as_str(), kind, of_number(now.0)],
            |row| super::columns::device_name(row, 0),
        )?
        .collect::<Result<_>>()?;
    db.prepare_cached(
        "UPDATE thread_preference SET queued = 1 WHERE thread_id = ?1 AND user_id = ?2 AND queued = 0",
    )?
    .execute(params![thread.as_bytes(), user.as_str()])?;
    Ok(told)
}

/// What a user wants of their threads is told to all their devices once more: one of them is new.
pub(super) fn tell_preferences_again(db: &Connection, user: &UserId) -> Result<()> {
    db.prepare_cached("UPDATE thread_preference SET queued = 0 WHERE user_id = ?1")?
        .execute([user.as_str()])?;
    Ok(())
}

/// The entries of all of a user's preferences that are due.
pub(super) fn queue_preferences_of(
    db: &Connection,
    user: &UserId,
    kind: i64,
    now: Timestamp,
) -> Result<Vec<DeviceName>> {
    let due: Vec<ThreadId> = db
        .prepare_cached(
            "SELECT thread_id FROM thread_preference WHERE queued = 0 AND user_id = ?1",
        )?
        .query_map([user.as_str()], |row| thread_id(row, 0))?
        .collect::<Result<_>>()?;
    let mut told = Vec::new();
    for thread in due {
        told.extend(queue_preferences(db, thread, user, kind, now)?);
    }
    Ok(told)
}

/// Preferences whose entries are still due.
pub(super) fn preferences_due(db: &Connection) -> Result<Vec<(ThreadId, UserId)>> {
    db.prepare_cached("SELECT thread_id, user_id FROM thread_preference WHERE queued = 0")?
        .query_map([], |row| Ok((thread_id(row, 0)?, text(row, 1)?)))?
        .collect()
}

/// How many messages of others a read mark up to there covers, tombstones among them. In a thread of two the message that the
/// mark stands at says it: what is not its sender's is the other's.
pub(super) fn others_up_to(
    db: &Connection,
    thread: ThreadId,
    user: &UserId,
    up_to: MessageId,
) -> Result<i64> {
    let mut look = db.prepare_cached(
        "SELECT ordinal, of_sender, sender_id = ?2 FROM message WHERE number = ?1",
    )?;
    let mut at: Option<(i64, i64, bool)> = None;
    newest_first(db, thread, Bound::Included(up_to), |number, _| {
        at = look
            .query_row(params![number, user.as_str()], |row| {
                Ok((row.get(0)?, row.get(1)?, row.get(2)?))
            })
            .map(Some)?;
        Ok(ControlFlow::Break(()))
    })?;
    let Some((ordinal, of_sender, is_own)) = at else {
        return Ok(0);
    };
    if is_own {
        return Ok(ordinal - of_sender);
    }
    let are_two: bool = db
        .prepare_cached("SELECT count(*) <= 2 FROM participant WHERE thread_id = ?1")?
        .query_row([thread.as_bytes()], |row| row.get(0))?;
    if are_two {
        return Ok(of_sender);
    }
    let mut is_own =
        db.prepare_cached("SELECT sender_id = ?2 AND kind = 0 FROM message WHERE number = ?1")?;
    let mut own = sent(db, thread, user)?;
    newest_first(db, thread, Bound::Unbounded, |number, id| {
        if id <= up_to {
            return Ok(ControlFlow::Break(()));
        }
        own -= is_own.query_row(params![number, user.as_str()], |row| row.get::<_, i64>(0))?;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(ordinal - own)
}

/// Messages of a user in a thread, of all their devices.
fn sent(db: &Connection, thread: ThreadId, user: &UserId) -> Result<i64> {
    db.prepare_cached(
        "SELECT coalesce(sum(sent), 0) FROM sender WHERE thread_id = ?1 AND user_id = ?2",
    )?
    .query_row(params![thread.as_bytes(), user.as_str()], |row| row.get(0))
}

/// Messages of others above the read mark that are gone.
fn tombstones(db: &Connection, thread: ThreadId, user: &UserId) -> Result<u64> {
    db.prepare_cached(
        "SELECT count(*) FROM message INDEXED BY message_removed WHERE thread_id = ?1 AND removed_at IS NOT NULL AND sender_id <> ?2 AND kind = 0
             AND id > coalesce((SELECT read_up_to FROM mark WHERE thread_id = ?1 AND user_id = ?2), x'')",
    )?
    .query_row(params![thread.as_bytes(), user.as_str()], |row| {
        number(row, 0)
    })
}
