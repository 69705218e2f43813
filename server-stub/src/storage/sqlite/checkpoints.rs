//! Moving the log into the database, beside the writer: a thread with a connection of its own copies pages and syncs the
//! database while commits go on, which append to the log and wait for nobody.
//!
//! A log that is never wholly copied never begins anew. So once it is long, and little of it is left to copy, the writer copies
//! that between two commits, which takes it a few milliseconds; its next commit writes at the log's beginning.

use super::durable::Durable;
use super::{PAGE_BYTES, sync_failed};
use rusqlite::Connection;
use rusqlite::hooks::Wal;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long the log becomes, in pages.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    /// So much waits in it before it goes into the database: most pages are written several times until then, and only the
    /// last counts.
    pass: u32,
    /// From here on it is to begin anew.
    long: u32,
    /// The writer is asked to copy no more than this...
    rest: u32,
    /// ...unless it is that long: the disk does not keep up, and the writer waits for it.
    too_long: u32,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            pass: pages_of(32),
            long: pages_of(64),
            rest: pages_of(1),
            too_long: pages_of(256),
        }
    }
}

/// After a pass that failed, as on a full disk.
const PAUSE: Duration = Duration::from_secs(1);

const fn pages_of(mebibytes: u32) -> u32 {
    mebibytes * 1024 * 1024 / PAGE_BYTES
}

/// What the writer and the thread of checkpoints know of the log.
#[derive(Default)]
pub(super) struct Log {
    bounds: Bounds,
    /// Pages in it after the last commit.
    pages: AtomicU32,
    /// How many of them are in the database.
    copied: AtomicU32,
    /// Whether the writer is to copy the rest.
    rest_asked: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    due: bool,
    ended: bool,
}

impl Log {
    /// One that begins anew again and again.
    #[cfg(test)]
    pub(super) fn short() -> Self {
        Self {
            bounds: tests::SMALL,
            ..Self::default()
        }
    }

    /// From now on the log is watched, and nothing is copied when this connection commits.
    pub(super) fn watch(self: &Arc<Self>, writer: &mut Connection) -> rusqlite::Result<()> {
        let log = Arc::clone(self);
        writer.wal_hook(Some(move |_: &mut Wal, pages| {
            log.grew_to(u32::try_from(pages).unwrap_or_default());
            Ok(())
        }))
    }

    /// Between two commits of the writer.
    pub(super) fn copy_rest_if_asked(&self, writer: &Connection, durable: &Durable) {
        if self.rest_asked.swap(false, Ordering::Relaxed) {
            // What failed is tried again after the next pass.
            let _ = self.copy(writer, durable);
        }
    }

    /// The work of the thread of checkpoints, until [`Self::end`]. `sync_database` puts on the disk what was copied.
    pub(super) fn copy_all(
        &self,
        connection: &Connection,
        sync_database: impl Fn() -> io::Result<()>,
        durable: &Durable,
    ) {
        while self.wait_for_pass() && !durable.has_failed() {
            if let Err(error) = self.pass(connection, &sync_database, durable) {
                tracing::warn!(%error, "the log could not be copied into the database");
                let state = self.state();
                let ended = |state: &mut State| !state.ended;
                drop(self.changed.wait_timeout_while(state, PAUSE, ended));
            }
        }
    }

    /// Copies what there is, and asks the writer for the rest of a log that is long.
    fn pass(
        &self,
        connection: &Connection,
        sync_database: &impl Fn() -> io::Result<()>,
        durable: &Durable,
    ) -> rusqlite::Result<()> {
        let bounds = self.bounds;
        loop {
            let before = self.left();
            self.copy(connection, durable)?;
            // SQLite syncs the database only when no commit came while it copied. Whatever is not synced here, the writer syncs
            // when it copies the rest.
            if let Err(error) = sync_database() {
                durable.fail(&error);
                return Ok(());
            }
            let (pages, left) = (self.pages.load(Ordering::Relaxed), self.left());
            if pages < bounds.long {
                return Ok(());
            }
            if left <= bounds.rest || pages >= bounds.too_long {
                self.rest_asked.store(true, Ordering::Relaxed);
                return Ok(());
            }
            // Another pass leaves less, as it is shorter; unless the disk takes no more than what comes.
            if left > before / 2 {
                return Ok(());
            }
        }
    }

