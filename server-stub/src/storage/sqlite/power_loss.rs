//! What a power loss, or a disk that fails, may take: nothing that was answered.

use super::checkpoints::Log;
use super::durable::Durable;
use super::lanes::Lanes;
use super::{Pending, connect};
use crate::service::tests::run;
use futures_util::FutureExt as _;
use rusqlite::{Connection, params};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::{Duration, Instant};
use std::{fs, io, thread};
use tempfile::TempDir;

/// Long enough for a thread that has something to do, on a busy machine.
const SOON: Duration = Duration::from_secs(20);
/// Long enough to see that nothing happens.
const A_WHILE: Duration = Duration::from_millis(100);

struct Database {
    _folder: TempDir,
    path: PathBuf,
}

impl Database {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("relay.db");
        connect(&path)
            .unwrap()
            .execute_batch("CREATE TABLE n (n INTEGER PRIMARY KEY, bytes BLOB) STRICT")
            .unwrap();
        Self {
            _folder: folder,
            path,
        }
    }

    /// With a sync of the test's.
    fn lanes(&self, sync: impl Fn() -> io::Result<()> + Send + Sync + 'static) -> Lanes {
        let writer = connect(&self.path).unwrap();
        let durable = Durable::new(sync);
        let (connect, log) = (|| connect(&self.path), Log::short());
        Lanes::threads_with(&self.path, writer, connect, Arc::default(), durable, log).unwrap()
    }

    /// What stands in the log and the database, synced or not.
    fn written(&self) -> BTreeSet<i64> {
        numbers(&connect(&self.path).unwrap()).unwrap()
    }

    fn has_soon(&self, number: i64) {
        let begun = Instant::now();
        while !self.written().contains(&number) {
            assert!(begun.elapsed() < SOON, "{number} is not written");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

fn numbers(db: &Connection) -> rusqlite::Result<BTreeSet<i64>> {
    let mut all = db.prepare("SELECT n FROM n")?;
    let rows = all.query_map([], |row| row.get(0))?;
    rows.collect()
}

fn insert(lanes: &Lanes, number: i64) -> Pending<'static, ()> {
    lanes.write(move |db| {
        let row = "INSERT INTO n (n, bytes) VALUES (?1, zeroblob(2000))";
        db.execute(row, params![number]).map(drop)
    })
}

fn read(lanes: &Lanes) -> Pending<'static, BTreeSet<i64>> {
    lanes.read(numbers)
}

/// A disk that takes nothing while it is held.
#[derive(Clone, Default)]
struct Held(Arc<(Mutex<bool>, Condvar)>);

impl Held {
    fn hold(&self, held: bool) {
        *self.0.0.lock().unwrap() = held;
        self.0.1.notify_all();
    }

    fn sync(&self) -> io::Result<()> {
        let held = self.0.0.lock().unwrap();
        drop(self.0.1.wait_while(held, |held| *held).unwrap());
        Ok(())
    }
}

#[test]
fn no_answer_leaves_before_the_log_is_synced_neither_of_a_write_nor_of_a_read_that_saw_it() {
    let (database, disk) = (Database::new(), Held::default());
    let syncs = disk.clone();
    let lanes = database.lanes(move || syncs.sync());
    run(insert(&lanes, 1)).unwrap();

    disk.hold(true);
    let mut write = insert(&lanes, 2);
    database.has_soon(2);
    let mut read = read(&lanes);
    thread::sleep(A_WHILE);
    assert!((&mut write).now_or_never().is_none());
    assert!((&mut read).now_or_never().is_none());

    disk.hold(false);
    run(write).unwrap();
    assert_eq!(run(read), Ok(BTreeSet::from([1, 2])));
}

#[test]
fn a_read_of_what_is_synced_waits_for_no_disk() {
    let (database, disk) = (Database::new(), Held::default());
    let syncs = disk.clone();
    let lanes = database.lanes(move || syncs.sync());
    run(insert(&lanes, 1)).unwrap();
    disk.hold(true);
    assert_eq!(run(read(&lanes)), Ok(BTreeSet::from([1])));
    disk.hold(false);
}

#[test]
fn the_next_group_runs_while_one_is_synced_and_is_committed_after_that() {
    let (database, disk) = (Database::new(), Held::default());
    let syncs = disk.clone();
    let lanes = database.lanes(move || syncs.sync());
    disk.hold(true);
    let first = insert(&lanes, 1);
    database.has_soon(1);
    let (tells, runs) = mpsc::channel();
    let second = lanes.write(move |_| {
        let _ = tells.send(());
        Ok(())
    });
    runs.recv_timeout(SOON).unwrap();
    let third = insert(&lanes, 3);
    thread::sleep(A_WHILE);
    assert_eq!(database.written(), BTreeSet::from([1]));
    disk.hold(false);
    run(second).unwrap();
    for write in [first, third] {
        run(write).unwrap();
    }
    assert_eq!(database.written(), BTreeSet::from([1, 3]));
}

