//! Tables and their versions.

use super::OpenError;
use rusqlite::Connection;

/// Every migration, in order; `user_version` counts those that were done.
const MIGRATIONS: &[&str] = &[include_str!("schema_1.sql")];

pub(super) fn migrate(connection: &mut Connection) -> Result<(), OpenError> {
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    if found > known {
        return Err(OpenError::Newer { found, known });
    }
    for (version, migration) in (1_i64..).zip(MIGRATIONS) {
        if version > found {
            let step = connection.transaction()?;
            step.execute_batch(migration)?;
            step.pragma_update(None, "user_version", version)?;
            step.commit()?;
        }
    }
    match tables(connection)? == tables(&new()?)? {
        true => Ok(()),
        false => Err(OpenError::OtherTables),
    }
}

/// What every migration makes of nothing.
fn new() -> Result<Connection, OpenError> {
    let connection = Connection::open_in_memory()?;
    for migration in MIGRATIONS {
        connection.execute_batch(migration)?;
    }
    Ok(connection)
}

/// Tables and indexes, as they were declared.
fn tables(connection: &Connection) -> Result<Vec<(String, String)>, OpenError> {
    let mut declared = connection.prepare(
        "SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name",
    )?;
    let rows = declared.query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
