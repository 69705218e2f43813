//! The one who writes: as many jobs as wait go into one commit.

use super::checkpoints::Log;
use super::durable::{Durable, Group, failure};
use super::lanes::Job;
use super::transactions::{roll_back, run, survived};
use super::{StorageError, storage_error, sync_failed};
use rusqlite::Connection;
use std::sync::mpsc::Receiver;
use std::time::Instant;

/// Jobs of one commit: enough to spread the cost of a sync, few enough to answer soon.
pub(super) const GROUP_MAX: usize = 256;

/// Runs all jobs that come, and hands over what they answer.
pub(super) fn write_all(
    connection: &Connection,
    jobs: &Receiver<Box<dyn Job>>,
    durable: &Durable,
    log: &Log,
) {
    while let Ok(first) = jobs.recv() {
        let mut group = vec![first];
        if durable.has_failed() {
            for job in group {
                job.answer(Err(failure()));
            }
            continue;
        }
        let began = Instant::now();
        let outcome = commit_group(connection, &mut group, jobs, durable);
        durable.hand_over(Group {
            jobs: group,
            began,
            outcome,
        });
        log.copy_rest_if_asked(connection, durable);
    }
}

/// Runs the jobs in one transaction, and those that come until the disk is free for it: one that fails takes nothing of the
/// others with it.
fn commit_group(
    connection: &Connection,
    group: &mut Vec<Box<dyn Job>>,
    jobs: &Receiver<Box<dyn Job>>,
    durable: &Durable,
) -> Result<(), StorageError> {
    let ran = match run_together(connection, group, jobs, durable) {
        Ok(Together::Ran) => Ok(()),
        Ok(Together::OneFailed) => {
            roll_back(connection);
            durable.wait_for_disk();
            run_apart(connection, group)
        }
        Err(error) => Err(error),
    };
    // Counted whatever came of the jobs, as each group is handed over.
    durable.commit_begins();
    if durable.has_failed() {
        roll_back(connection);
        return Err(failure());
    }
    let committed = ran.and_then(|()| run(connection, "COMMIT"));
    committed.map_err(|error| {
        roll_back(connection);
        if sync_failed(&error) {
            durable.fail(&error);
        }
        let cause = storage_error(&error);
        tracing::warn!(%error, "a group of writes was rolled back");
        cause
    })
}

/// What became of jobs without savepoints.
enum Together {
    /// All of them ran.
    Ran,
    /// One failed, and it is unknown which part of what was written is its.
    OneFailed,
}

/// Without savepoints: inside of one SQLite copies each page before it changes it. Jobs hardly ever fail.
fn run_together(
    connection: &Connection,
    group: &mut Vec<Box<dyn Job>>,
    jobs: &Receiver<Box<dyn Job>>,
    durable: &Durable,
) -> rusqlite::Result<Together> {
    run(connection, "BEGIN IMMEDIATE")?;
    let mut ran = 0;
    loop {
        take_waiting(group, jobs);
        for job in &mut group[ran..] {
            if !matches!(survived(|| job.run(connection)), Some(Ok(()))) {
                return Ok(Together::OneFailed);
            }
        }
        ran = group.len();
        // As long as the disk is busy with the group before, more may come.
        if !durable.wait_for_disk() {
            return Ok(Together::Ran);
        }
    }
}

/// Each job in a savepoint.
fn run_apart(connection: &Connection, group: &mut [Box<dyn Job>]) -> rusqlite::Result<()> {
    run(connection, "BEGIN IMMEDIATE")?;
    for job in group {
        run(connection, "SAVEPOINT job")?;
        match survived(|| job.run(connection)) {
            Some(Ok(())) => run(connection, "RELEASE job")?,
            // A full disk may have ended the whole transaction: then this statement fails, and the group with it.
            Some(Err(_)) | None => {
                run(connection, "ROLLBACK TO job")?;
                run(connection, "RELEASE job")?;
            }
        }
    }
    Ok(())
}

/// As many of the jobs that wait as one commit takes.
fn take_waiting(group: &mut Vec<Box<dyn Job>>, jobs: &Receiver<Box<dyn Job>>) {
    while group.len() < GROUP_MAX
        && let Ok(next) = jobs.try_recv()
    {
        group.push(next);
    }
}
