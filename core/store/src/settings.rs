//! Singletons by name: cursors, flags, timestamps. The names belong to the engine.

use crate::{Rows, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, params};

impl Rows {
    /// The value under a name.
    pub fn setting(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let mut statement = self.statement("SELECT value FROM settings WHERE name = ?1")?;
        Ok(statement.query_row([name], |row| row.get(0)).optional()?)
    }
}

impl Transaction<'_> {
    /// Puts a value under a name, in place of what was there.
    pub fn set_setting(&mut self, name: &str, value: &[u8]) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO settings (name, value) VALUES (?1, ?2)
             ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        )?
        .execute(params![name, value])?;
        Ok(())
    }

    /// Removes a name; no error when it was not there.
    pub fn remove_setting(&mut self, name: &str) -> Result<(), StoreError> {
        self.statement("DELETE FROM settings WHERE name = ?1")?
            .execute([name])?;
        Ok(())
    }
}
