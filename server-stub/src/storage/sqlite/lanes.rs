//! Where steps run: one writer that groups commits, readers apart, or everything inline.

use super::checkpoints::Log;
use super::commits::Commits;
use super::durable::Durable;
use super::transactions::{in_one_view, in_transaction, survived};
use super::writer::write_all;
use super::{OpenError, Pending, StorageError, storage_error};
use rusqlite::Connection;
use rusqlite::config::DbConfig;
use std::fs::{File, OpenOptions};
use std::path::Path;
use std::sync::mpsc::{self, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;
use std::thread::{self, JoinHandle};
use tokio::sync::oneshot;

/// Steps that wait for a lane, at most: a disk that hangs does not fill the memory. A second's work and more.
const WAITING_MAX: usize = 32_768;
/// Readers beside the writer.
const READERS: usize = 2;

/// Where steps run.
pub(super) enum Lanes {
    /// On the caller's thread.
    Inline(Mutex<Connection>),
    /// On the caller's thread too; what is told of a step comes a poll later.
    Stepwise(Mutex<Connection>),
    /// Each on the thread of its kind.
    Threads(Threads),
}

pub(super) struct Threads {
    writes: Option<SyncSender<Box<dyn Job>>>,
    reads: Option<SyncSender<Box<dyn Job>>>,
    log: Arc<Log>,
    durable: Arc<Durable>,
    /// All but the one that syncs, which ends after them.
    handles: Vec<JoinHandle<()>>,
    syncs: Option<JoinHandle<()>>,
    /// Closed after every connection: a process that closes a file gives up its locks on it, SQLite's too.
    _database: Arc<File>,
}

/// A step, then its answer.
pub(super) trait Job: Send {
    /// Does it, or does it again after all that it did was rolled back: the last time counts.
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()>;
    /// Whether what it did stands; an error of its own goes before.
    fn answer(self: Box<Self>, outcome: Result<(), StorageError>);
}

struct Step<T, F> {
    step: F,
    result: Option<Result<T, StorageError>>,
    to: oneshot::Sender<Result<T, StorageError>>,
}

impl Lanes {
    pub(super) fn inline(connection: Connection) -> Self {
        Self::Inline(Mutex::new(connection))
    }

    /// With threads for the database at `path`, to which `connect` connects as `writer` is connected.
    pub(super) fn threads(
        path: &Path,
        writer: Connection,
        connect: impl FnMut() -> rusqlite::Result<Connection>,
        commits: Arc<Commits>,
    ) -> Result<Self, OpenError> {
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        // SQLite made it when `writer` first read, and removes it when the last connection is closed.
        let log = synced(log.as_ref())?;
        let durable = Durable::new(move || log.sync_data());
        Self::threads_with(path, writer, connect, commits, durable, Log::default())
    }

    pub(super) fn threads_with(
        path: &Path,
        mut writer: Connection,
        mut connect: impl FnMut() -> rusqlite::Result<Connection>,
        commits: Arc<Commits>,
        durable: Durable,
        log: Log,
    ) -> Result<Self, OpenError> {
        // Commits are not synced; a checkpoint syncs the log before it copies and the database after, as with FULL.
        writer.pragma_update(None, "synchronous", "normal")?;
        let (log, durable) = (Arc::new(log), Arc::new(durable));
        log.watch(&mut writer)?;
        let (writes, jobs) = mpsc::sync_channel(WAITING_MAX);
        let (to, watched) = (Arc::clone(&durable), Arc::clone(&log));
        let mut handles = vec![spawn("relay-writer", move || {
            write_all(&writer, &jobs, &to, &watched);
            leave(&writer, &to);
        })?];
        let (reads, jobs) = mpsc::sync_channel(WAITING_MAX);
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..READERS {
            let (connection, jobs, to) = (connect()?, Arc::clone(&jobs), Arc::clone(&durable));
            handles.push(spawn("relay-reader", move || {
                read_all(&connection, &jobs, &to);
                leave(&connection, &to);
            })?);
        }
        let (connection, watched, to) = (connect()?, Arc::clone(&log), Arc::clone(&durable));
        let database = Arc::new(synced(path)?);
        let file = Arc::clone(&database);
        handles.push(spawn("relay-checkpoints", move || {
            watched.copy_all(&connection, || file.sync_data(), &to);
            leave(&connection, &to);
        })?);
        let to = Arc::clone(&durable);
        let syncs = spawn("relay-syncs", move || to.hand_out(&commits))?;
        Ok(Self::Threads(Threads {
            writes: Some(writes),
            reads: Some(reads),
            log,
            durable,
            handles,
            syncs: Some(syncs),
            _database: database,
        }))
    }

    pub(super) fn write<T: Send + 'static>(
        &self,
        step: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Pending<'static, T> {
        match self {
            Self::Inline(connection) => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                let result = in_transaction(&connection, step);
                Box::pin(std::future::ready(result))
            }
            Self::Stepwise(connection) => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                Box::pin(at_next_poll(in_transaction(&connection, step)))
            }
            Self::Threads(threads) => submit(threads.writes.as_ref(), step),
        }
    }

    pub(super) fn read<T: Send + 'static>(
        &self,
        step: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Pending<'static, T> {
        match self {
            Self::Inline(connection) => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                let result = in_one_view(&connection, step);
                Box::pin(std::future::ready(result))
            }
            Self::Stepwise(connection) => {
                let connection = connection.lock().unwrap_or_else(PoisonError::into_inner);
                Box::pin(at_next_poll(in_one_view(&connection, step)))
            }
            Self::Threads(threads) => submit(threads.reads.as_ref(), step),
        }
    }
}

