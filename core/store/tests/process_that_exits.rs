//! A process may end while its stores are being opened and written, as apps do: it ends with the code that it meant.
//!
//! An unwrap that fails here is the test failing.
#![allow(clippy::unwrap_used)]

use sealwire_store::{Location, Store, StoreError, StoreKey};
use std::process::Command;
use std::thread;
use std::time::Duration;

/// For how long the child works before it ends, in microseconds; without it, the child's part of this file does nothing.
const WORKS_FOR: &str = "SEALWIRE_EXIT_AFTER";
/// What the child ends with.
const CODE: i32 = 7;
/// Each ends in another moment of its stores' lives.
const CHILDREN: u64 = 60;

#[test]
fn a_process_that_exits_while_stores_are_being_opened_ends_as_it_meant_to() {
    let this = std::env::current_exe().unwrap();
    for child in 0..CHILDREN {
        let status = Command::new(&this)
            .args(["--exact", "the_child_that_exits", "--nocapture"])
            .env(WORKS_FOR, (child * 500).to_string())
            .status()
            .unwrap();
        assert_eq!(status.code(), Some(CODE), "child {child}: {status}");
    }
}

/// Not a test of its own: the process that the other one looks at.
#[test]
fn the_child_that_exits() {
    let Some(micros) = std::env::var(WORKS_FOR).ok() else {
        return;
    };
    for number in 0..4u8 {
        thread::spawn(move || {
            let key = StoreKey::new([number; 32], [number; 16]);
            loop {
                let mut store = Store::open(&Location::Memory, &key, None).unwrap();
                let written: Result<(), StoreError> =
                    store.transaction(|tx| tx.set_setting("name", b"words"));
                written.unwrap();
            }
        });
    }
    thread::sleep(Duration::from_micros(micros.parse().unwrap()));
    std::process::exit(CODE);
}
