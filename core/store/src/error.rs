//! What can go wrong with a store, told apart by what the app should do.

use rusqlite::ffi;

/// Why a store did not open. The file is as it was.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Written under another key or salt; the same is seen when the file's first page is damaged.
    #[error("the key does not open this store: look for the right key, or restore the file")]
    WrongKey,
    /// Something else than a store: nothing was touched.
    #[error("this file is not a store: choose another path")]
    NotAStore,
    /// The key store says that there was a store, but there is no file. None was made.
    #[error(
        "the key is of a store that is not in this place: name the right file, or become a new device with another key store"
    )]
    FileMissing,
    /// Truncated or damaged.
    #[error("the store is damaged ({detail}): become a new device")]
    Corrupt {
        /// What was seen; holds no content.
        detail: String,
    },
    /// Written by a newer version of the SDK.
    #[error("the store has schema {found}, this version knows {known}: update the app")]
    NewerSchema {
        /// The file's.
        found: u32,
        /// The newest that this version knows.
        known: u32,
    },
    /// Older than the anchor beside its key: an old copy was put back. Its ratchets must not be used again.
    #[error(
        "the store is an old copy (generation {store_generation}, expected {anchor}): become a new device"
    )]
    RolledBack {
        /// The file's.
        store_generation: u64,
        /// The key store's.
        anchor: u64,
    },
    /// This process has it open already.
    #[error("this process has the store open already: close the other client first")]
    InUse,
    /// No room.
    #[error("the disk is full: free some space and try again")]
    DiskFull,
    /// Another process writes for longer than the wait, or the system denies access, as on a locked phone.
    #[error("the store is locked: try again later")]
    Locked,
    /// The file system refused.
    #[error("the store's file could not be used: {detail}")]
    Io {
        /// The system's words.
        detail: String,
    },
}

/// Why an operation on an open store failed. The transaction it was part of leaves nothing behind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The session was saved by somebody else since it was read: read it again.
    #[error("the session changed since it was read: read it again and repeat the step")]
    StaleSession,
    /// The row to change does not exist, or is not in the state that the change begins from.
    #[error("no such {0} in the store")]
    NoSuch(&'static str),
    /// Another row holds this place with other contents.
    #[error("the store holds another {0} in this place")]
    Conflict(&'static str),
    /// A number that the database cannot hold.
    #[error("{0} is out of range")]
    OutOfRange(&'static str),
    /// This store has one connection alone: read through the store itself.
    #[error("this store has no second connection: read through the store")]
    NoReaders,
    /// No room.
    #[error("the disk is full: free some space and try again, nothing was changed")]
    DiskFull,
    /// Another process writes for longer than the wait, or the system denies access, as on a locked phone.
    #[error("the store is locked: try again later")]
    Locked,
    /// Truncated or damaged, or a row that no version of this schema would write.
    #[error("the store is damaged: {detail}")]
    Corrupt {
        /// What was seen; holds no content.
        detail: String,
    },
    /// The file system refused.
    #[error("the store's file could not be used: {detail}")]
    Io {
        /// The system's words.
        detail: String,
    },
    /// A statement that this schema does not take: a fault of this crate.
    #[error("the store could not do this: {detail}")]
    Internal {
        /// SQLite's words; no values.
        detail: String,
    },
}

impl StoreError {
    pub(crate) fn corrupt(detail: impl Into<String>) -> Self {
        Self::Corrupt {
            detail: detail.into(),
        }
    }

    /// Whether this error says that a unique or foreign key, or a CHECK, refused a row.
    pub(crate) fn is_constraint(error: &rusqlite::Error) -> bool {
        matches!(error, rusqlite::Error::SqliteFailure(failure, _) if failure.extended_code & 0xff == ffi::SQLITE_CONSTRAINT)
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        match &error {
            rusqlite::Error::SqliteFailure(failure, words) => {
                let detail = words.clone().unwrap_or_else(|| failure.to_string());
                Self::from_code(failure.extended_code, detail)
            }
            rusqlite::Error::FromSqlConversionFailure(column, _, _)
            | rusqlite::Error::InvalidColumnType(column, _, _)
            | rusqlite::Error::IntegralValueOutOfRange(column, _) => Self::corrupt(format!(
                "column {column} of a row does not hold what it should"
            )),
            rusqlite::Error::ToSqlConversionFailure(_) => Self::OutOfRange("a number"),
            other => Self::Internal {
                detail: other.to_string(),
            },
        }
    }
}

impl StoreError {
    fn from_code(extended_code: i32, detail: String) -> Self {
        if extended_code == ffi::SQLITE_IOERR_AUTH {
            return Self::Locked;
        }
        // The index of the WAL could not grow: "the underlying filesystem volume is out of space" (SQLite, Result and Error Codes).
        if extended_code == ffi::SQLITE_IOERR_SHMSIZE {
            return Self::DiskFull;
        }
        match extended_code & 0xff {
            ffi::SQLITE_FULL => Self::DiskFull,
            ffi::SQLITE_BUSY | ffi::SQLITE_LOCKED | ffi::SQLITE_PERM | ffi::SQLITE_AUTH => {
                Self::Locked
            }
            ffi::SQLITE_CORRUPT | ffi::SQLITE_NOTADB => Self::Corrupt { detail },
            ffi::SQLITE_IOERR | ffi::SQLITE_CANTOPEN | ffi::SQLITE_READONLY => Self::Io { detail },
            _ => Self::Internal { detail },
        }
    }
}

impl From<StoreError> for OpenError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::DiskFull => Self::DiskFull,
            StoreError::Locked => Self::Locked,
            StoreError::Corrupt { detail } => Self::Corrupt { detail },
            other => Self::Io {
                detail: other.to_string(),
            },
        }
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        StoreError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_that_cannot_make_its_shared_memory_is_on_a_full_disk() {
        let error = |code| StoreError::from_code(code, String::new());
        assert_eq!(error(ffi::SQLITE_IOERR_SHMSIZE), StoreError::DiskFull);
        assert_eq!(error(ffi::SQLITE_FULL), StoreError::DiskFull);
        assert!(matches!(
            error(ffi::SQLITE_IOERR_WRITE),
            StoreError::Io { .. }
        ));
    }
}
