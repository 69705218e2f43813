//! For tests: a thread with so many messages that a step which walks them shows.

use super::columns::of_number;
use super::lanes::Lanes;
use super::{Sqlite, SqliteOptions, Threading};
use crate::service::tests::run;
use rusqlite::params;
use sealwire_wire::{ThreadId, UserId};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub(super) const MANY: u64 = 50_000;

/// Alice and bob, with so many messages of alice; all but the first few wait for the second of bob's devices.
pub(super) fn long_thread(folder: &tempfile::TempDir) -> (Sqlite, ThreadId) {
    let options = SqliteOptions {
        threading: Threading::Inline,
        ..SqliteOptions::default()
    };
    let storage = Sqlite::open_with(folder.path(), options).unwrap();
    // What is measured is the work, not the disk.
    if let Lanes::Inline(db) = &storage.lanes {
        let db = db.lock().unwrap();
        db.pragma_update(None, "synchronous", "off").unwrap();
    }
    let thread = ThreadId::direct(&user("alice"), &user("bob"));
    run(storage.write(move |db| {
        db.execute(
            "INSERT INTO thread VALUES (?1, 0, 1, NULL, ?2, ?2, ?2, ?2, x'')",
            params![thread.as_bytes(), of_number(MANY)],
        )?;
        db.execute(
            "INSERT INTO participant VALUES (?1, 'alice'), (?1, 'bob')",
            [thread.as_bytes()],
        )?;
        db.execute(
            "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?2)
             INSERT INTO message (thread_id, id, sender_id, sender_device_id, client_seq, fingerprint, revision, kind,
                 ciphertext, commitment, stamp_key_id, stamp_mac, created_at, ordinal, of_sender, change, queued, number, previous, nth,
                 turn, previous_turn)
             SELECT ?1, unhex(printf('%032x', n)), 'alice', 1, n, x'', 0, 0, zeroblob(200), x'', 1, x'', 1, n, n, n, 1,
                 n, nullif(n - 1, 0), n, n, nullif(n - 1, 0) FROM n",
            params![thread.as_bytes(), of_number(MANY)],
        )?;
        db.execute(
            "INSERT INTO sender VALUES (?1, 'alice', 1, ?2, ?2, ?2, ?2)",
            params![thread.as_bytes(), of_number(MANY)],
        )?;
        db.execute(
            "INSERT INTO envelope SELECT thread_id, id, 'bob', 2, 1, x'00' FROM message WHERE client_seq > 3",
            [],
        )?;
        db.execute(
            "INSERT INTO queue_entry (user_id, device_id, kind, thread_id, message_id, queued_at)
             SELECT 'bob', 2, 0, thread_id, id, 1 FROM message WHERE client_seq > 3 ORDER BY id",
            [],
        )?;
        Ok(())
    }))
    .unwrap();
    (storage, thread)
}

pub(super) fn user(name: &str) -> UserId {
    name.parse().unwrap()
}

/// Steps of one kind do a little work each, counted by what SQLite's machine executes, and not by time: a walk of the thread
/// would be some hundred thousand.
pub(super) fn little_each(storage: &Sqlite, mut step: impl FnMut(u64)) {
    const GRAIN: u32 = 10;
    const LITTLE: u64 = 2_000;
    let executed = Arc::new(AtomicU64::new(0));
    let counter = Arc::clone(&executed);
    let Lanes::Inline(db) = &storage.lanes else {
        panic!("counted inline")
    };
    db.lock()
        .unwrap()
        .progress_handler(
            GRAIN.cast_signed(),
            Some(move || {
                counter.fetch_add(GRAIN.into(), Ordering::Relaxed);
                false
            }),
        )
        .unwrap();
    for number in 4..100 {
        let before = executed.load(Ordering::Relaxed);
        step(number);
        let took = executed.load(Ordering::Relaxed) - before;
        assert!(took < LITTLE, "step {number}: {took}");
    }
    // A walk does show. Inline a step runs where its future is made.
    let before = executed.load(Ordering::Relaxed);
    let walk = storage.read(|db| {
        db.query_row(
            "SELECT count(*) FROM message WHERE ciphertext = x''",
            [],
            |row| row.get::<_, i64>(0),
        )
    });
    run(walk).unwrap();
    assert!(
        executed.load(Ordering::Relaxed) - before > MANY,
        "not counted"
    );
}
