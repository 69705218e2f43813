//! Threads whose history is to be read again, because the relay no longer holds all that waited for this device.

use crate::columns::Col;
use crate::{Rows, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, params};
use sealwire_wire::ThreadId;

impl Rows {
    /// Threads to read again and from where, in the order of their ids.
    pub fn resyncs(&self, limit: u32) -> Result<Vec<(ThreadId, String)>, StoreError> {
        self.statement("SELECT thread_id, since FROM resyncs ORDER BY thread_id LIMIT ?1")?
            .query_map([limit], |row| Ok((row.get::<_, Col<_>>(0)?.0, row.get(1)?)))?
            .map(|row| Ok(row?))
            .collect()
    }

    /// From where one thread is to be read again; none when it is not.
    pub fn resync(&self, thread: ThreadId) -> Result<Option<String>, StoreError> {
        Ok(self
            .statement("SELECT since FROM resyncs WHERE thread_id = ?1")?
            .query_row([Col(thread)], |row| row.get(0))
            .optional()?)
    }

    /// How many threads are to be read again.
    pub fn count_resyncs(&self) -> Result<u64, StoreError> {
        let count: Col<u64> = self
            .statement("SELECT count(*) FROM resyncs")?
            .query_row([], |row| row.get(0))?;
        Ok(count.0)
    }
}

impl Transaction<'_> {
    /// Every known thread is to be read again from where its changes were read up to.
    pub fn resync_all(&mut self) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO resyncs (thread_id, since) SELECT thread_id, coalesce(change_cursor, '') FROM threads
             WHERE true ON CONFLICT DO NOTHING",
        )?
        .execute([])?;
        Ok(())
    }

    /// This thread is to be read again, or read for the first time; where it is under way already, that stays.
    pub fn want_resync(&mut self, thread: ThreadId) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO resyncs (thread_id, since)
             VALUES (?1, coalesce((SELECT change_cursor FROM threads WHERE thread_id = ?1), ''))
             ON CONFLICT DO NOTHING",
        )?
        .execute([Col(thread)])?;
        Ok(())
    }

    /// It was read up to there. The thread goes on from there too, if it is known by now.
    pub fn resynced_to(&mut self, thread: ThreadId, since: &str) -> Result<(), StoreError> {
        self.statement("UPDATE resyncs SET since = ?2 WHERE thread_id = ?1")?
            .execute(params![Col(thread), since])?;
        self.statement("UPDATE threads SET change_cursor = ?2 WHERE thread_id = ?1")?
            .execute(params![Col(thread), since])?;
        Ok(())
    }

    /// It was read to its end, or cannot be read.
    pub fn end_resync(&mut self, thread: ThreadId) -> Result<(), StoreError> {
        self.statement("DELETE FROM resyncs WHERE thread_id = ?1")?
            .execute([Col(thread)])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{memory, thread, with_thread, write};
    use sealwire_wire::ThreadId;

    #[test]
    fn threads_are_read_again_from_where_their_changes_were_read_up_to() {
        let mut store = with_thread();
        let unknown = ThreadId::from_bytes([1; 16]);
        write(&mut store, |tx| {
            tx.set_change_cursor(thread(), "c7")?;
            tx.resync_all()?;
            tx.want_resync(unknown)?;
            tx.resynced_to(unknown, "c2")?;
            tx.resync_all()?;
            tx.want_resync(unknown)
        });
        let mut all = store.resyncs(10).unwrap();
        all.sort_by_key(|(_, since)| since.clone());
        assert_eq!(
            all,
            [(unknown, "c2".to_owned()), (thread(), "c7".to_owned())]
        );
        write(&mut store, |tx| {
            tx.resynced_to(thread(), "c9")?;
            tx.end_resync(thread())
        });
        let held = store.thread(thread()).unwrap().unwrap();
        assert_eq!(held.change_cursor.as_deref(), Some("c9"));
        assert_eq!(
            (
                store.count_resyncs().unwrap(),
                store.resync(thread()).unwrap()
            ),
            (1, None)
        );
    }

    #[test]
    fn without_threads_there_is_nothing_to_read() {
        let mut store = memory();
        write(&mut store, |tx| tx.resync_all());
        assert_eq!(store.count_resyncs().unwrap(), 0);
    }
}