impl Drop for Threads {
    /// Ends the threads after the jobs that they have, so that the files are closed when this returns.
    fn drop(&mut self) {
        self.log.end();
        self.writes = None;
        self.reads = None;
        for handle in self.handles.drain(..) {
            // A reader or writer that panicked has nothing left to say.
            let _ = handle.join();
        }
        self.durable.end();
        if let Some(handle) = self.syncs.take() {
            let _ = handle.join();
        }
    }
}

/// A file of the database, to sync it.
fn synced(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().read(true).write(true).open(path)
}

/// The last connection that is closed copies the log into the database, and removes it; not when the disk may lack parts of it.
fn leave(connection: &Connection, durable: &Durable) {
    if durable.has_failed() {
        let _ = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true);
    }
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, OpenError> {
    thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
        .map_err(OpenError::Thread)
}

/// What is ready now, told when it is asked for once more: whoever drives several futures lets others go between.
async fn at_next_poll<T>(result: T) -> T {
    let mut told = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut told, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    result
}

fn submit<T: Send + 'static>(
    lane: Option<&SyncSender<Box<dyn Job>>>,
    step: impl Fn(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Pending<'static, T> {
    let (to, from) = oneshot::channel();
    let job = Box::new(Step {
        step,
        result: None,
        to,
    });
    // A lane that is gone drops the job, and with it `to`: that is seen below. Sent here and not on the first poll, so
    // that steps run in the order in which they were asked for.
    let sent = lane.map(|lane| lane.try_send(job));
    let too_many = matches!(sent, Some(Err(TrySendError::Full(_))));
    Box::pin(async move {
        if too_many {
            let detail = "too many steps wait for storage".to_owned();
            return Err(StorageError::Unavailable(detail));
        }
        from.await
            .unwrap_or_else(|_| Err(StorageError::Unavailable("the lane has ended".to_owned())))
    })
}

impl<T: Send, F: Fn(&Connection) -> rusqlite::Result<T> + Send> Job for Step<T, F> {
    fn run(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        self.result = None;
        match (self.step)(connection) {
            Ok(value) => {
                self.result = Some(Ok(value));
                Ok(())
            }
            Err(error) => {
                self.result = Some(Err(storage_error(&error)));
                Err(error)
            }
        }
    }

    fn answer(self: Box<Self>, outcome: Result<(), StorageError>) {
        let answer = match (self.result, outcome) {
            (Some(Err(error)), _) | (_, Err(error)) => Err(error),
            (Some(Ok(value)), Ok(())) => Ok(value),
            (None, Ok(())) => Err(StorageError::Unavailable("the step did not run".to_owned())),
        };
        // Whoever asked may have stopped waiting; what was done stands.
        let _ = self.to.send(answer);
    }
}

