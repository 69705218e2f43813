//! Steps inside transactions.

use super::{StorageError, storage_error};
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// All of it or nothing.
pub(super) fn in_transaction<T>(
    connection: &Connection,
    step: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StorageError> {
    between(connection, "BEGIN IMMEDIATE", step)
}

/// Runs a read inside one transaction, so that its statements see one state.
pub(super) fn in_one_view<T>(
    connection: &Connection,
    step: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StorageError> {
    between(connection, "BEGIN DEFERRED", step)
}

/// What a step gave; none if it panicked. Its lane goes on: with a dead writer the relay would answer every write with 503, for
/// good. The caller rolls back what the step did, and the step answers that it did not run.
pub(super) fn survived<T>(step: impl FnOnce() -> T) -> Option<T> {
    let survived = catch_unwind(AssertUnwindSafe(step));
    survived
        .inspect_err(|_| tracing::error!("a storage step panicked"))
        .ok()
}

/// One statement of a transaction's frame, prepared once.
pub(super) fn run(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute([]).map(drop)
}

pub(super) fn roll_back(connection: &Connection) {
    if !connection.is_autocommit() {
        // If even this fails, the next BEGIN says so.
        let _ = connection.execute_batch("ROLLBACK");
    }
}

fn between<T>(
    connection: &Connection,
    begin: &str,
    step: impl FnOnce(&Connection) -> rusqlite::Result<T>,
) -> Result<T, StorageError> {
    let all = || {
        run(connection, begin)?;
        let value = step(connection)?;
        run(connection, "COMMIT")?;
        Ok(value)
    };
    all().map_err(|error| {
        roll_back(connection);
        storage_error(&error)
    })
}
