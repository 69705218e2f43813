//! What the machine's disk and SQLite give at most, measured in the same run: the floor under every durable figure.

use crate::trouble::{Done, io};
use rusqlite::{Connection, params};
use std::path::Path;
use std::time::{Duration, Instant};

/// A row as large as a message's.
const ROW: usize = 700;

/// What bare loops reach.
pub(crate) struct Floor {
    /// Transactions of one row, each durable before the next.
    pub(crate) commits_per_second: f64,
    /// Rows with a bare table and one index, in groups.
    pub(crate) grouped_rows_per_second: f64,
}

/// Rows of one commit in the second loop: what the relay's writer finds waiting under full load, or more.
pub(crate) const GROUP: usize = 200;

/// Measures both loops, in a folder on the disk that the relay's data is on.
pub(crate) fn measure(folder: &Path, lasting: Duration) -> Done<Floor> {
    std::fs::create_dir_all(folder).map_err(io("the floor's folder"))?;
    let db = Connection::open(folder.join("floor.db"))?;
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "full")?;
    db.execute_batch("CREATE TABLE row (id BLOB PRIMARY KEY NOT NULL, body BLOB NOT NULL) STRICT")?;
    Ok(Floor {
        commits_per_second: rows(&db, 1, lasting)?,
        grouped_rows_per_second: rows(&db, GROUP, lasting)?,
    })
}

fn rows(db: &Connection, group: usize, lasting: Duration) -> Done<f64> {
    let body = [7_u8; ROW];
    let begun = Instant::now();
    let mut done = 0_u64;
    while begun.elapsed() < lasting {
        db.execute_batch("BEGIN IMMEDIATE")?;
        for _ in 0..group {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&done.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
            id[8..].copy_from_slice(&(group as u64).to_be_bytes());
            db.prepare_cached("INSERT INTO row (id, body) VALUES (?1, ?2)")?
                .execute(params![id, body])?;
            done += 1;
        }
        db.execute_batch("COMMIT")?;
    }
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}
