//! Facts about the file itself: its generation, against old copies, and the versions of its session rows.

use crate::columns::Col;
use crate::{Rows, StoreError, Transaction};

impl Rows {
    /// How often the store was opened or renewed. Kept beside the key as the anchor: an older file is an old copy.
    pub fn generation(&self) -> Result<u64, StoreError> {
        Ok(self
            .statement("SELECT generation FROM store_facts WHERE id = 1")?
            .query_row([], |row| row.get::<_, Col<u64>>(0))?
            .0)
    }
}

impl Transaction<'_> {
    /// One more, to be put in the key store once this is committed, before the next send.
    pub fn raise_generation(&mut self) -> Result<u64, StoreError> {
        Ok(self
            .statement("UPDATE store_facts SET generation = generation + 1 WHERE id = 1 RETURNING generation")?
            .query_row([], |row| row.get::<_, Col<u64>>(0))?
            .0)
    }

    /// A version that no session row ever had.
    pub(crate) fn next_row_version(&mut self) -> Result<u64, StoreError> {
        Ok(self
            .statement(
                "UPDATE store_facts SET last_row_version = last_row_version + 1 WHERE id = 1
                 RETURNING last_row_version",
            )?
            .query_row([], |row| row.get::<_, Col<u64>>(0))?
            .0)
    }
}
