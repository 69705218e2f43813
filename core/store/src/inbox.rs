//! The threads as an inbox shows them: newest first, with what was said last and how much is unread.

use crate::columns::{Col, number_column};
use crate::messages::{message_columns, read_message};
use crate::{Message, Rows, StoreError, ThreadRow, Transaction};
use rusqlite::{OptionalExtension as _, Row, params};
use sealwire_wire::contract::{Notifications, ThreadPreferences};
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};

/// Preferences of threads that are not known here are kept for so many of them: whatever a relay says, they take little room.
pub const UNPLACED_PREFERENCES_MAX: u64 = 10_000;

/// A thread of the inbox.
pub struct InboxRow {
    /// The thread.
    pub thread: ThreadRow,
    /// The last that was said, reactions and tombstones apart: what waits to be sent stands after all else.
    pub last: Option<Message>,
    /// The last message of this account, from whichever of its devices.
    pub last_own: Option<Message>,
    /// Messages of others above this account's read mark.
    pub unread: u64,
    /// This account's own read mark.
    pub read_up_to: Option<MessageId>,
    /// What this account wants of the thread.
    pub preferences: ThreadPreferences,
}

/// The place of a thread in the inbox: the page after it holds what is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InboxCursor {
    /// When its last message came.
    pub last_activity: Timestamp,
    /// Which.
    pub thread: ThreadId,
}

/// A read mark that the relay has yet to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadUpload {
    /// Where.
    pub thread: ThreadId,
    /// Everything up to this message is read.
    pub up_to: MessageId,
    /// Attempts made.
    pub attempts: u32,
    /// When it may go.
    pub next_attempt_at: Timestamp,
}

/// How [`Notifications`] stand in a column.
enum NotificationsColumn {
    All,
    Mentions,
    None,
}
number_column!(NotificationsColumn { All = 1, Mentions = 2, None = 3 });

impl InboxRow {
    /// Where the page of older threads begins.
    pub fn cursor(&self) -> InboxCursor {
        InboxCursor {
            last_activity: self.thread.last_activity,
            thread: self.thread.id,
        }
    }
}

impl Rows {
    /// A page of the inbox: the threads that come after `after`, from the newest when `None`.
    pub fn inbox(
        &self,
        after: Option<InboxCursor>,
        limit: u32,
    ) -> Result<Vec<InboxRow>, StoreError> {
        let own = self.own_user()?;
        self.threads_after(after, limit)?
            .into_iter()
            .map(|thread| self.inbox_row(thread, own.as_ref()))
            .collect()
    }

    /// One thread as the inbox shows it.
    pub fn inbox_thread(&self, thread: ThreadId) -> Result<Option<InboxRow>, StoreError> {
        let own = self.own_user()?;
        self.thread(thread)?
            .map(|thread| self.inbox_row(thread, own.as_ref()))
            .transpose()
    }

    /// Messages of others above this account's read mark, in all threads.
    pub fn count_unread(&self) -> Result<u64, StoreError> {
        let count: Col<u64> = self
            .statement("SELECT coalesce(sum(unread), 0) FROM threads INDEXED BY threads_unread WHERE unread > 0")?
            .query_row([], |row| row.get(0))?;
        Ok(count.0)
    }

    /// The newest message of a thread that has its place there: what "read up to the newest" means.
    pub fn newest_confirmed_id(&self, thread: ThreadId) -> Result<Option<MessageId>, StoreError> {
        Ok(self
            .statement(
                "SELECT message_id FROM messages WHERE thread_id = ?1 AND message_id IS NOT NULL
                 ORDER BY message_id DESC LIMIT 1",
            )?
            .query_row([Col(thread)], |row| Ok(row.get::<_, Col<_>>(0)?.0))
            .optional()?)
    }

    /// The read marks that may be told the relay by now, the longest due first.
    pub fn read_uploads_due(
        &self,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<ReadUpload>, StoreError> {
        self.statement(
            "SELECT thread_id, up_to, attempts, next_attempt_at_ms FROM read_uploads WHERE next_attempt_at_ms <= ?1
             ORDER BY next_attempt_at_ms LIMIT ?2",
        )?
        .query_map(params![Col(now), limit], read_upload)?
        .map(|row| Ok(row?))
        .collect()
    }

    /// The read mark of a thread that the relay has yet to be told.
    pub fn read_upload(&self, thread: ThreadId) -> Result<Option<ReadUpload>, StoreError> {
        Ok(self
            .statement(
                "SELECT thread_id, up_to, attempts, next_attempt_at_ms FROM read_uploads WHERE thread_id = ?1",
            )?
            .query_row([Col(thread)], read_upload)
            .optional()?)
    }

    /// When the next read mark may be told; none when there is nothing to tell.
    pub fn read_uploads_next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let due: Option<Col<Timestamp>> = self
            .statement("SELECT min(next_attempt_at_ms) FROM read_uploads")?
            .query_row([], |row| row.get(0))?;
        Ok(due.map(|due| due.0))
    }

