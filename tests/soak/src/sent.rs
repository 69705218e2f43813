//! What everybody has sent, and what should not have been told to anybody.

use sealwire::ThreadId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

/// Every text is another one: its sender's number, and its own.
#[derive(Default)]
pub(crate) struct Sent {
    threads: Mutex<BTreeMap<ThreadId, BTreeSet<String>>>,
    findings: Mutex<Vec<String>>,
}

impl Sent {
    /// A client has taken this in: it may not be lost any more.
    pub(crate) fn taken_in(&self, thread: ThreadId, text: String) {
        let is_new = self.threads().entry(thread).or_default().insert(text);
        assert!(is_new);
    }

    /// The texts of a thread.
    pub(crate) fn texts(&self, thread: ThreadId) -> BTreeSet<String> {
        self.threads().get(&thread).cloned().unwrap_or_default()
    }

    /// How many there are in a thread.
    pub(crate) fn count(&self, thread: ThreadId) -> usize {
        self.threads().get(&thread).map_or(0, BTreeSet::len)
    }

    /// How many there are.
    pub(crate) fn total(&self) -> usize {
        self.threads().values().map(BTreeSet::len).sum()
    }

    /// Something that an honest relay and whole devices give no reason for.
    pub(crate) fn found(&self, what: String) {
        println!("FOUND: {what}");
        self.findings.lock().unwrap().push(what);
    }

    /// All of those.
    pub(crate) fn findings(&self) -> Vec<String> {
        self.findings.lock().unwrap().clone()
    }

    fn threads(&self) -> MutexGuard<'_, BTreeMap<ThreadId, BTreeSet<String>>> {
        self.threads.lock().unwrap()
    }
}