#[test]
fn after_a_sync_that_failed_nothing_is_answered_but_errors_though_the_next_would_succeed() {
    let database = Database::new();
    let fails = Arc::new(Mutex::new(false));
    let failing = Arc::clone(&fails);
    let lanes = database.lanes(
        move || match std::mem::take(&mut *failing.lock().unwrap()) {
            true => Err(io::Error::other("the disk is ill")),
            false => Ok(()),
        },
    );
    run(insert(&lanes, 1)).unwrap();
    *fails.lock().unwrap() = true;
    assert!(run(insert(&lanes, 2)).is_err());
    for number in 3..6 {
        assert!(run(insert(&lanes, number)).is_err());
        assert!(run(read(&lanes)).is_err());
    }
    drop(lanes);
    // A new start knows what the disk has; of what was refused after the failure nothing was even tried.
    let lanes = database.lanes(|| Ok(()));
    let kept = run(read(&lanes)).unwrap();
    assert!(
        kept.contains(&1) && kept.is_disjoint(&(3..6).collect()),
        "{kept:?}"
    );
    run(insert(&lanes, 7)).unwrap();
}

#[test]
fn a_sync_that_panics_leaves_nobody_waiting() {
    let database = Database::new();
    let lanes = database.lanes(|| panic!("a bug"));
    assert!(run(insert(&lanes, 1)).is_err());
    assert!(run(insert(&lanes, 2)).is_err());
    assert!(run(read(&lanes)).is_err());
}

/// The database's files at one moment, with no new beginning of the log between them.
struct Image {
    database: Vec<u8>,
    log: Vec<u8>,
}

/// Where a log's header keeps what changes with each beginning (SQLite file format, 4.1).
const SALTS: std::ops::Range<usize> = 16..24;

impl Image {
    fn of(path: &Path) -> Self {
        let log = path.with_extension("db-wal");
        loop {
            let before = fs::read(&log).unwrap();
            // First, since the log has all that goes into the database, and before it does.
            let database = fs::read(path).unwrap();
            let log = fs::read(&log).unwrap();
            if before.get(SALTS) == log.get(SALTS) {
                return Self { database, log };
            }
        }
    }

    /// What a relay finds that starts with it.
    fn found(&self) -> Result<BTreeSet<i64>, String> {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("relay.db");
        fs::write(&path, &self.database).unwrap();
        fs::write(path.with_extension("db-wal"), &self.log).unwrap();
        let db = connect(&path).map_err(|error| error.to_string())?;
        let sound: String = db
            .pragma_query_value(None, "integrity_check", |row| row.get(0))
            .map_err(|error| error.to_string())?;
        if sound != "ok" {
            return Err(sound);
        }
        numbers(&db).map_err(|error| error.to_string())
    }
}

/// What was answered, and what of the log the disk has.
#[derive(Default)]
struct Witness {
    answered: BTreeSet<i64>,
    /// As the files were when the last sync that ended had begun: whatever was written later is lost.
    on_disk: Option<Image>,
    beginnings: BTreeSet<Vec<u8>>,
    lost: Vec<String>,
    /// Syncs before which something was answered.
    looked: usize,
}

impl Witness {
    /// The power fails now.
    fn look(&mut self) {
        let Some(image) = &self.on_disk else { return };
        match image.found() {
            Ok(found) => {
                let lost: Vec<_> = self.answered.difference(&found).copied().collect();
                if !lost.is_empty() {
                    self.lost.push(format!("{lost:?}"));
                }
            }
            Err(damage) => self.lost.push(damage),
        }
        self.looked += usize::from(!self.answered.is_empty());
        self.beginnings
            .extend(image.log.get(SALTS).map(<[u8]>::to_vec));
    }
}

#[test]
fn a_power_loss_takes_nothing_that_was_answered_while_the_log_is_copied_and_begins_anew() {
    const SENDERS: i64 = 8;
    const EACH: i64 = 40;
    let database = Database::new();
    let witness = Arc::new(Mutex::new(Witness::default()));
    let (sees, path) = (Arc::clone(&witness), database.path.clone());
    let lanes = database.lanes(move || {
        sees.lock().unwrap().look();
        let image = Image::of(&path);
        fs::File::open(path.with_extension("db-wal"))?.sync_data()?;
        sees.lock().unwrap().on_disk = Some(image);
        Ok(())
    });
    thread::scope(|scope| {
        for sender in 0..SENDERS {
            let (lanes, witness) = (&lanes, &witness);
            scope.spawn(move || {
                for number in sender * EACH..(sender + 1) * EACH {
                    run(insert(lanes, number)).unwrap();
                    witness.lock().unwrap().answered.insert(number);
                }
            });
        }
    });
    drop(lanes);
    let mut witness = witness.lock().unwrap();
    witness.look();
    assert_eq!(witness.lost, Vec::<String>::new());
    assert_eq!(witness.answered.len() as i64, SENDERS * EACH);
    let (looked, beginnings) = (witness.looked, witness.beginnings.len());
    assert!(looked > 20 && beginnings > 2, "{looked}, {beginnings}");
}
