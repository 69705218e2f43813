//! One keyed connection to a store, set up as strict and as durable as the rest of the crate relies on.

use crate::{OpenError, StoreError, StoreKey};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::Zeroizing;

/// Where a store lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A file, with `-wal` and `-shm` beside it while open. Its folder must exist.
    File(PathBuf),
    /// Nowhere: gone when the store is dropped. For tests.
    Memory,
}

/// What stands behind a store's connections.
pub(crate) enum Place {
    File(PathBuf),
    /// A name that this store's connections alone know.
    Memory(String),
}

/// How long a writer waits for another process before [`StoreError::Locked`].
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
// It waits inside the gate: an exit that overtook it would end the process in the midst of its use.
const _: () = assert!(BUSY_TIMEOUT.as_millis() < sealwire_exit::LIMIT.as_millis());
/// SQLCipher's start takes less than a millisecond; so often, and this long between, whoever starts it is waited for.
#[cfg(not(target_family = "wasm"))]
const START_TRIES: u32 = 1_000;
#[cfg(not(target_family = "wasm"))]
const START_PAUSE: Duration = Duration::from_millis(1);
/// SQLCipher leaves this much of the file in the clear, so that iOS sees an SQLite file and lets a suspended app keep it.
pub(crate) const PLAINTEXT_HEADER: i64 = 32;
/// A WAL beyond this is cut back after a checkpoint.
const WAL_LIMIT: i64 = 4 << 20;

impl Place {
    pub(crate) fn memory() -> Self {
        use std::sync::atomic::{AtomicU64, Ordering};
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self::Memory(format!(
            "file:/sealwire-{}?vfs=memdb",
            NEXT.fetch_add(1, Ordering::Relaxed)
        ))
    }

    /// A connection that can read the store, or the reason why not.
    pub(crate) fn connect(&self, key: &StoreKey, create: bool) -> Result<Connection, OpenError> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        if create {
            flags |= OpenFlags::SQLITE_OPEN_CREATE;
        }
        #[cfg(not(target_family = "wasm"))]
        start_cipher();
        let connection = match self {
            Self::File(path) => open_file(path, flags)?,
            Self::Memory(name) => open_memory(name, flags)?,
        };
        connection.busy_timeout(BUSY_TIMEOUT)?;
        if cfg!(target_family = "wasm") {
            // OPFS has no shared memory: the one connection keeps the WAL's index to itself, from its first read on.
            run_pragma(&connection, "locking_mode", "EXCLUSIVE")?;
        }
        if let Self::File(_) = self {
            unlock(&connection, key)?;
        }
        configure(&connection)?;
        Ok(connection)
    }
}

impl Location {
    /// Whether something lies there already.
    pub fn exists(&self) -> Result<bool, OpenError> {
        match self {
            Self::Memory => Ok(false),
            Self::File(path) => exists(path),
        }
    }
}

#[cfg(not(target_family = "wasm"))]
fn exists(path: &Path) -> Result<bool, OpenError> {
    path.try_exists()
        .map_err(|error| crate::header::io_error(&error))
}

/// Behind the VFS alone: opened, and closed again before anything is read.
#[cfg(target_family = "wasm")]
fn exists(path: &Path) -> Result<bool, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    match open_file(path, flags) {
        Ok(_) => Ok(true),
        Err(OpenError::FileMissing) => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(not(target_family = "wasm"))]
fn open_file(path: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    Ok(Connection::open_with_flags(path, flags)?)
}

/// On the web the file lies behind the VFS: that nothing is there shows only now.
#[cfg(target_family = "wasm")]
fn open_file(path: &Path, flags: OpenFlags) -> Result<Connection, OpenError> {
    Connection::open_with_flags(path, flags).map_err(|error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::CannotOpen) if !flags.contains(OpenFlags::SQLITE_OPEN_CREATE) => {
            OpenError::FileMissing
        }
        _ => error.into(),
    })
}

