//! The embedded engine: one SQLite file in a data folder, in WAL mode.
//!
//! One writer thread groups jobs into commits, another syncs the log and answers them; readers are apart. No answer leaves before
//! the disk has what it tells of. The inline mode has no
//! threads at all, for simulations: each step runs where its future is made.

mod accepting;
mod accounts;
mod attachments;
mod checkpoints;
mod columns;
mod commits;
mod controls;
mod delivered;
mod durable;
mod failures;
mod inbox;
mod kem_prekeys;
mod kept_keys;
mod lanes;
#[cfg(test)]
mod long_thread;
mod mailboxes;
mod marks;
mod messages;
mod moves;
mod order;
#[cfg(test)]
mod power_loss;
mod prekeys;
mod privacy;
mod queues;
mod requeue;
mod schema;
mod sends;
mod transactions;
mod upkeep;
mod writer;

use super::{Pending, StorageError};
pub(crate) use commits::Commits;
use lanes::Lanes;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::{Arc, Mutex};

/// The name of the database inside the data folder.
const DATABASE: &str = "relay.db";
/// Held while a relay serves the folder.
const LOCK: &str = "relay.lock";
/// Long enough for every statement of the relay.
const STATEMENTS_CACHED: usize = 128;

/// Pages that a connection keeps, in KiB: the inner pages of every index of a large relay, so that a write reads none.
const CACHE_KIB: i64 = 64 * 1024;
/// Every page that is touched goes through the log whole. Half of it writes a tenth less, but takes more of the processor: what
/// is new stands together and fills pages.
const PAGE_BYTES: u32 = 4096;
/// In the inline mode, pages in the log before they go into the database.
const INLINE_CHECKPOINT_PAGES: u32 = 40 * 1024 * 1024 / PAGE_BYTES;
/// A log that became longer, while a reader held its pages, is cut when it begins anew.
const LOG_BYTES_KEPT: u32 = 256 * 1024 * 1024;

/// How the engine runs its steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Threading {
    /// A writer thread that groups commits, and reader threads.
    #[default]
    Threads,
    /// Everything at once on the caller's thread; same steps, same order, no threads.
    Inline,
    /// As inline, but a step that is done is told one poll later: a simulation that drives many futures sees what comes between
    /// two steps of one, and may end all of them there.
    Stepwise,
}

/// How to open a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SqliteOptions {
    /// How steps run.
    pub threading: Threading,
    /// The largest size of the database in pages; none for as large as the disk allows.
    pub max_page_count: Option<u32>,
}

/// SQLite in a data folder.
pub struct Sqlite {
    lanes: Lanes,
    commits: Arc<Commits>,
    _lock: File,
}

