//! One stored message to every device of a large thread.

use super::{Ground, names, percentile};
use crate::load::Load;
use crate::people::register;
use crate::prepared::Prepared;
use crate::relay::Relay;
use crate::report::{Figure, Goal, shown};
use crate::trouble::{Done, Trouble, said};
use sealwire_relay::storage::sqlite::Sqlite;
use sealwire_relay::storage::{Messages as _, ThreadRecord};
use sealwire_wire::contract::ThreadKind;
use sealwire_wire::{ThreadId, Timestamp};
use std::path::Path;
use std::time::Duration;

/// Devices of each member.
const DEVICES: u32 = 3;
/// Between two messages.
const PAUSE: Duration = Duration::from_millis(60);

/// How long the last of all sockets waits.
pub(crate) fn fan_out(ground: &Ground) -> Done<Vec<Figure>> {
    let size = ground.size;
    let folder = ground.data("fan-out");
    let relay = Relay::start(&ground.binary, &folder)?;
    let sender = register(relay.address, &names("sender", 1), 1, true)?;
    let members = register(
        relay.address,
        &names("member", size.members),
        DEVICES,
        false,
    )?;
    relay.stop()?;
    let participants = sender.iter().chain(&members).map(|one| one.user.clone());
    let thread = seed_thread(&folder.join("data"), participants.collect())?;

    let relay = Relay::start(&ground.binary, &folder)?;
    let mut load = Load::new(relay.address)?;
    // What is measured is the message alone. Told to each other, the receipts of so many are a load of their own, which the
    // contract of groups will have to bound.
    load.acknowledges = false;
    let mut sockets = Vec::new();
    for device in members.iter().flat_map(|member| &member.devices) {
        sockets.push(load.open_socket(&device.token)?);
    }
    load.until(|load| load.sockets.iter().all(|socket| socket.caught_up))?;
    let count = sockets.len();
    let from = sender.first().ok_or_else(|| said("no sender"))?;
    let to: Vec<_> = members.iter().collect();
    let prepared = Prepared::send(relay.address, thread, from, &to)?;
    load.open_lane(prepared, sockets)?;

    let (mut last, mut answered) = (Vec::new(), Vec::new());
    // The first is not counted: it meets cold caches.
    for number in 0..=size.fan_outs {
        load.counts.to_received.clear();
        load.counts.to_accepted.clear();
        load.closed(|counts| counts.sent <= number)?;
        load.settle()?;
        if number > 0 {
            last.extend(load.counts.to_received.iter().max());
            answered.append(&mut load.counts.to_accepted);
        }
        load.turn(PAUSE)?;
        std::thread::sleep(PAUSE);
    }
    relay.stop()?;
    let answered = percentile(&mut answered, 0.95);
    let last = percentile(&mut last, 0.95);
    Ok(vec![
        Figure::new(
            &format!("one message to {count} devices: last socket, p95"),
            last,
            "ms",
            Goal::AtMost(40.0),
        )
        .beside(answered)
        .note(format!(
            "from the first byte of the request; its 202 after {} ms. Not acknowledged meanwhile: no receipts. Groups are not built yet: the thread of {} users was \
             written into the relay's storage before it started, through the relay's own storage trait",
            shown(answered),
            size.members + 1
        )),
    ])
}

/// A thread of so many: the contract has no way yet to make one.
fn seed_thread(data: &Path, mut participants: Vec<sealwire_wire::UserId>) -> Done<ThreadId> {
    participants.sort();
    let thread = ThreadRecord {
        id: ThreadId::from_bytes(*b"sealwire-bench-g"),
        kind: ThreadKind::Group,
        participants,
        created_at: Timestamp(1),
        last_id: None,
    };
    let id = thread.id;
    let storage = Sqlite::open(data).map_err(said)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(said)?;
    if runtime
        .block_on(storage.create_thread(thread))
        .map_err(said)?
    {
        Ok(id)
    } else {
        Err(Trouble::Said("the thread was there before".to_owned()))
    }
}
