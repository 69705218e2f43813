//! A process may open its first stores at once, on several threads: SQLite's own start lets a second thread in before SQLCipher's,
//! which follows it, is done.
//!
//! An unwrap that fails here is the test failing.
#![allow(clippy::unwrap_used)]

use sealwire_store::{Location, Store, StoreKey};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Barrier;

/// Where the child makes its stores; without it, the child's part of this file does nothing.
const FOLDER: &str = "SEALWIRE_FIRST_STORES";
const STORES: usize = 8;
/// Only a process's first stores are of interest, and not every process meets the moment.
const PROCESSES: usize = 25;

#[test]
fn the_first_stores_of_a_process_open_at_once() {
    for _ in 0..PROCESSES {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "child_opens_its_first_stores_at_once"]);
        let ended = child.env(FOLDER, folder.path()).output().unwrap();
        assert!(
            ended.status.success(),
            "{}",
            String::from_utf8_lossy(&ended.stdout)
        );
    }
}

#[test]
fn child_opens_its_first_stores_at_once() {
    let Some(folder) = std::env::var_os(FOLDER).map(PathBuf::from) else {
        return;
    };
    let ready = Barrier::new(STORES);
    std::thread::scope(|scope| {
        for number in 0..STORES {
            let location = Location::File(folder.join(number.to_string()));
            let ready = &ready;
            scope.spawn(move || {
                ready.wait();
                Store::open(&location, &StoreKey::new([1; 32], [2; 16]), None).unwrap();
            });
        }
    });
}
