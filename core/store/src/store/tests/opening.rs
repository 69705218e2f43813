//! What can be wrong with a file, each told by its own error.

use crate::testing::{add_thread, key, memory, text, write};
use crate::{Location, OpenError, SCHEMA_VERSION, Store, StoreError, StoreKey};
use proptest::prelude::*;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A store file with a hundred messages, closed; larger than a few pages.
fn closed_store() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("alice.store");
    let mut store = open(&path, None).unwrap();
    add_thread(&mut store);
    store.raise_generation().unwrap();
    write(&mut store, |tx| {
        (1..=100).try_for_each(|number| tx.insert_message(&text(number, "words in it")).map(drop))
    });
    store.close().unwrap();
    (folder, path)
}

fn open(path: &Path, anchor: Option<u64>) -> Result<Store, OpenError> {
    Store::open(&Location::File(path.to_path_buf()), &key(), anchor)
}

fn refusal(path: &Path, anchor: Option<u64>) -> OpenError {
    open(path, anchor).err().unwrap()
}

#[test]
fn a_closed_store_opens_again_with_all_it_held() {
    let (_folder, path) = closed_store();
    let store = open(&path, Some(1)).unwrap();
    assert_eq!(store.count_messages(None).unwrap(), 100);
    assert_eq!(store.generation().unwrap(), 1);
}

#[test]
fn another_key_or_another_salt_is_the_wrong_key() {
    let (_folder, path) = closed_store();
    let location = Location::File(path.clone());
    for wrong in [
        StoreKey::new([8; 32], [9; 16]),
        StoreKey::new([7; 32], [8; 16]),
    ] {
        assert_eq!(
            Store::open(&location, &wrong, Some(1)).err(),
            Some(OpenError::WrongKey)
        );
        assert_eq!(
            Store::open(&location, &wrong, None).err(),
            Some(OpenError::WrongKey)
        );
    }
    assert!(
        open(&path, Some(1)).is_ok(),
        "a wrong key leaves the file as it was"
    );
}

#[test]
fn a_file_of_another_kind_is_no_store_and_stays_as_it_is() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("photo.jpg");
    for bytes in [
        b"\xff\xd8\xff\xe0 a picture".repeat(1_000),
        b"X".to_vec(),
        b"SQLite format 4\0".to_vec(),
    ] {
        fs::write(&path, &bytes).unwrap();
        assert_eq!(refusal(&path, None), OpenError::NotAStore);
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn a_plain_sqlite_file_is_no_store() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("notes.sqlite");
    let plain = rusqlite::Connection::open(&path).unwrap();
    plain
        .execute_batch("CREATE TABLE notes (text TEXT)")
        .unwrap();
    drop(plain);
    assert_eq!(refusal(&path, None), OpenError::NotAStore);
}

#[test]
fn a_missing_file_is_made_only_when_the_key_store_holds_no_anchor() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("alice.store");
    assert_eq!(refusal(&path, Some(0)), OpenError::FileMissing);
    assert!(!path.exists());
    drop(open(&path, None).unwrap());
    assert!(path.exists());
}

#[test]
fn a_missing_folder_is_the_file_systems_error() {
    let folder = TempDir::new().unwrap();
    let missing = refusal(&folder.path().join("no/alice.store"), None);
    assert!(matches!(&missing, OpenError::Io { detail } if detail.contains("make its folder")));
    assert!(
        matches!(refusal(folder.path(), None), OpenError::Io { .. }),
        "a folder is no file"
    );
}

#[test]
fn a_truncated_file_is_damaged_at_any_length() {
    let (_folder, path) = closed_store();
    let whole = fs::read(&path).unwrap();
    let pages = whole.len() / 4096;
    assert!(pages > 10, "{pages} pages");
    for length in [
        0,
        1,
        15,
        16,
        31,
        32,
        100,
        4095,
        4096,
        4097,
        8192,
        3 * 4096 + 7,
        whole.len() - 4096,
        whole.len() - 1,
    ] {
        fs::write(&path, &whole[..length]).unwrap();
        let error = refusal(&path, Some(1));
        assert!(
            matches!(error, OpenError::Corrupt { .. }),
            "{length} bytes: {error}"
        );
    }
    fs::write(&path, &whole).unwrap();
    assert!(open(&path, Some(1)).is_ok());
}