/// A name in the memory VFS can be opened twice, so that memory has readers apart too.
#[cfg(not(target_family = "wasm"))]
fn open_memory(name: &str, flags: OpenFlags) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(
        name,
        flags | OpenFlags::SQLITE_OPEN_URI | OpenFlags::SQLITE_OPEN_CREATE,
    )
}

#[cfg(target_family = "wasm")]
fn open_memory(_name: &str, flags: OpenFlags) -> rusqlite::Result<Connection> {
    Connection::open_in_memory_with_flags(flags)
}

/// The first connection of the process, on its own: SQLite calls itself initialised before it starts SQLCipher (sqlite3_initialize
/// runs SQLITE_EXTRA_INIT after it has set isInit), and whoever comes in between can set no key. Somebody else in the process may
/// be the one who starts it, so a key is tried until it is taken. If it never is, the store's own opening says so.
#[cfg(not(target_family = "wasm"))]
fn start_cipher() {
    use std::sync::Once;
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        for _ in 0..START_TRIES {
            let tried = Connection::open_in_memory().and_then(|connection| {
                run_pragma(&connection, "cipher_log_level", "NONE")?;
                run_pragma(&connection, "key", "any")
            });
            if tried.is_ok() {
                break;
            }
            std::thread::sleep(START_PAUSE);
        }
        // After SQLCipher's own handlers, so that this one runs before them. Linux and Android have it since the library was loaded.
        sealwire_exit::watch();
    });
}

/// Hands the key over and reads the first page with it.
fn unlock(connection: &Connection, key: &StoreKey) -> Result<(), OpenError> {
    // SQLCipher prints to stderr on a wrong key; the caller gets an error instead.
    run_pragma(connection, "cipher_log_level", "NONE")?;
    let text: Zeroizing<String> = key.as_pragma();
    run_pragma(connection, "key", text.as_str())?;
    run_pragma(connection, "cipher_plaintext_header_size", PLAINTEXT_HEADER)?;
    match connection.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(())) {
        Ok(()) => Ok(()),
        Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) => {
            Err(OpenError::WrongKey)
        }
        Err(error) => Err(error.into()),
    }
}

fn configure(connection: &Connection) -> Result<(), OpenError> {
    run_pragma(connection, "temp_store", "MEMORY")?;
    run_pragma(connection, "secure_delete", "ON")?;
    run_pragma(connection, "journal_mode", "WAL")?;
    run_pragma(connection, "journal_size_limit", WAL_LIMIT)?;
    // Bytes leave and acknowledgements follow a commit: it must outlive a power loss, on Apple's disks too.
    run_pragma(connection, "synchronous", "FULL")?;
    run_pragma(connection, "fullfsync", "ON")?;
    run_pragma(connection, "checkpoint_fullfsync", "ON")?;
    run_pragma(connection, "foreign_keys", "ON")?;
    run_pragma(connection, "trusted_schema", "OFF")?;
    connection.set_prepared_statement_cache_capacity(128);
    Ok(())
}

/// Pragmas answer with a row or with none, and not the same in every version: the answer is not looked at.
pub(crate) fn run_pragma(
    connection: &Connection,
    name: &str,
    value: impl rusqlite::ToSql,
) -> rusqlite::Result<()> {
    connection
        .pragma_update_and_check(None, name, value, |_| Ok(()))
        .or_else(|error| match error {
            rusqlite::Error::QueryReturnedNoRows => Ok(()),
            other => Err(other),
        })
}

impl From<OpenError> for StoreError {
    /// For a reader, which opens what the store has open already.
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::DiskFull => Self::DiskFull,
            OpenError::Locked => Self::Locked,
            OpenError::Io { detail } => Self::Io { detail },
            OpenError::Corrupt { detail } => Self::Corrupt { detail },
            other => Self::corrupt(other.to_string()),
        }
    }
}
