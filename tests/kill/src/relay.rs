//! The relay's process, and its database as it lies there.

use crate::Volume;
use crate::run::beside;
use rusqlite::{Connection, OpenFlags};
use sealwire_tests::RelayProcess;
use sealwire_wire::ThreadId;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// What the relay is started with: every device of a test is on this machine.
const RELAY: [&str; 2] = ["--limits", "off"];

/// The program that an operator runs, on this folder, on this port or a free one.
pub async fn relay(folder: &Path, listen: Option<SocketAddr>) -> RelayProcess {
    let program = program();
    RelayProcess::start_with(program.to_str().unwrap(), folder, listen, &RELAY).await
}

/// The same on a volume.
pub async fn relay_on(volume: &Volume) -> RelayProcess {
    start_on(volume, None).await
}

/// The same on a volume and this port.
pub async fn relay_on_at(volume: &Volume, listen: SocketAddr) -> RelayProcess {
    start_on(volume, Some(listen)).await
}

async fn start_on(volume: &Volume, listen: Option<SocketAddr>) -> RelayProcess {
    let program = volume.wrap(&program());
    let folder = volume.inside().join("data");
    RelayProcess::start_with(program.to_str().unwrap(), &folder, listen, &RELAY).await
}

/// As `SEALWIRE_RELAY` names it, or as it was built with the tests.
fn program() -> PathBuf {
    let named = std::env::var_os("SEALWIRE_RELAY");
    named.map_or_else(|| beside("relay-under-fire"), PathBuf::from)
}

/// How many messages of a thread the relay's database holds.
pub fn messages_in(folder: &Path, thread: ThreadId) -> u64 {
    let count = "SELECT count(*) FROM message WHERE thread_id = ?1";
    let counted =
        database(folder).query_row(count, [thread.as_bytes()], |row| row.get::<_, i64>(0));
    u64::try_from(counted.unwrap()).unwrap()
}

pub(crate) fn database(folder: &Path) -> Connection {
    let path = folder.join("relay.db");
    Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
}
