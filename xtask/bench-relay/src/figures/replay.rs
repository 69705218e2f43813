//! A device that was away comes back to a long queue.

use super::{Ground, names};
use crate::load::Load;
use crate::people::register;
use crate::prepared::Prepared;
use crate::relay::{Relay, own_usage};
use crate::report::{Figure, Goal, shown};
use crate::trouble::{Done, Trouble, said};
use sealwire_wire::ThreadId;
use std::time::Instant;

/// How many queued events a second reach the device, acknowledged on the way.
pub(crate) fn replay(ground: &Ground) -> Done<Vec<Figure>> {
    let size = ground.size;
    let relay = Relay::start(&ground.binary, &ground.data("replay"))?;
    let senders = register(relay.address, &names("sender", size.senders), 1, true)?;
    let readers = register(relay.address, &names("reader", 1), 1, true)?;
    let reader = readers.first().ok_or_else(|| said("no reader"))?;
    let device = reader.devices.first().ok_or_else(|| said("no device"))?;
    let mut load = Load::new(relay.address)?;
    for sender in &senders {
        let thread = ThreadId::direct(&sender.user, &reader.user);
        let prepared = Prepared::send(relay.address, thread, sender, &[reader])?;
        load.open_lane(prepared, Vec::new())?;
    }
    load.closed(|counts| counts.sent < size.queued)?;
    load.settle()?;
    let queued = load.counts.accepted;

    let (begun, relay_before, own_before) = (Instant::now(), relay.usage()?, own_usage()?);
    load.open_socket(&device.token)?;
    load.until(|load| load.sockets.iter().all(|socket| socket.caught_up))?;
    let took = begun.elapsed().as_secs_f64();
    let each = |used: std::time::Duration| used.as_secs_f64() * 1e6 / queued as f64;
    let relay_micros = each(relay.usage()?.cpu.saturating_sub(relay_before.cpu));
    let own_micros = each(own_usage()?.cpu.saturating_sub(own_before.cpu));
    let received = load.sockets.first().map_or(0, |socket| socket.messages);
    if received != queued {
        let why = format!("{queued} were queued, {received} came");
        return Err(Trouble::Said(why));
    }
    relay.stop()?;
    Ok(vec![
        Figure::new(
            &format!("replay of {} queued events", shown(queued as f64)),
            queued as f64 / took,
            "/s",
            Goal::AtLeast(50_000.0),
        )
        .note(format!(
            "from the upgrade to caught_up, acknowledged 64 at a time; {} µs CPU of the relay each, {} of the generator",
            shown(relay_micros),
            shown(own_micros)
        )),
    ])
}