    fn inbox_row(&self, thread: ThreadRow, own: Option<&UserId>) -> Result<InboxRow, StoreError> {
        let (unread, read_up_to, preferences) = self
            .statement(
                "SELECT unread, read_up_to, muted_until_ms, notifications FROM threads WHERE thread_id = ?1",
            )?
            .query_row([Col(thread.id)], |row| {
                let unread: Col<u64> = row.get(0)?;
                let read_up_to: Option<Col<MessageId>> = row.get(1)?;
                let muted_until: Option<Col<Timestamp>> = row.get(2)?;
                let preferences = ThreadPreferences {
                    muted_until: muted_until.map(|at| at.0),
                    notifications: row.get::<_, NotificationsColumn>(3)?.into(),
                };
                Ok((unread.0, read_up_to.map(|id| id.0), preferences))
            })?;
        Ok(InboxRow {
            last: self.last_said(thread.id)?,
            last_own: match own {
                Some(own) => self.last_own(thread.id, own)?,
                None => None,
            },
            thread,
            unread,
            read_up_to,
            preferences,
        })
    }

    fn last_said(&self, thread: ThreadId) -> Result<Option<Message>, StoreError> {
        let unconfirmed = self
            .statement(concat!(
                "SELECT ",
                message_columns!(),
                " FROM messages m WHERE thread_id = ?1 AND message_id IS NULL AND kind NOT IN (5, 6)
                    ORDER BY local_id DESC LIMIT 1"
            ))?
            .query_row([Col(thread)], read_message)
            .optional()?;
        if unconfirmed.is_some() {
            return Ok(unconfirmed);
        }
        Ok(self
            .statement(concat!(
                "SELECT ",
                message_columns!(),
                " FROM messages m WHERE thread_id = ?1 AND message_id IS NOT NULL AND kind NOT IN (5, 6)
                    ORDER BY message_id DESC, revision DESC LIMIT 1"
            ))?
            .query_row([Col(thread)], read_message)
            .optional()?)
    }

    /// The last of each own device by its number, the newest of these by place: one look-up a device that ever wrote.
    fn last_own(&self, thread: ThreadId, own: &UserId) -> Result<Option<Message>, StoreError> {
        let mut devices = self.statement(
            "SELECT min(sender_device_id) FROM messages WHERE thread_id = ?1 AND sender_user_id = ?2
                 AND sender_device_id > ?3",
        )?;
        let mut last_of = self.statement(concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m WHERE thread_id = ?1 AND sender_user_id = ?2 AND sender_device_id = ?3
                AND kind NOT IN (5, 6) ORDER BY client_seq DESC, revision DESC LIMIT 1"
        ))?;
        let (mut device, mut newest) = (0u32, None::<Message>);
        while let Some(next) = devices.query_row(params![Col(thread), Col(own), device], |row| {
            row.get::<_, Option<u32>>(0)
        })? {
            device = next;
            let last = last_of
                .query_row(params![Col(thread), Col(own), device], read_message)
                .optional()?;
            let place = |message: &Message| {
                (
                    message.message_id.is_none(),
                    message.message_id,
                    message.local_id,
                )
            };
            newest = newest.into_iter().chain(last).max_by_key(place);
        }
        Ok(newest)
    }

    fn own_user(&self) -> Result<Option<UserId>, StoreError> {
        Ok(self
            .statement("SELECT user_id FROM account WHERE id = 1")?
            .query_row([], |row| Ok(row.get::<_, Col<_>>(0)?.0))
            .optional()?)
    }
}