    /// Ends the thread of checkpoints.
    pub(super) fn end(&self) {
        self.state().ended = true;
        self.changed.notify_one();
    }

    fn grew_to(&self, pages: u32) {
        self.pages.store(pages, Ordering::Relaxed);
        if pages < self.copied.load(Ordering::Relaxed) {
            // It began anew.
            self.copied.store(0, Ordering::Relaxed);
        }
        if self.left() >= self.bounds.pass {
            let mut state = self.state();
            if !state.due {
                state.due = true;
                self.changed.notify_one();
            }
        }
    }

    fn left(&self) -> u32 {
        let pages = self.pages.load(Ordering::Relaxed);
        pages.saturating_sub(self.copied.load(Ordering::Relaxed))
    }

    /// Whether there is another.
    fn wait_for_pass(&self) -> bool {
        let waits = |state: &mut State| !state.due && !state.ended;
        let waited = self.changed.wait_while(self.state(), waits);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner);
        state.due = false;
        !state.ended
    }

    /// Copies what no reader needs in its older form. Commits go on meanwhile.
    fn copy(&self, connection: &Connection, durable: &Durable) -> rusqlite::Result<()> {
        let copied = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| {
            row.get::<_, i64>(2)
        });
        let copied = copied.inspect_err(|error| {
            if sync_failed(error) {
                durable.fail(error);
            }
        })?;
        // Negative where the other of the two was at it.
        if let Ok(copied) = u32::try_from(copied) {
            self.copied.store(copied, Ordering::Relaxed);
        }
        Ok(())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::super::connect;
    use super::*;

    /// Commits a row of a page so often, as the writer does, beside the thread of checkpoints; the bytes of the log then.
    fn log_after(commits: u32, bounds: Bounds) -> u64 {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("relay.db");
        let mut writer = connect(&path).unwrap();
        writer
            .execute_batch("CREATE TABLE n (n INTEGER PRIMARY KEY, bytes BLOB) STRICT")
            .unwrap();
        let log = Arc::new(Log {
            bounds,
            ..Log::default()
        });
        log.watch(&mut writer).unwrap();
        let durable = Arc::new(Durable::new(|| Ok(())));
        let (copier, to) = (Arc::clone(&log), Arc::clone(&durable));
        let connection = connect(&path).unwrap();
        let thread = std::thread::spawn(move || copier.copy_all(&connection, || Ok(()), &to));
        for _ in 0..commits {
            writer
                .execute("INSERT INTO n (bytes) VALUES (zeroblob(4000))", [])
                .unwrap();
            log.copy_rest_if_asked(&writer, &durable);
        }
        let length = path.with_extension("db-wal").metadata().unwrap().len();
        log.end();
        thread.join().unwrap();
        let stored: u32 = writer
            .query_row("SELECT count(*) FROM n", [], |row| row.get(0))
            .unwrap();
        assert_eq!(stored, commits);
        length
    }

    pub(super) const SMALL: Bounds = Bounds {
        pass: 20,
        long: 40,
        rest: 10,
        too_long: 200,
    };

    #[test]
    fn the_log_begins_anew_while_commits_go_on() {
        let length = log_after(2_000, SMALL);
        assert!(length < 4_000 * 1_000, "{length}");
    }

    #[test]
    fn without_its_thread_the_log_would_hold_every_commit() {
        let never = Bounds {
            pass: u32::MAX,
            ..SMALL
        };
        assert!(log_after(2_000, never) > 4_000 * 2_000);
    }
}
