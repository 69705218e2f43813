//! A process may end while its stores are being opened and written, as apps do: it ends with the code that it meant.
//!
//! An unwrap that fails here is the test failing.
#![allow(clippy::unwrap_used)]

use sealwire_store::{Location, Store, StoreError, StoreKey};
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// For how long the child works before it ends, in microseconds; without it, the child's part of this file does nothing.
const WORKS_FOR: &str = "SEALWIRE_EXIT_AFTER";
/// Where the child's stores lie.
const FOLDER: &str = "SEALWIRE_EXIT_FOLDER";
/// What the child ends with.
const CODE: i32 = 7;
/// Each ends in another moment of its stores' lives.
const CHILDREN: u64 = 60;

#[test]
fn a_process_that_exits_while_stores_are_being_opened_ends_as_it_meant_to() {
    for child in 0..CHILDREN {
        ends_as_it_meant_to(child, "the_child_that_opens");
    }
}

#[test]
fn a_process_that_exits_while_stores_are_being_written_ends_as_it_meant_to() {
    for child in 0..CHILDREN {
        ends_as_it_meant_to(child, "the_child_that_writes");
    }
}

fn ends_as_it_meant_to(child: u64, which: &str) {
    let folder = tempfile::tempdir().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", which, "--nocapture"])
        .env(WORKS_FOR, (child * 500).to_string())
        .env(FOLDER, folder.path())
        .status()
        .unwrap();
    assert_eq!(status.code(), Some(CODE), "{which} {child}: {status}");
}

/// Not a test of its own: the process that the first one looks at.
#[test]
fn the_child_that_opens() {
    while_threads(|number, _| {
        let mut store = Store::open(&Location::Memory, &key(number), None).unwrap();
        write(&mut store);
    });
}

/// Not a test of its own either. In files: what is written goes through the cipher.
#[test]
fn the_child_that_writes() {
    while_threads(|number, folder| {
        let file = folder.join(format!("{number}.db"));
        let mut store = Store::open(&Location::File(file), &key(number), None).unwrap();
        loop {
            write(&mut store);
        }
    });
}

fn while_threads(work: fn(u8, &Path)) {
    let Some(micros) = std::env::var(WORKS_FOR).ok() else {
        return;
    };
    for number in 0..4u8 {
        thread::spawn(move || {
            let folder = std::env::var_os(FOLDER).unwrap();
            loop {
                work(number, folder.as_ref());
            }
        });
    }
    thread::sleep(Duration::from_micros(micros.parse().unwrap()));
    std::process::exit(CODE);
}

fn key(number: u8) -> StoreKey {
    StoreKey::new([number; 32], [number; 16])
}

fn write(store: &mut Store) {
    let written: Result<(), StoreError> =
        store.transaction(|tx| tx.set_setting("name", b"words".repeat(2_000).as_slice()));
    written.unwrap();
}
