//! What an open socket costs while nothing happens.

use super::{Ground, names};
use crate::load::Load;
use crate::people::register;
use crate::relay::Relay;
use crate::report::{Figure, Goal, shown};
use crate::trouble::{Done, io};
use std::time::{Duration, Instant};

/// Descriptors that are needed for something else.
const SPARE: usize = 300;
/// Until what the upgrades needed has gone again.
const REST: Duration = Duration::from_secs(2);

/// Memory of the relay for each idle socket.
pub(crate) fn idle(ground: &Ground) -> Done<Vec<Figure>> {
    let count = ground
        .size
        .sockets
        .min(descriptors()?.saturating_sub(SPARE));
    let relay = Relay::start(&ground.binary, &ground.data("idle"))?;
    let people = register(relay.address, &names("idle", count), 1, false)?;
    let before = relay.usage()?.resident;
    let mut load = Load::new(relay.address)?;
    for device in people.iter().flat_map(|person| &person.devices) {
        load.open_socket(&device.token)?;
        load.turn(Duration::ZERO)?;
    }
    load.until(|load| load.sockets.iter().all(|socket| socket.caught_up))?;
    let begun = Instant::now();
    while begun.elapsed() < REST {
        load.turn(REST / 10)?;
    }
    let after = relay.usage()?.resident;
    let each = after.saturating_sub(before) as f64 / 1000.0 / count as f64;
    relay.stop()?;
    Ok(vec![
        Figure::new(
            &format!("memory of an idle socket, {} of them", shown(count as f64)),
            each,
            "KB",
            Goal::AtMost(10.0),
        )
        .note(format!(
            "resident memory of the relay: {} MB before, {} MB with all of them open",
            shown(before as f64 / 1e6),
            shown(after as f64 / 1e6)
        )),
    ])
}

/// Open files that this process, and so the relay, may have.
fn descriptors() -> Done<usize> {
    let limits = std::fs::read_to_string("/proc/self/limits").map_err(io("/proc/self/limits"))?;
    Ok(limits
        .lines()
        .find_map(|line| line.strip_prefix("Max open files"))
        .and_then(|line| line.split_whitespace().next()?.parse().ok())
        .unwrap_or(1024))
}
