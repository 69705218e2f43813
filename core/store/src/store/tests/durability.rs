//! What a transaction promises: all of it or nothing, whatever ends it.

use crate::testing::{add_thread, key, memory, text, thread, user, with_thread, write};
use crate::{Location, Store, StoreError};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use tempfile::TempDir;

/// An error of the caller's own.
#[derive(Debug, PartialEq)]
enum Refused {
    ByCaller,
    ByStore(StoreError),
}

impl From<StoreError> for Refused {
    fn from(error: StoreError) -> Self {
        Self::ByStore(error)
    }
}

fn file_store(folder: &TempDir) -> Store {
    let location = Location::File(folder.path().join("alice.store"));
    let mut store = Store::open(&location, &key(), None).unwrap();
    add_thread(&mut store);
    store
}

#[test]
fn an_error_inside_leaves_nothing_behind() {
    let mut store = with_thread();
    let refused = store.transaction(|tx| {
        tx.insert_message(&text(1, "gone"))?;
        tx.set_setting("name", b"value")?;
        assert!(
            tx.setting("name")?.is_some(),
            "a transaction sees its own writes"
        );
        Err::<(), _>(Refused::ByCaller)
    });
    assert_eq!(refused, Err(Refused::ByCaller));
    assert_eq!(store.count_messages(None).unwrap(), 0);
    assert_eq!(store.setting("name").unwrap(), None);
    assert_eq!(store.search("gone", None, None, 10).unwrap().len(), 0);
    write(&mut store, |tx| tx.set_setting("name", b"works on"));
}

