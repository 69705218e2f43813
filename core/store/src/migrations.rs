//! The schema's versions: each a file, applied in one transaction, counted in `user_version`.

use crate::{OpenError, StoreError};
use rusqlite::Connection;

/// The newest schema that this version of the SDK knows.
pub const SCHEMA_VERSION: u32 = MIGRATIONS.len() as u32;

/// Step `n` leads from schema `n` to `n + 1` and sets `user_version` itself.
const MIGRATIONS: [&str; 3] = [
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_kem_prekeys.sql"),
    include_str!("../migrations/0003_unplaced_preferences.sql"),
];

/// The file's schema; 0 for a new file.
pub(crate) fn schema_of(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Brings the file to [`SCHEMA_VERSION`]. A step that fails leaves the file at the version before it.
pub(crate) fn migrate(connection: &Connection) -> Result<(), OpenError> {
    loop {
        connection.execute_batch("BEGIN IMMEDIATE")?;
        let stepped = step(connection);
        crate::crash::point("migration.written");
        let ended = match stepped {
            Ok(_) => connection.execute_batch("COMMIT"),
            Err(_) => Ok(()),
        };
        if !connection.is_autocommit() {
            connection.execute_batch("ROLLBACK")?;
        }
        let more = stepped?;
        ended?;
        crate::crash::point("migration.committed");
        if !more {
            return Ok(());
        }
    }
}

/// One step, if one is due. The version is read inside the transaction: another process may have been quicker.
fn step(connection: &Connection) -> Result<bool, OpenError> {
    let found = schema_of(connection)?;
    if found > SCHEMA_VERSION {
        return Err(OpenError::NewerSchema {
            found,
            known: SCHEMA_VERSION,
        });
    }
    let Some(sql) = MIGRATIONS.get(found as usize) else {
        return Ok(false);
    };
    connection.execute_batch(sql)?;
    let reached = schema_of(connection)?;
    if reached != found + 1 {
        let detail = format!("migration {} ended at schema {reached}", found + 1);
        return Err(StoreError::Internal { detail }.into());
    }
    Ok(true)
}