/// Why a folder was not opened. It is as it was.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written.
    #[error("nothing can be made or opened in it")]
    Folder(#[from] std::io::Error),
    /// Another relay serves the folder: end it first.
    #[error("another relay serves this data folder")]
    InUse,
    /// Written by a later version of the relay: use that one.
    #[error("the database has schema {found}, this relay knows up to {known}")]
    Newer {
        /// The file's.
        found: i64,
        /// Ours.
        known: i64,
    },
    /// Made by a build whose tables were others under the same number; it may hold what this one cannot read. Use that build, or
    /// a new folder.
    #[error(
        "the database was made by another build of the relay, with other tables: use a new folder"
    )]
    OtherTables,
    /// Not a database, or a damaged one.
    #[error("the database cannot be opened")]
    Database(#[from] rusqlite::Error),
    /// The system gave no thread.
    #[error("no thread for the database")]
    Thread(#[source] std::io::Error),
}

impl Sqlite {
    /// Opens or makes the database in `folder`, with its threads.
    pub fn open(folder: &Path) -> Result<Self, OpenError> {
        Self::open_with(folder, SqliteOptions::default())
    }

    /// Opens or makes the database in `folder`.
    pub fn open_with(folder: &Path, options: SqliteOptions) -> Result<Self, OpenError> {
        std::fs::create_dir_all(folder)?;
        let lock = lock(folder)?;
        let path = folder.join(DATABASE);
        make_private(&path)?;
        let mut writer = connect(&path)?;
        schema::migrate(&mut writer)?;
        if let Some(pages) = options.max_page_count {
            writer.pragma_update(None, "max_page_count", pages)?;
        }
        let commits = Arc::new(Commits::default());
        let lanes = match options.threading {
            Threading::Inline => {
                writer.pragma_update(None, "wal_autocheckpoint", INLINE_CHECKPOINT_PAGES)?;
                Lanes::inline(writer)
            }
            Threading::Stepwise => {
                writer.pragma_update(None, "wal_autocheckpoint", INLINE_CHECKPOINT_PAGES)?;
                // Dropped, it is a process that ends: what closing would do to the files is not done.
                writer.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
                Lanes::Stepwise(Mutex::new(writer))
            }
            Threading::Threads => {
                Lanes::threads(&path, writer, || connect(&path), Arc::clone(&commits))?
            }
        };
        Ok(Self {
            lanes,
            commits,
            _lock: lock,
        })
    }

    /// In a simulation: the disk has room for no more than this, or for as much as there is once more.
    #[cfg(feature = "planted")]
    pub fn limit_pages(&self, pages: Option<u32>) -> rusqlite::Result<()> {
        /// SQLite's own limit.
        const PAGES_MAX: u32 = u32::MAX - 1;
        match &self.lanes {
            Lanes::Inline(connection) | Lanes::Stepwise(connection) => {
                let connection = connection
                    .lock()
                    .unwrap_or_else(std::sync::PoisonError::into_inner);
                let most = pages.unwrap_or(PAGES_MAX);
                connection.pragma_update_and_check(None, "max_page_count", most, |_| Ok(()))
            }
            Lanes::Threads(_) => Ok(()),
        }
    }

    /// What is counted of group commits.
    pub(crate) fn commits(&self) -> Arc<Commits> {
        Arc::clone(&self.commits)
    }

    /// A step that writes: all of it or nothing, answered once it is durable. It may run twice, the first time for nothing.
    fn write<T: Send + 'static>(
        &self,
        step: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Pending<'_, T> {
        self.lanes.write(step)
    }

    /// A step that only reads.
    fn read<T: Send + 'static>(
        &self,
        step: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Pending<'_, T> {
        self.lanes.read(step)
    }
}

fn lock(folder: &Path) -> Result<File, OpenError> {
    let file = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(std::fs::TryLockError::WouldBlock) => Err(OpenError::InUse),
        Err(std::fs::TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Nobody but the relay's own user reads the database, which holds keys of the relay, whatever the folder allows. SQLite gives
/// the files beside it the same permissions.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    // Without a mutex inside SQLite: a connection never leaves its thread's hands.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    // A plan follows from its text alone. Without this a statement is prepared anew whenever a parameter becomes 0 or 1, as
    // device ids do (sqlite3ExprIsInteger), which takes longer than the statement.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    // Before anything is in the file.
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    // FULL: a 202 outlives a power loss.
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "memory")?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", LOG_BYTES_KEPT)?;
    Ok(connection)
}

/// Whether the disk did not take what was written before.
fn sync_failed(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_FSYNC};
    let code = error.sqlite_error().map(|error| error.extended_code);
    matches!(code, Some(SQLITE_IOERR_FSYNC | SQLITE_IOERR_DIR_FSYNC))
}

fn storage_error(error: &rusqlite::Error) -> StorageError {
    use rusqlite::ErrorCode::{DiskFull, SystemIoFailure};
    match error.sqlite_error_code() {
        // A file that may not grow (RLIMIT_FSIZE, a quota) shows as an I/O failure.
        Some(DiskFull | SystemIoFailure) => StorageError::Full,
        _ => StorageError::Unavailable(error.to_string()),
    }
}
