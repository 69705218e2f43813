//! What a simulation does to a store and asks of it; in no build that an app carries.

use crate::columns::Col;
use crate::{LocalId, NewMark, Rows, Store, StoreError, Transaction};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, params};
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

impl Store {
    /// The process ends here: what closing would do to the files is not done.
    pub fn ends_without_closing(&self) -> Result<(), StoreError> {
        let option = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        Ok(self.rows.connection.set_db_config(option, true).map(drop)?)
    }

    /// Whether a commit is on the disk when it is done, and not only with the system.
    pub fn syncs_commits(&self) -> bool {
        /// `PRAGMA synchronous`: FULL.
        const FULL: i64 = 2;
        let asked = self
            .rows
            .connection
            .query_row("PRAGMA synchronous", [], |row| row.get(0));
        asked.is_ok_and(|level: i64| level >= FULL)
    }

    /// From now on commits are not synced: what a store must not do.
    pub fn sync_less(&self) -> Result<(), StoreError> {
        Ok(self
            .rows
            .connection
            .pragma_update(None, "synchronous", "normal")?)
    }
}

impl Rows {
    /// How many rows each table has.
    pub fn rows_of_each_table(&self) -> Result<Vec<(String, u64)>, StoreError> {
        let mut tables = self.statement(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND sql NOT LIKE 'CREATE VIRTUAL%' ORDER BY name",
        )?;
        let names = tables.query_map((), |row| row.get(0))?;
        let names: Vec<String> = names.collect::<Result<_, _>>()?;
        let count = |name: String| {
            let all = format!("SELECT COUNT(*) FROM {name}");
            let rows: i64 = self.connection.query_row(&all, (), |row| row.get(0))?;
            Ok((name, rows.cast_unsigned()))
        };
        names.into_iter().map(count).collect()
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

impl Transaction<'_> {
    /// Marks that are further than these fall back to them.
    pub fn lower_marks(&mut self, to: &NewMark) -> Result<(), StoreError> {
        self.statement(
            "UPDATE marks SET read_up_to = min(read_up_to, coalesce(?4, read_up_to)),
                 delivered_up_to = max(min(delivered_up_to, coalesce(?3, delivered_up_to)),
                     coalesce(min(read_up_to, coalesce(?4, read_up_to)), x''))
             WHERE thread_id = ?1 AND user_id = ?2",
        )?
        .execute(params![
            Col(to.thread),
            Col(&to.user),
            Col::optional(to.delivered.map(|(id, _)| id)),
            Col::optional(to.read.map(|(id, _)| id)),
        ])?;
        // The account's own mark stands with the thread too, as far as this device has read by itself.
        self.statement(
            "UPDATE threads SET read_up_to = min(read_up_to, coalesce(?3, read_up_to))
             WHERE thread_id = ?1 AND ?2 = (SELECT user_id FROM account WHERE id = 1)",
        )?
        .execute(params![
            Col(to.thread),
            Col(&to.user),
            Col::optional(to.read.map(|(id, _)| id)),
        ])?;
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
