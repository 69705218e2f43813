//! When an answer may leave: once the disk has all that it may tell of.
//!
//! The writer commits without waiting for the disk: what it committed stands in the log and can be read, and a power loss may
//! still take it. One thread syncs the log, and then hands out the answers of everything that was committed before that sync
//! began, while the writer runs the next group. A read that may have seen what is not synced yet is answered the same way.
//!
//! After a sync that failed the kernel may have dropped what was to be written, and call the next sync a success (fsync(2),
//! "ERRORS": EIO). So the first failure is the last: nothing is answered any more but errors, until a new start reads what the
//! disk has.

use super::commits::Commits;
use super::lanes::Job;
use super::transactions::survived;
use crate::storage::StorageError;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// What is committed, what is synced, and the answers between.
pub(super) struct Durable {
    sync: Box<dyn Fn() -> io::Result<()> + Send + Sync>,
    /// Groups whose commit has begun: a reader may see them.
    begun: AtomicU64,
    /// Groups up to this one are on the disk.
    synced: AtomicU64,
    failed: AtomicBool,
    waiting: Mutex<Waiting>,
    /// Something waits for a sync, or nothing will any more.
    came: Condvar,
    /// No group waits any more.
    left: Condvar,
}

/// Answers that wait for a sync.
#[derive(Default)]
struct Waiting {
    groups: Vec<Group>,
    reads: Vec<Read>,
    /// Groups here or in the sync under way.
    unsynced: usize,
    ended: bool,
}

/// What one commit answers.
pub(super) struct Group {
    pub(super) jobs: Vec<Box<dyn Job>>,
    pub(super) began: Instant,
    pub(super) outcome: Result<(), StorageError>,
}

struct Read {
    job: Box<dyn Job>,
    outcome: Result<(), StorageError>,
    /// Groups whose commit had begun when it ended.
    seen: u64,
}

impl Durable {
    /// `sync` puts on the disk what was written to the log before.
    pub(super) fn new(sync: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> Self {
        Self {
            sync: Box::new(sync),
            begun: AtomicU64::default(),
            synced: AtomicU64::default(),
            failed: AtomicBool::default(),
            waiting: Mutex::default(),
            came: Condvar::new(),
            left: Condvar::new(),
        }
    }

    /// For the writer, before it commits: waits until the group before is on the disk, and says whether it had to. Two that wait
    /// would be two commits where one does, and pages written twice.
    pub(super) fn wait_for_disk(&self) -> bool {
        let mut waiting = self.waiting();
        let waits = waiting.unsynced > 0;
        while waiting.unsynced > 0 {
            let woken = self.left.wait(waiting);
            waiting = woken.unwrap_or_else(PoisonError::into_inner);
        }
        waits
    }

    /// For the writer, before every commit: from here on readers may see it.
    pub(super) fn commit_begins(&self) {
        self.begun.fetch_add(1, Ordering::SeqCst);
    }

    /// For the writer, after every commit, whatever came of it.
    pub(super) fn hand_over(&self, group: Group) {
        let mut waiting = self.waiting();
        waiting.unsynced += 1;
        waiting.groups.push(group);
        self.came.notify_one();
    }

    /// For a reader, after its transaction.
    pub(super) fn hand_over_read(&self, job: Box<dyn Job>, outcome: Result<(), StorageError>) {
        let seen = self.begun.load(Ordering::SeqCst);
        if self.has_failed() {
            return job.answer(Err(failure()));
        }
        if self.synced.load(Ordering::SeqCst) >= seen {
            return job.answer(outcome);
        }
        self.waiting().reads.push(Read { job, outcome, seen });
        self.came.notify_one();
    }

    /// The work of the thread that syncs, until [`Self::end`] and everything is answered.
    pub(super) fn hand_out(&self, commits: &Commits) {
        while let Some((groups, reads)) = self.next() {
            let durable = self.make_durable(&groups, &reads);
            self.waiting().unsynced -= groups.len();
            self.left.notify_one();
            for group in groups {
                let outcome = group.outcome.and_then(|()| durable.clone());
                commits.count(group.began.elapsed(), group.jobs.len(), outcome.is_ok());
                for job in group.jobs {
                    job.answer(outcome.clone());
                }
            }
            for read in reads {
                read.job.answer(read.outcome.and_then(|()| durable.clone()));
            }
        }
    }

    /// Nothing more comes: the writer and the readers have ended.
    pub(super) fn end(&self) {
        self.waiting().ended = true;
        self.came.notify_one();
    }

    /// From now on there are only errors. What was answered before is on the disk.
    pub(super) fn fail(&self, error: &dyn std::error::Error) {
        if !self.failed.swap(true, Ordering::SeqCst) {
            tracing::error!(%error, "the disk did not take what was written; restart the relay: until then it answers nothing");
        }
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::SeqCst)
    }

    fn make_durable(&self, groups: &[Group], reads: &[Read]) -> Result<(), StorageError> {
        let synced = self.synced.load(Ordering::SeqCst);
        if !self.has_failed() && (!groups.is_empty() || reads.iter().any(|r| r.seen > synced)) {
            let synced = survived(|| (self.sync)());
            match synced.unwrap_or_else(|| Err(io::Error::other("the sync panicked"))) {
                // One thread does this, and groups come in the order of their commits.
                Ok(()) => drop(self.synced.fetch_add(groups.len() as u64, Ordering::SeqCst)),
                Err(error) => self.fail(&error),
            }
        }
        if self.has_failed() {
            Err(failure())
        } else {
            Ok(())
        }
    }

    /// What waits, once something does.
    fn next(&self) -> Option<(Vec<Group>, Vec<Read>)> {
        let nothing = |waiting: &mut Waiting| {
            waiting.groups.is_empty() && waiting.reads.is_empty() && !waiting.ended
        };
        let waited = self.came.wait_while(self.waiting(), nothing);
        let mut waiting = waited.unwrap_or_else(PoisonError::into_inner);
        let all = (
            std::mem::take(&mut waiting.groups),
            std::mem::take(&mut waiting.reads),
        );
        (!all.0.is_empty() || !all.1.is_empty()).then_some(all)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What everybody is told after a sync that failed.
pub(super) fn failure() -> StorageError {
    StorageError::Unavailable(
        "the disk did not take what was written: restart the relay".to_owned(),
    )
}
