//! What a simulation does to a store and asks of it; in no build that an app carries.

use crate::{LocalId, Rows, Store, StoreError, Transaction};
use rusqlite::Connection;
use std::cell::Cell;

/// The disk below a store: how many commits it still takes, if it is not to take them all.
#[derive(Default)]
pub(crate) struct Disk {
    left: Cell<Option<u64>>,
}

impl Disk {
    /// Room for a commit, if there is any.
    pub(crate) fn take(&self) -> Result<(), StoreError> {
        match self.left.get() {
            None => Ok(()),
            Some(0) => Err(StoreError::DiskFull),
            Some(left) => {
                self.left.set(Some(left - 1));
                Ok(())
            }
        }
    }
}

impl Store {
    /// So many commits are taken from now on, and every one after them is refused as by a full disk; `None`: all are taken.
    ///
    /// Whoever drops the store after the first refusal has a process that ended between two commits.
    pub fn refuse_commits_after(&self, commits: Option<u64>) {
        self.disk.left.set(commits);
    }

    /// Whether a commit was refused, or would be now.
    pub fn refuses_commits(&self) -> bool {
        self.disk.left.get() == Some(0)
    }
}

impl Transaction<'_> {
    /// As if the message had never been sealed.
    pub fn forget_seal(&mut self, id: LocalId) -> Result<(), StoreError> {
        self.statement(
            "UPDATE outbox SET sealed_key = NULL, sealed_ciphertext = NULL, sealed_digest = NULL,
                 sealed_commitment = NULL, sealed_registration_id = NULL WHERE local_id = ?1",
        )?
        .execute([id.0])?;
        Ok(())
    }
}

impl Rows {
    /// Every page, index and reference between tables: what is wrong with them.
    pub fn check_thoroughly(&self) -> Result<(), StoreError> {
        let found = first_words(&self.connection, "PRAGMA integrity_check")?;
        if found.as_deref() != Some("ok") {
            return Err(StoreError::corrupt(found.unwrap_or_default()));
        }
        match first_words(&self.connection, "PRAGMA foreign_key_check")? {
            None => Ok(()),
            Some(table) => Err(StoreError::corrupt(format!(
                "a row of {table} refers to nothing"
            ))),
        }
    }
}

fn first_words(connection: &Connection, pragma: &str) -> Result<Option<String>, StoreError> {
    let mut asked = connection.prepare(pragma)?;
    let mut rows = asked.query([])?;
    Ok(match rows.next()? {
        Some(row) => Some(row.get(0)?),
        None => None,
    })
}
