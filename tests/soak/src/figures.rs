//! What both processes hold at one time.

use crate::device::Device;
use rusqlite::{Connection, OpenFlags};
use sealwire_tests::RelayProcess;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Process {
    pub(crate) id: u32,
    pub(crate) memory_kib: u64,
    pub(crate) handles: u64,
    pub(crate) threads: u64,
    /// Time on a core since it began.
    pub(crate) busy: Duration,
}

/// Everything at one time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    pub(crate) at: Duration,
    pub(crate) relay: Process,
    pub(crate) clients: Process,
    pub(crate) relay_wal_kib: u64,
    pub(crate) relay_db_kib: u64,
    /// Of all clients together, and the largest.
    pub(crate) wals_kib: u64,
    pub(crate) wal_max_kib: u64,
    pub(crate) stores_kib: u64,
    /// Rows of history: they grow.
    pub(crate) messages: u64,
    /// Rows that wait for a device.
    pub(crate) waiting: u64,
    /// Messages in all clients that could be asked.
    pub(crate) client_rows: u64,
}

/// What Linux counts times of processes in (USER_HZ, proc(5)).
const TICKS_PER_SECOND: u64 = 100;

impl Process {
    /// None once it is gone.
    pub(crate) fn look(id: u32) -> Option<Self> {
        let folder = format!("/proc/{id}");
        let status = std::fs::read_to_string(format!("{folder}/status")).ok()?;
        let number = |name: &str| -> Option<u64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name))?;
            line.split_whitespace().next()?.parse().ok()
        };
        let stat = std::fs::read_to_string(format!("{folder}/stat")).ok()?;
        // After the name, which may hold anything, in brackets: user and system time are the 12th and 13th.
        let (_, fields) = stat.rsplit_once(')')?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: u64 = ticks.filter_map(|ticks| ticks.parse::<u64>().ok()).sum();
        Some(Self {
            id,
            memory_kib: number("VmRSS:")?,
            handles: std::fs::read_dir(format!("{folder}/fd")).ok()?.count() as u64,
            threads: number("Threads:")?,
            busy: Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND),
        })
    }
}

impl Figures {
    pub(crate) async fn take(
        at: Duration,
        relay: Option<&RelayProcess>,
        folder: &Path,
        devices: &[Arc<Device>],
    ) -> Self {
        let size = |path: &Path| std::fs::metadata(path).map_or(0, |file| file.len() / 1024);
        let mut figures = Self {
            at,
            relay: relay
                .and_then(|relay| Process::look(relay.id()))
                .unwrap_or_default(),
            clients: Process::look(std::process::id()).unwrap(),
            relay_wal_kib: size(&folder.join("relay.db-wal")),
            relay_db_kib: size(&folder.join("relay.db")),
            messages: rows(folder, "message"),
            waiting: rows(folder, "queue_entry") + rows(folder, "control"),
            ..Self::default()
        };
        for device in devices {
            let wal = size(&device.folder.join("store.db-wal"));
            figures.wals_kib += wal;
            figures.wal_max_kib = figures.wal_max_kib.max(wal);
            figures.stores_kib += size(&device.folder.join("store.db"));
            // Whose app is closed cannot be asked.
            figures.client_rows += device.client().count_messages(None).await.unwrap_or(0);
        }
        figures
    }
}

/// How many rows a table of the relay has.
pub(crate) fn rows(folder: &Path, table: &str) -> u64 {
    let path = folder.join("relay.db");
    let relay = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
    relay.busy_timeout(Duration::from_secs(5)).unwrap();
    let count = format!("SELECT count(*) FROM {table}");
    let counted = relay.query_row(&count, [], |row| row.get::<_, i64>(0));
    counted.unwrap().unsigned_abs()
}
