//! Threads: the next client_seq of each, how far its changes were read, and the order they are listed in.

use crate::columns::{Col, number_column};
use crate::{InboxCursor, Rows, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, Row, params};
use sealwire_wire::{ClientSeq, ThreadId, Timestamp, UserId};

/// A thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadRow {
    /// Which.
    pub id: ThreadId,
    /// Of two, or of many.
    pub kind: ThreadKind,
    /// The other user of a direct thread; oneself in a thread with oneself.
    pub peer: Option<UserId>,
    /// The number of this device's next send, not used yet.
    pub next_client_seq: ClientSeq,
    /// How far the relay's changes were read.
    pub change_cursor: Option<String>,
    /// When this device first knew it.
    pub created_at: Timestamp,
    /// When its last message came, or it was made.
    pub last_activity: Timestamp,
}

/// Of two, or of many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThreadKind {
    /// Two users, or one with themselves.
    Direct,
    /// A membership chain.
    Group,
}
number_column!(ThreadKind { Direct = 1, Group = 2 });

impl Rows {
    /// A thread by id.
    pub fn thread(&self, id: ThreadId) -> Result<Option<ThreadRow>, StoreError> {
        self.statement(
            "SELECT thread_id, kind, peer_user_id, next_client_seq, change_cursor, created_at_ms, last_activity_ms
             FROM threads WHERE thread_id = ?1",
        )?
        .query_row([Col(id)], read_thread)
        .optional()
        .map_err(StoreError::from)
    }

    /// Threads, the one with the newest message first: those that come after `before`, from the top when `None`.
    pub fn threads(
        &self,
        before: Option<&ThreadRow>,
        limit: u32,
    ) -> Result<Vec<ThreadRow>, StoreError> {
        let after = before.map(|thread| InboxCursor {
            last_activity: thread.last_activity,
            thread: thread.id,
        });
        self.threads_after(after, limit)
    }

    /// The same, from a place that may hold no thread any more.
    pub(crate) fn threads_after(
        &self,
        after: Option<InboxCursor>,
        limit: u32,
    ) -> Result<Vec<ThreadRow>, StoreError> {
        let (at, id) = match after {
            Some(place) => (Some(Col(place.last_activity)), Some(Col(place.thread))),
            None => (None, None),
        };
        self.statement(
            "SELECT thread_id, kind, peer_user_id, next_client_seq, change_cursor, created_at_ms, last_activity_ms
             FROM threads WHERE (last_activity_ms, thread_id) < (coalesce(?1, 9223372036854775807), coalesce(?2, x''))
             ORDER BY last_activity_ms DESC, thread_id DESC LIMIT ?3",
        )?
        .query_map(params![at, id, limit], read_thread)?
        .map(|row| Ok(row?))
        .collect()
    }
}

impl Transaction<'_> {
    /// Makes the thread if it is not there; a thread that is stays as it is.
    pub fn ensure_thread(
        &mut self,
        id: ThreadId,
        kind: ThreadKind,
        peer: Option<&UserId>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let made = self
            .statement(
                "INSERT INTO threads (thread_id, kind, peer_user_id, next_client_seq, created_at_ms, last_activity_ms)
                 VALUES (?1, ?2, ?3, 1, ?4, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute(params![Col(id), kind, Col::optional(peer), Col(now)])?;
        if made == 1 {
            self.place_marks(id)?;
            self.place_preferences(id)?;
        }
        Ok(())
    }

    /// Takes the number of this device's next send in a thread: never given again once this is committed.
    pub fn take_client_seq(&mut self, id: ThreadId) -> Result<ClientSeq, StoreError> {
        self.statement(
            "UPDATE threads SET next_client_seq = next_client_seq + 1 WHERE thread_id = ?1
             RETURNING next_client_seq - 1",
        )?
        .query_row([Col(id)], |row| Ok(row.get::<_, Col<_>>(0)?.0))
        .optional()?
        .ok_or(StoreError::NoSuch("thread"))
    }

    /// How far the relay's changes of a thread were read.
    pub fn set_change_cursor(&mut self, id: ThreadId, cursor: &str) -> Result<(), StoreError> {
        let changed = self
            .statement("UPDATE threads SET change_cursor = ?2 WHERE thread_id = ?1")?
            .execute(params![Col(id), cursor])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("thread"))
        }
    }

    /// An own message has its place: the thread is listed by its newest message and what waits, and no longer by the clock
    /// that the message was written under.
    pub(crate) fn settle_activity(&mut self, id: ThreadId) -> Result<(), StoreError> {
        self.activity.remove(&id);
        self.statement(
            "UPDATE threads SET last_activity_ms = max(
                 coalesce((SELECT created_at_ms FROM messages WHERE thread_id = ?1 AND message_id IS NOT NULL
                     AND kind <> 6 ORDER BY message_id DESC LIMIT 1), 0),
                 coalesce((SELECT local_at_ms FROM messages WHERE thread_id = ?1 AND message_id IS NULL
                     AND kind <> 6 ORDER BY local_id DESC LIMIT 1), 0))
             WHERE thread_id = ?1",
        )?
        .execute([Col(id)])?;
        Ok(())
    }

    /// A message came: the thread is listed by it once this is committed, unless a later one came before.
    pub(crate) fn note_activity(&mut self, id: ThreadId, at: Timestamp) {
        let newest = self.activity.entry(id).or_insert(at);
        *newest = at.max(*newest);
    }

    /// Writes what [`Transaction::note_activity`] gathered.
    pub(crate) fn write_activity(&mut self) -> Result<(), StoreError> {
        for (id, at) in std::mem::take(&mut self.activity) {
            self.statement(
                "UPDATE threads SET last_activity_ms = ?2 WHERE thread_id = ?1 AND last_activity_ms < ?2",
            )?
            .execute(params![Col(id), Col(at)])?;
        }
        Ok(())
    }
}