#[test]
fn a_damaged_page_is_told_and_never_read_as_nothing() {
    let (_folder, path) = closed_store();
    let whole = fs::read(&path).unwrap();
    for page in 1..whole.len() / 4096 {
        let mut bytes = whole.clone();
        bytes[page * 4096 + 1_000] ^= 1;
        fs::write(&path, &bytes).unwrap();
        let read = open(&path, Some(1))
            .map_err(|error| error.to_string())
            .and_then(|mut store| {
                let checked = store.check();
                let written = store.transaction(|tx| tx.insert_message(&text(500, "more")));
                assert!(!matches!(checked, Ok(())) || written.is_ok(), "page {page}");
                checked.map_err(|error| {
                    assert!(
                        matches!(error, StoreError::Corrupt { .. }),
                        "page {page}: {error:?}"
                    );
                    error.to_string()
                })
            });
        assert!(read.is_err(), "page {page} of {}", whole.len() / 4096);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn bytes_changed_anywhere_end_in_an_error_and_never_in_a_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..4)) {
        let (_folder, path) = closed_store();
        let mut bytes = fs::read(&path).unwrap();
        for (place, change) in changes {
            let place = place.index(bytes.len());
            bytes[place] ^= change;
        }
        fs::write(&path, &bytes).unwrap();
        if let Ok(mut store) = open(&path, Some(1)) {
            let _ = store.check();
            let _ = store.page(crate::testing::thread(), None, 200);
            let _ = store.search("words", None, None, 200);
            let _ = store.transaction(|tx| tx.insert_message(&text(500, "more")));
        }
    }

    #[test]
    fn bytes_of_any_kind_are_refused(bytes in prop::collection::vec(any::<u8>(), 1..10_000), magic: bool) {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("alice.store");
        let mut bytes = bytes;
        if magic {
            bytes.splice(..0, b"SQLite format 3\0\x10\0\x02\x02\x50\x40\x20\x20".iter().copied());
        }
        fs::write(&path, &bytes).unwrap();
        for anchor in [None, Some(1)] {
            let refused = refusal(&path, anchor);
            let told = matches!(refused, OpenError::NotAStore | OpenError::WrongKey | OpenError::Corrupt { .. });
            prop_assert!(told, "{refused:?}");
            prop_assert!(fs::read(&path).unwrap() == bytes, "the file stays as it is");
        }
    }
}

#[test]
fn a_newer_schema_is_refused_and_named() {
    let (_folder, path) = closed_store();
    let store = open(&path, Some(1)).unwrap();
    store
        .connection
        .pragma_update(None, "user_version", SCHEMA_VERSION + 7)
        .unwrap();
    store.close().unwrap();
    let newer = OpenError::NewerSchema {
        found: SCHEMA_VERSION + 7,
        known: SCHEMA_VERSION,
    };
    assert_eq!(refusal(&path, Some(1)), newer);
}

#[test]
fn an_old_copy_put_back_is_rolled_back() {
    let (_folder, path) = closed_store();
    let copy = fs::read(&path).unwrap();
    let mut store = open(&path, Some(1)).unwrap();
    let anchor = store.raise_generation().unwrap();
    assert_eq!(anchor, 2);
    store.close().unwrap();
    fs::write(&path, copy).unwrap();
    assert_eq!(
        refusal(&path, Some(anchor)),
        OpenError::RolledBack {
            store_generation: 1,
            anchor
        }
    );
}

#[test]
fn an_empty_store_put_in_place_is_rolled_back() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("alice.store");
    drop(open(&path, None).unwrap());
    assert_eq!(
        refusal(&path, Some(3)),
        OpenError::RolledBack {
            store_generation: 0,
            anchor: 3
        }
    );
}

#[test]
fn a_store_newer_than_its_anchor_opens() {
    let (_folder, path) = closed_store();
    assert!(
        open(&path, Some(0)).is_ok(),
        "the anchor's last write may have been lost"
    );
}

#[test]
fn a_second_open_in_one_process_is_in_use_by_whatever_name() {
    let (folder, path) = closed_store();
    let store = open(&path, Some(1)).unwrap();
    assert_eq!(refusal(&path, Some(1)), OpenError::InUse);
    assert_eq!(
        refusal(&folder.path().join(".").join("alice.store"), Some(1)),
        OpenError::InUse
    );
    #[cfg(unix)]
    {
        let link = folder.path().join("link.store");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(refusal(&link, Some(1)), OpenError::InUse);
    }
    let reader = store.reader().unwrap();
    store.close().unwrap();
    assert_eq!(
        refusal(&path, Some(1)),
        OpenError::InUse,
        "a reader has it open still"
    );
    drop(reader);
    assert!(open(&path, Some(1)).is_ok());
}

#[test]
fn a_refused_open_leaves_the_path_free() {
    let (_folder, path) = closed_store();
    assert!(matches!(
        refusal(&path, Some(99)),
        OpenError::RolledBack { .. }
    ));
    assert!(open(&path, Some(1)).is_ok());
}

#[test]
fn two_stores_in_memory_are_apart() {
    let mut one = memory();
    let other = memory();
    write(&mut one, |tx| tx.set_setting("name", b"one"));
    assert_eq!(other.setting("name").unwrap(), None);
    assert_eq!(
        one.reader().unwrap().setting("name").unwrap(),
        Some(b"one".to_vec())
    );
}

#[test]
fn the_connection_is_as_strict_and_as_durable_as_promised() {
    let (_folder, path) = closed_store();
    let store = open(&path, Some(1)).unwrap();
    let reader = store.reader().unwrap();
    for rows in [&*store, &*reader] {
        for (pragma, value) in [
            ("journal_mode", "wal"),
            ("synchronous", "2"),
            ("fullfsync", "1"),
            ("checkpoint_fullfsync", "1"),
            ("foreign_keys", "1"),
            ("temp_store", "2"),
            ("secure_delete", "1"),
            ("busy_timeout", "5000"),
        ] {
            let found: rusqlite::types::Value = rows
                .connection
                .pragma_query_value(None, pragma, |row| row.get(0))
                .unwrap();
            let found = match found {
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                other => format!("{other:?}"),
            };
            assert_eq!(found, value, "{pragma}");
        }
    }
}

#[test]
fn every_table_is_strict() {
    let store = memory();
    let lax: Vec<String> = store
        .connection
        .prepare("SELECT name FROM pragma_table_list WHERE strict = 0 AND type = 'table' AND name NOT LIKE 'sqlite_%'")
        .unwrap()
        .query_map([], |row| row.get(0))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(lax, Vec::<String>::new());
}