impl Transaction<'_> {
    /// The relay is to be told that everything up to this message is read; a lower one that waits need not be told any more.
    pub fn want_read_told(
        &mut self,
        thread: ThreadId,
        up_to: MessageId,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO read_uploads (thread_id, up_to, attempts, next_attempt_at_ms) VALUES (?1, ?2, 0, ?3)
             ON CONFLICT (thread_id) DO UPDATE SET up_to = max(up_to, excluded.up_to)",
        )?
        .execute(params![Col(thread), Col(up_to), Col(now)])?;
        Ok(())
    }

    /// The relay took it, or never will: unless a higher one waits by now.
    pub fn read_told(&mut self, thread: ThreadId, up_to: MessageId) -> Result<(), StoreError> {
        self.statement("DELETE FROM read_uploads WHERE thread_id = ?1 AND up_to <= ?2")?
            .execute(params![Col(thread), Col(up_to)])?;
        self.statement(
            "UPDATE read_uploads SET attempts = 0, next_attempt_at_ms = 0 WHERE thread_id = ?1",
        )?
        .execute([Col(thread)])?;
        Ok(())
    }

    /// It was tried in vain and may be tried again at that time.
    pub fn rest_read_upload(
        &mut self,
        thread: ThreadId,
        next_attempt_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.statement(
            "UPDATE read_uploads SET attempts = attempts + 1, next_attempt_at_ms = ?2 WHERE thread_id = ?1",
        )?
        .execute(params![Col(thread), Col(next_attempt_at)])?;
        Ok(())
    }

    /// What rested may go now: the relay is heard again.
    pub fn wake_read_uploads(&mut self, now: Timestamp) -> Result<(), StoreError> {
        self.statement(
            "UPDATE read_uploads SET next_attempt_at_ms = ?1 WHERE next_attempt_at_ms > ?1",
        )?
        .execute([Col(now)])?;
        Ok(())
    }

    /// What this account wants of a thread; whether the thread is known and that is something else than before. That of an unknown
    /// one is kept until it is known, unless there are [`UNPLACED_PREFERENCES_MAX`] of them.
    pub fn set_preferences(
        &mut self,
        thread: ThreadId,
        preferences: &ThreadPreferences,
    ) -> Result<bool, StoreError> {
        let changed = self
            .statement(
                "UPDATE threads SET muted_until_ms = ?2, notifications = ?3
                 WHERE thread_id = ?1 AND (muted_until_ms, notifications) IS NOT (?2, ?3)",
            )?
            .execute(params![
                Col(thread),
                Col::optional(preferences.muted_until),
                NotificationsColumn::from(preferences.notifications)
            ])?;
        if changed == 0 && self.thread(thread)?.is_none() {
            self.keep_unplaced(thread, preferences)?;
        }
        Ok(changed == 1)
    }

    fn keep_unplaced(
        &mut self,
        thread: ThreadId,
        preferences: &ThreadPreferences,
    ) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO unplaced_preferences (thread_id, muted_until_ms, notifications)
             SELECT ?1, ?2, ?3 WHERE (SELECT count(*) FROM unplaced_preferences) < ?4
                 OR EXISTS (SELECT 1 FROM unplaced_preferences WHERE thread_id = ?1)
             ON CONFLICT DO UPDATE SET muted_until_ms = ?2, notifications = ?3",
        )?
        .execute(params![
            Col(thread),
            Col::optional(preferences.muted_until),
            NotificationsColumn::from(preferences.notifications),
            Col(UNPLACED_PREFERENCES_MAX)
        ])?;
        Ok(())
    }

    /// A thread is known now: what was said of it before holds.
    pub(crate) fn place_preferences(&mut self, thread: ThreadId) -> Result<(), StoreError> {
        let placed = self
            .statement(
                "UPDATE threads SET (muted_until_ms, notifications) = (
                     SELECT muted_until_ms, notifications FROM unplaced_preferences WHERE thread_id = ?1)
                 WHERE thread_id = ?1 AND EXISTS (SELECT 1 FROM unplaced_preferences WHERE thread_id = ?1)",
            )?
            .execute([Col(thread)])?;
        if placed == 1 {
            self.statement("DELETE FROM unplaced_preferences WHERE thread_id = ?1")?
                .execute([Col(thread)])?;
        }
        Ok(())
    }
}

fn read_upload(row: &Row<'_>) -> rusqlite::Result<ReadUpload> {
    Ok(ReadUpload {
        thread: row.get::<_, Col<_>>(0)?.0,
        up_to: row.get::<_, Col<_>>(1)?.0,
        attempts: row.get(2)?,
        next_attempt_at: row.get::<_, Col<_>>(3)?.0,
    })
}

impl From<Notifications> for NotificationsColumn {
    fn from(wanted: Notifications) -> Self {
        match wanted {
            Notifications::All => Self::All,
            Notifications::Mentions => Self::Mentions,
            Notifications::None => Self::None,
        }
    }
}

impl From<NotificationsColumn> for Notifications {
    fn from(held: NotificationsColumn) -> Self {
        match held {
            NotificationsColumn::All => Self::All,
            NotificationsColumn::Mentions => Self::Mentions,
            NotificationsColumn::None => Self::None,
        }
    }
}

#[cfg(test)]
mod tests;