fn read_thread(row: &Row<'_>) -> rusqlite::Result<ThreadRow> {
    Ok(ThreadRow {
        id: row.get::<_, Col<_>>(0)?.0,
        kind: row.get(1)?,
        peer: row.get::<_, Option<Col<_>>>(2)?.map(|user| user.0),
        next_client_seq: row.get::<_, Col<_>>(3)?.0,
        change_cursor: row.get(4)?,
        created_at: row.get::<_, Col<_>>(5)?.0,
        last_activity: row.get::<_, Col<_>>(6)?.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{memory, text, thread, user, with_thread, write};

    #[test]
    fn a_number_that_was_taken_is_never_given_again() {
        let mut store = with_thread();
        let first = write(&mut store, |tx| tx.take_client_seq(thread()));
        let second = write(&mut store, |tx| tx.take_client_seq(thread()));
        assert_eq!((first, second), (ClientSeq(1), ClientSeq(2)));
        let unknown = store.transaction(|tx| tx.take_client_seq(ThreadId::from_bytes([1; 16])));
        assert_eq!(unknown, Err(StoreError::NoSuch("thread")));
    }

    #[test]
    fn a_thread_that_is_there_stays_as_it_is() {
        let mut store = with_thread();
        write(&mut store, |tx| {
            tx.take_client_seq(thread())?;
            tx.set_change_cursor(thread(), "c1")?;
            tx.ensure_thread(thread(), ThreadKind::Direct, None, Timestamp(99))
        });
        let held = store.thread(thread()).unwrap().unwrap();
        assert_eq!(
            (held.peer, held.next_client_seq),
            (Some(user("bob")), ClientSeq(2))
        );
        assert_eq!(
            (held.change_cursor.as_deref(), held.created_at),
            (Some("c1"), Timestamp(1))
        );
        let unknown =
            store.transaction(|tx| tx.set_change_cursor(ThreadId::from_bytes([1; 16]), "c"));
        assert_eq!(unknown, Err(StoreError::NoSuch("thread")));
    }

    #[test]
    fn threads_are_listed_by_their_newest_message_and_page_without_gaps() {
        let mut store = memory();
        let ids: Vec<_> = (1..=4)
            .map(|number| ThreadId::from_bytes([number; 16]))
            .collect();
        write(&mut store, |tx| {
            ids.iter()
                .try_for_each(|id| tx.ensure_thread(*id, ThreadKind::Group, None, Timestamp(5)))?;
            for (place, number) in [(2, 30), (0, 20), (2, 10)] {
                let mut message = text(number, "words");
                message.thread = ids[place];
                tx.insert_message(&message)?;
            }
            Ok(())
        });
        let expected = [ids[2], ids[0], ids[3], ids[1]];
        let all: Vec<_> = store
            .threads(None, 10)
            .unwrap()
            .iter()
            .map(|row| row.id)
            .collect();
        assert_eq!(all, expected);
        let mut paged = Vec::new();
        let mut before = None;
        while let Some(row) = store.threads(before.as_ref(), 1).unwrap().pop() {
            paged.push(row.id);
            before = Some(row);
        }
        assert_eq!(paged, expected);
    }
}
