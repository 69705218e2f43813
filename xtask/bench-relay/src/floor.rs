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
    let db = open(folder)?;
    Ok(Floor {
        commits_per_second: rows(&db, 1, lasting)?,
        grouped_rows_per_second: rows(&db, GROUP, lasting)?,
    })
}

/// How long rows take, in microseconds, of which so many a second are due: from then until they are durable. Those that are due
/// together are one commit.
pub(crate) fn steady(folder: &Path, per_second: u32, lasting: Duration) -> Done<Vec<u64>> {
    let db = open(folder)?;
    let gap = Duration::from_secs(1) / per_second;
    let begun = Instant::now();
    let (mut due, mut done, mut took) = (begun, 0, Vec::new());
    while due < begun + lasting {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let late = Instant::now().saturating_duration_since(due).as_nanos() / gap.as_nanos();
        let group = usize::try_from(late).unwrap_or(GROUP).saturating_add(1);
        commit(&db, group, &mut done)?;
        let now = Instant::now();
        for _ in 0..group {
            took.push(u64::try_from((now - due).as_micros()).unwrap_or(u64::MAX));
            due += gap;
        }
    }
    Ok(took)
}

fn open(folder: &Path) -> Done<Connection> {
    std::fs::create_dir_all(folder).map_err(io("the floor's folder"))?;
    let db = Connection::open(folder.join("floor.db"))?;
    db.pragma_update_and_check(None, "journal_mode", "wal", |_| Ok(()))?;
    db.pragma_update(None, "synchronous", "full")?;
    db.execute_batch("CREATE TABLE row (id BLOB PRIMARY KEY NOT NULL, body BLOB NOT NULL) STRICT")?;
    Ok(db)
}

fn rows(db: &Connection, group: usize, lasting: Duration) -> Done<f64> {
    let begun = Instant::now();
    let mut done = 0;
    while begun.elapsed() < lasting {
        commit(db, group, &mut done)?;
    }
    Ok(done as f64 / begun.elapsed().as_secs_f64())
}

fn commit(db: &Connection, group: usize, done: &mut u64) -> Done<()> {
    let body = [7_u8; ROW];
    db.execute_batch("BEGIN IMMEDIATE")?;
    for _ in 0..group {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&done.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes());
        id[8..].copy_from_slice(&(group as u64).to_be_bytes());
        db.prepare_cached("INSERT INTO row (id, body) VALUES (?1, ?2)")?
            .execute(params![id, body])?;
        *done += 1;
    }
    Ok(db.execute_batch("COMMIT")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_that_was_due_is_durable_and_measured() {
        let folder = tempfile::tempdir().unwrap();
        let took = steady(folder.path(), 1_000, Duration::from_millis(50)).unwrap();
        let rows = open_again(folder.path());
        assert!(rows >= 50);
        assert_eq!(took.len(), rows);
    }

    fn open_again(folder: &Path) -> usize {
        let db = Connection::open(folder.join("floor.db")).unwrap();
        let rows = db.query_row("SELECT count(*) FROM row", [], |row| row.get::<_, i64>(0));
        usize::try_from(rows.unwrap()).unwrap()
    }
}