fn read_all(connection: &Connection, jobs: &Mutex<Receiver<Box<dyn Job>>>, durable: &Durable) {
    loop {
        let next = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(mut job) = next else { return };
        let outcome = in_one_view(connection, |connection| {
            survived(|| job.run(connection)).unwrap_or(Ok(()))
        });
        durable.hand_over_read(job, outcome);
    }
}

#[cfg(test)]
mod tests {
    use super::super::writer::GROUP_MAX;
    use super::*;
    use crate::service::tests::run;
    use rusqlite::{Error, params};
    use tempfile::TempDir;

    fn lanes(folder: &TempDir) -> Lanes {
        let path = folder.path().join("lanes.db");
        let writer = super::super::connect(&path).unwrap();
        writer
            .execute_batch("CREATE TABLE IF NOT EXISTS n (n INTEGER PRIMARY KEY) STRICT")
            .unwrap();
        Lanes::threads(
            &path,
            writer,
            || super::super::connect(&path),
            Arc::default(),
        )
        .unwrap()
    }

    fn insert(lanes: &Lanes, number: i64) -> Pending<'static, ()> {
        lanes.write(move |db| {
            db.execute("INSERT INTO n (n) VALUES (?1)", params![number])?;
            if number % 5 == 0 {
                Err(Error::QueryReturnedNoRows)
            } else {
                Ok(())
            }
        })
    }

    fn count(lanes: &Lanes) -> i64 {
        let all = lanes.read(|db| db.query_row("SELECT count(*) FROM n", [], |row| row.get(0)));
        run(all).unwrap()
    }

    #[test]
    fn a_step_that_fails_takes_nothing_of_its_group_with_it() {
        let folder = TempDir::new().unwrap();
        let lanes = lanes(&folder);
        // The writer is held up, so that the rest makes one group.
        let held = lanes.write(|_| {
            thread::sleep(std::time::Duration::from_millis(50));
            Ok(())
        });
        let steps: Vec<_> = (1..=20).map(|number| insert(&lanes, number)).collect();
        run(held).unwrap();
        let failed = steps.into_iter().map(run).filter(Result::is_err).count();
        assert_eq!((failed, count(&lanes)), (4, 16));
    }

    #[test]
    fn a_step_that_panics_takes_neither_its_group_nor_its_lane_with_it() {
        let folder = TempDir::new().unwrap();
        let lanes = lanes(&folder);
        let held = lanes.write(|_| {
            thread::sleep(std::time::Duration::from_millis(50));
            Ok(())
        });
        let before = insert(&lanes, 1);
        let panics = lanes.write::<()>(|db| {
            db.execute("INSERT INTO n (n) VALUES (2)", [])?;
            panic!("a bug");
        });
        let after = insert(&lanes, 3);
        run(held).unwrap();
        run(before).unwrap();
        assert!(run(panics).is_err());
        run(after).unwrap();
        assert_eq!(count(&lanes), 2);
        for _ in 0..=READERS {
            assert!(run(lanes.read::<()>(|_| panic!("a bug"))).is_err());
        }
        run(insert(&lanes, 4)).unwrap();
        assert_eq!(count(&lanes), 3);
    }

    #[test]
    fn steps_that_wait_for_a_lane_that_hangs_are_bounded() {
        let folder = TempDir::new().unwrap();
        let lanes = lanes(&folder);
        let (goes_on, hangs) = mpsc::channel::<()>();
        let held = lanes.write(move |_| {
            let _ = hangs.recv();
            Ok(())
        });
        let waiting: Vec<_> = (0..WAITING_MAX + GROUP_MAX + 2)
            .map(|_| lanes.write(|_| Ok(())))
            .collect();
        drop(goes_on);
        run(held).unwrap();
        let refused = waiting.into_iter().map(run).filter(Result::is_err).count();
        assert!((1..=GROUP_MAX + 3).contains(&refused), "{refused}");
        run(lanes.write(|_| Ok(()))).unwrap();
    }

    #[test]
    fn what_was_asked_for_is_done_though_nobody_waits_and_before_the_file_closes() {
        let folder = TempDir::new().unwrap();
        let first = lanes(&folder);
        for number in [1, 2, 3] {
            drop(insert(&first, number));
        }
        drop(first);
        assert_eq!(count(&lanes(&folder)), 3);
    }
}
