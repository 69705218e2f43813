//! Finding messages: by each of their names, and by page.

use super::{LocalId, Message, MessageState, message_columns, read_message};
use crate::columns::Col;
use crate::{Rows, StoreError};
use rusqlite::{OptionalExtension as _, params};
use sealwire_wire::content::{Previous, Uid};
use sealwire_wire::{ClientSeq, DeviceId, MessageId, ThreadId, UserId};

/// The place of a message in its thread: the page after it holds what is older.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PageCursor {
    /// Without a relay id: after all that have one, in the order of their making.
    Unconfirmed(LocalId),
    /// By the relay's id.
    Confirmed(MessageId, u32),
}

/// What is held of one device in one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldRange {
    /// The lowest number.
    pub lowest: ClientSeq,
    /// The highest number.
    pub highest: ClientSeq,
    /// SHA-256 of the ciphertext under the highest, as it was sent; none of what never opened.
    pub digest_of_highest: Option<[u8; 32]>,
}

impl Message {
    /// Where the page of older messages begins.
    pub fn cursor(&self) -> PageCursor {
        match self.message_id {
            Some(id) => PageCursor::Confirmed(id, self.revision),
            None => PageCursor::Unconfirmed(self.local_id),
        }
    }
}

impl Rows {
    /// By its number in this store.
    pub fn message(&self, id: LocalId) -> Result<Option<Message>, StoreError> {
        self.statement(concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m WHERE local_id = ?1"
        ))?
        .query_row([id.0], read_message)
        .optional()
        .map_err(StoreError::from)
    }

    /// By the relay's id: the newest revision held.
    pub fn message_by_id(
        &self,
        thread: ThreadId,
        id: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        self.statement(concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m WHERE thread_id = ?1 AND message_id = ?2 ORDER BY revision DESC LIMIT 1"
        ))?
        .query_row(params![Col(thread), Col(id)], read_message)
        .optional()
        .map_err(StoreError::from)
    }

    /// By the random name inside its content.
    pub fn message_by_uid(&self, sender: &UserId, uid: Uid) -> Result<Option<Message>, StoreError> {
        self.statement(concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m WHERE sender_user_id = ?1 AND uid = ?2"
        ))?
        .query_row(params![Col(sender), uid.0], read_message)
        .optional()
        .map_err(StoreError::from)
    }

    /// By the sending device's number: the newest revision held.
    pub fn message_by_client_seq(
        &self,
        thread: ThreadId,
        sender: &UserId,
        device: DeviceId,
        client_seq: ClientSeq,
    ) -> Result<Option<Message>, StoreError> {
        self.statement(concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m WHERE thread_id = ?1 AND sender_user_id = ?2 AND sender_device_id = ?3
                AND client_seq = ?4 ORDER BY revision DESC LIMIT 1"
        ))?
        .query_row(
            params![Col(thread), Col(sender), Col(device), Col(client_seq)],
            read_message,
        )
        .optional()
        .map_err(StoreError::from)
    }

    /// What is held of a device in a thread at its two ends: a `prev` below the lowest is no gap.
    pub fn client_seq_range(
        &self,
        thread: ThreadId,
        sender: &UserId,
        device: DeviceId,
    ) -> Result<Option<HeldRange>, StoreError> {
        let lowest: Option<Col<ClientSeq>> = self
            .statement(
                "SELECT client_seq FROM messages WHERE thread_id = ?1 AND sender_user_id = ?2
                     AND sender_device_id = ?3 ORDER BY client_seq LIMIT 1",
            )?
            .query_row(params![Col(thread), Col(sender), Col(device)], |row| {
                row.get(0)
            })
            .optional()?;
        let Some(Col(lowest)) = lowest else {
            return Ok(None);
        };
        self.statement(
            "SELECT client_seq, CASE revision WHEN 0 THEN digest END FROM messages
             WHERE thread_id = ?1 AND sender_user_id = ?2 AND sender_device_id = ?3
             ORDER BY client_seq DESC, revision DESC LIMIT 1",
        )?
        .query_row(params![Col(thread), Col(sender), Col(device)], |row| {
            Ok(HeldRange {
                lowest,
                highest: row.get::<_, Col<_>>(0)?.0,
                digest_of_highest: row.get::<_, Option<Col<_>>>(1)?.map(|digest| digest.0),
            })
        })
        .optional()
        .map_err(StoreError::from)
    }

    /// Whether a held message of a device names this number as the one before it: if that one comes now, it comes late.
    pub fn named_as_prev(
        &self,
        thread: ThreadId,
        sender: &UserId,
        device: DeviceId,
        client_seq: ClientSeq,
    ) -> Result<bool, StoreError> {
        Ok(self
            .statement(
                "SELECT 1 FROM messages WHERE thread_id = ?1 AND sender_user_id = ?2 AND sender_device_id = ?3
                     AND client_seq > ?4 AND prev_client_seq = ?4",
            )?
            .exists(params![Col(thread), Col(sender), Col(device), Col(client_seq)])?)
    }

    /// This device's last message in a thread that the relay accepted: the `prev` of the next.
    pub fn last_sent(
        &self,
        thread: ThreadId,
        own_user: &UserId,
        own_device: DeviceId,
    ) -> Result<Option<Previous>, StoreError> {
        self.statement(
            "SELECT client_seq, digest FROM messages WHERE thread_id = ?1 AND sender_user_id = ?2
                 AND sender_device_id = ?3 AND state = ?4 AND digest IS NOT NULL ORDER BY client_seq DESC LIMIT 1",
        )?
        .query_row(params![Col(thread), Col(own_user), Col(own_device), MessageState::Sent], |row| {
            Ok(Previous { client_seq: row.get::<_, Col<_>>(0)?.0, digest: row.get::<_, Col<_>>(1)?.0 })
        })
        .optional()
        .map_err(StoreError::from)
    }

    /// A page of a thread, newest first: what comes after `before`, from the newest when `None`.
    ///
    /// Messages with a relay id stand by it; those without stand after them all, in the order of their making.
    pub fn page(
        &self,
        thread: ThreadId,
        before: Option<PageCursor>,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        let mut page = match before {
            None => self.unconfirmed_page(thread, LocalId(i64::MAX), limit)?,
            Some(PageCursor::Unconfirmed(id)) => self.unconfirmed_page(thread, id, limit)?,
            Some(PageCursor::Confirmed(..)) => Vec::new(),
        };
        // At most `limit` are there.
        let room = limit - page.len() as u32;
        if room > 0 {
            page.extend(match before {
                Some(PageCursor::Confirmed(id, revision)) => {
                    self.confirmed_page(thread, id, revision, room)?
                }
                _ => self.newest_confirmed(thread, room)?,
            });
        }
        Ok(page)
    }

    /// How many messages there are, in one thread or in all; tombstones are not counted.
    pub fn count_messages(&self, thread: Option<ThreadId>) -> Result<u64, StoreError> {
        // Two counts over indexes, since one over `kind` would read every row. 5: a tombstone.
        let count: Col<u64> = match thread {
            Some(thread) => self
                .statement(
                    "SELECT (SELECT count(*) FROM messages WHERE thread_id = ?1)
                          - (SELECT count(*) FROM messages WHERE thread_id = ?1 AND kind = 5)",
                )?
                .query_row([Col(thread)], |row| row.get(0))?,
            None => self
                .statement(
                    "SELECT (SELECT count(*) FROM messages) - (SELECT count(*) FROM messages WHERE kind = 5)",
                )?
                .query_row([], |row| row.get(0))?,
        };
        Ok(count.0)
    }

    fn unconfirmed_page(
        &self,
        thread: ThreadId,
        below: LocalId,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        self.statement(concat!(
            "SELECT ",
            message_columns!(),
            // 7: cancelled, it never had a place that it could be shown in.
            " FROM messages m WHERE thread_id = ?1 AND message_id IS NULL AND local_id < ?2 AND state <> 7
                ORDER BY local_id DESC LIMIT ?3"
        ))?
        .query_map(params![Col(thread), below.0, limit], read_message)?
        .map(|row| Ok(row?))
        .collect()
    }

    fn newest_confirmed(&self, thread: ThreadId, limit: u32) -> Result<Vec<Message>, StoreError> {
        self.statement(concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m WHERE thread_id = ?1 AND message_id IS NOT NULL
                ORDER BY message_id DESC, revision DESC LIMIT ?2"
        ))?
        .query_map(params![Col(thread), limit], read_message)?
        .map(|row| Ok(row?))
        .collect()
    }

    fn confirmed_page(
        &self,
        thread: ThreadId,
        id: MessageId,
        revision: u32,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        self.statement(concat!(
            "SELECT ",
            message_columns!(),
            " FROM messages m WHERE thread_id = ?1 AND message_id IS NOT NULL AND (message_id, revision) < (?2, ?3)
                ORDER BY message_id DESC, revision DESC LIMIT ?4"
        ))?
        .query_map(params![Col(thread), Col(id), revision, limit], read_message)?
        .map(|row| Ok(row?))
        .collect()
    }
}