#[test]
fn a_panic_inside_leaves_nothing_behind() {
    let mut store = with_thread();
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        store.transaction(|tx| -> Result<(), StoreError> {
            tx.insert_message(&text(1, "gone"))?;
            panic!("in the middle")
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(store.count_messages(None).unwrap(), 0);
    write(&mut store, |tx| tx.insert_message(&text(1, "works on")));
}

#[test]
fn a_process_that_ends_in_the_middle_loses_only_what_was_not_committed() {
    let folder = TempDir::new().unwrap();
    let mut store = file_store(&folder);
    write(&mut store, |tx| tx.insert_message(&text(1, "kept")));
    // The files as a crash would leave them: taken while a transaction is under way, WAL and all.
    let crashed = TempDir::new().unwrap();
    let _ = store.transaction(|tx| {
        tx.insert_message(&text(2, "not kept"))?;
        for entry in fs::read_dir(folder.path()).unwrap() {
            let entry = entry.unwrap();
            fs::copy(entry.path(), crashed.path().join(entry.file_name())).unwrap();
        }
        Err::<(), _>(Refused::ByCaller)
    });
    let reopened = Store::open(
        &Location::File(crashed.path().join("alice.store")),
        &key(),
        Some(0),
    )
    .unwrap();
    let texts: Vec<_> = reopened
        .page(thread(), None, 10)
        .unwrap()
        .into_iter()
        .filter_map(|held| held.row.text)
        .collect();
    assert_eq!(texts, ["kept"]);
    reopened.check().unwrap();
}

#[test]
fn a_commit_is_in_the_files_before_transaction_answers() {
    let folder = TempDir::new().unwrap();
    let mut store = file_store(&folder);
    let crashed = TempDir::new().unwrap();
    for number in 1..=5 {
        write(&mut store, |tx| tx.insert_message(&text(number, "kept")));
        for name in ["alice.store", "alice.store-wal"] {
            fs::copy(folder.path().join(name), crashed.path().join(name)).unwrap();
        }
        let location = Location::File(crashed.path().join("alice.store"));
        let reopened = Store::open(&location, &key(), Some(0)).unwrap();
        assert_eq!(reopened.count_messages(None).unwrap(), number);
    }
}

#[test]
fn a_wal_torn_anywhere_holds_the_commits_before_the_tear_and_nothing_half() {
    let folder = TempDir::new().unwrap();
    let mut store = file_store(&folder);
    for number in 1..=8 {
        write(&mut store, |tx| {
            tx.insert_message(&text(2 * number, "one half"))?;
            tx.insert_message(&text(2 * number + 1, "other half"))
        });
    }
    let crashed = TempDir::new().unwrap();
    let path = crashed.path().join("alice.store");
    let wal = fs::read(folder.path().join("alice.store-wal")).unwrap();
    let mut counts = Vec::new();
    for length in (0..=wal.len()).step_by(wal.len() / 60) {
        fs::copy(folder.path().join("alice.store"), &path).unwrap();
        fs::write(crashed.path().join("alice.store-wal"), &wal[..length]).unwrap();
        // Torn before the schema was committed, it is a new file.
        let reopened = Store::open(&Location::File(path.clone()), &key(), None).unwrap();
        reopened.check().unwrap();
        let count = reopened.count_messages(None).unwrap();
        assert_eq!(count % 2, 0, "a transaction is whole or absent");
        assert_eq!(
            count,
            reopened.search("half", None, None, 100).unwrap().len() as u64
        );
        counts.push(count);
    }
    assert!(counts.is_sorted(), "{counts:?}");
    assert!(
        counts.contains(&0) && counts.iter().any(|count| *count >= 14),
        "{counts:?}"
    );
}

#[test]
fn a_store_and_its_readers_may_go_to_other_threads() {
    fn goes<T: Send>() {}
    goes::<Store>();
    goes::<crate::Reader>();
}

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let folder = TempDir::new().unwrap();
    let mut store = file_store(&folder);
    write(&mut store, |tx| tx.insert_message(&text(1, "kept")));
    let pages: i64 = store
        .connection
        .pragma_query_value(None, "page_count", |row| row.get(0))
        .unwrap();
    let limit = |store: &Store, pages: i64| {
        let set: i64 = store
            .connection
            .pragma_update_and_check(None, "max_page_count", pages, |row| row.get(0))
            .unwrap();
        assert_eq!(set, pages);
    };
    limit(&store, pages);
    let long = "a long text ".repeat(5_000);
    let full = store.transaction(|tx| {
        tx.set_setting("in the same transaction", b"gone")?;
        tx.insert_message(&text(2, &long))
    });
    assert_eq!(full, Err(StoreError::DiskFull));
    assert_eq!(store.count_messages(None).unwrap(), 1);
    assert_eq!(store.setting("in the same transaction").unwrap(), None);
    limit(&store, pages + 1_000);
    write(&mut store, |tx| tx.insert_message(&text(2, &long)));
    store.check().unwrap();
}

#[test]
fn a_writer_of_another_process_makes_the_store_locked_not_broken() {
    let folder = TempDir::new().unwrap();
    let mut store = file_store(&folder);
    store
        .connection
        .busy_timeout(std::time::Duration::from_millis(20))
        .unwrap();
    let other = store.reader().unwrap();
    other
        .connection
        .execute_batch("PRAGMA query_only = OFF; BEGIN IMMEDIATE")
        .unwrap();
    let locked = store.transaction(|tx| tx.insert_message(&text(1, "later")));
    assert_eq!(locked, Err(StoreError::Locked));
    other.connection.execute_batch("ROLLBACK").unwrap();
    write(&mut store, |tx| tx.insert_message(&text(1, "later")));
}

#[test]
fn a_reader_on_another_thread_reads_while_a_write_is_under_way() {
    let folder = TempDir::new().unwrap();
    let mut store = file_store(&folder);
    write(&mut store, |tx| tx.insert_message(&text(1, "committed")));
    let reader = store.reader().unwrap();
    let counts = write(&mut store, |tx| {
        tx.insert_message(&text(2, "not yet"))?;
        let during = std::thread::spawn(move || (reader.count_messages(None).unwrap(), reader));
        Ok(during.join().unwrap())
    });
    let (during, reader) = counts;
    assert_eq!(during, 1);
    assert_eq!(reader.count_messages(None).unwrap(), 2);
}

#[test]
fn a_reader_cannot_write() {
    let folder = TempDir::new().unwrap();
    let store = file_store(&folder);
    let reader = store.reader().unwrap();
    let refused = reader.connection.execute("DELETE FROM threads", []);
    assert!(refused.is_err());
}

#[test]
fn no_file_of_the_store_holds_a_plaintext() {
    let folder = TempDir::new().unwrap();
    let mut store = file_store(&folder);
    let secret = "a sentence that nobody else may read";
    write(&mut store, |tx| {
        tx.insert_message(&text(1, secret))?;
        tx.set_setting("a name that nobody may read", secret.as_bytes())
    });
    let found = |when: &str| {
        for entry in fs::read_dir(folder.path()).unwrap() {
            let path = entry.unwrap().path();
            let bytes = fs::read(&path).unwrap();
            let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
            for needle in [
                secret.as_bytes(),
                &utf16,
                b"sentence",
                b"may read",
                b"alice",
                b"CREATE TABLE",
                &[7; 32],
                &[9; 16],
            ] {
                let hit = bytes.windows(needle.len()).any(|window| window == needle);
                assert!(
                    !hit,
                    "{} in {} {when}",
                    String::from_utf8_lossy(needle),
                    path.display()
                );
            }
        }
    };
    found("while open");
    store.close().unwrap();
    found("when closed");
}

#[test]
fn the_files_header_is_the_one_that_operating_systems_know() {
    let folder = TempDir::new().unwrap();
    file_store(&folder).close().unwrap();
    let bytes = fs::read(folder.path().join("alice.store")).unwrap();
    assert_eq!(&bytes[..16], b"SQLite format 3\0");
    // Two files of one key differ from byte 32 on only by what SQLCipher's random IVs make of them.
    assert_ne!(&bytes[32..48], &[0; 16]);
}

#[test]
fn every_setting_is_replaced_or_removed_by_name() {
    let mut store = memory();
    write(&mut store, |tx| tx.set_setting("cursor", b"one"));
    write(&mut store, |tx| tx.set_setting("cursor", b""));
    assert_eq!(store.setting("cursor").unwrap(), Some(Vec::new()));
    write(&mut store, |tx| tx.remove_setting("cursor"));
    assert_eq!(store.setting("cursor").unwrap(), None);
    write(&mut store, |tx| tx.remove_setting("cursor"));
}

#[test]
fn a_row_that_does_not_parse_is_damage_and_not_absence() {
    let mut store = memory();
    write(&mut store, |tx| tx.pin_account(&user("bob"), &[5; 33]));
    store
        .connection
        .execute_batch("PRAGMA ignore_check_constraints = ON")
        .unwrap();
    store
        .connection
        .execute("UPDATE pinned_accounts SET account_key = x'05'", [])
        .unwrap();
    assert!(matches!(
        store.pinned_account(&user("bob")),
        Err(StoreError::Corrupt { .. })
    ));
}
