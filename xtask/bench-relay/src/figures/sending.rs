//! Durable 1:1 messages: how many a second, what each costs, how long each takes, and all of it in a database that has grown.

use super::{Ground, names, percentile};
use crate::floor::{self, Floor, GROUP};
use crate::load::{Counts, Load};
use crate::people::register;
use crate::prepared::Prepared;
use crate::relay::{Relay, own_usage};
use crate::report::{Figure, Goal, shown};
use crate::trouble::Done;
use sealwire_wire::ThreadId;
use std::time::{Duration, Instant};

/// The steady rate of the table.
const STEADY_RATE: u32 = 2_000;

/// So much larger is the database to be in the second window.
const GROWTH: f64 = 10.0;

/// Every figure of sending.
pub(crate) fn sending(ground: &Ground, floor: &Floor) -> Done<Vec<Figure>> {
    let size = ground.size;
    let relay = Relay::start(&ground.binary, &ground.data("sending"))?;
    let mut load = people(&relay, size.senders)?;
    load.closed(|counts| counts.sent < size.warm_up)?;
    load.settle()?;

    let first = window(&relay, &mut load, size.window)?;
    let at_first = load.counts.sent;
    load.settle()?;

    let target = at_first.saturating_mul(size.growth);
    let begun = Instant::now();
    load.closed(|counts| counts.sent < target && begun.elapsed() < size.growth_max)?;
    load.settle()?;
    let grown = load.counts.sent as f64 / at_first as f64;
    let second = window(&relay, &mut load, size.window)?;
    load.settle()?;
    // Beside it, what the disk gives in the same minute: half before, half after.
    let floor_for = size.steady / 4;
    let mut bare = floor::steady(&ground.data("before"), STEADY_RATE, floor_for)?;
    let (accepted, received) = steady(&mut load, size.steady)?;
    bare.extend(floor::steady(
        &ground.data("after"),
        STEADY_RATE,
        floor_for,
    )?);
    let bare = percentile(&mut bare, 0.95);
    relay.stop()?;

    let senders = size.senders;
    Ok(vec![
        Figure::new("durable 1:1 messages", first.per_second, "/s", Goal::AtLeast(20_000.0))
            .beside(floor.grouped_rows_per_second)
            .note(format!(
                "{senders} senders with one request each under way, {} readers; a bare SQLite loop with {GROUP} rows a commit: {}/s",
                senders.div_ceil(2),
                shown(floor.grouped_rows_per_second)
            )),
        Figure::new("CPU of the relay for one of them", first.relay_micros, "µs", Goal::None)
            .beside(first.generator_micros)
            .note(format!(
                "accepted, committed, pushed, acknowledged; the generator takes {} µs more",
                shown(first.generator_micros)
            )),
        Figure::new("at 2,000/s: send → 202, p95", accepted, "ms", Goal::AtMost(5.0))
            .beside(bare)
            .note(format!(
                "from when it was due; of bare durable rows at this rate, right before and after, the p95 is {} ms: a send waits for the commit under way and for its own",
                shown(bare)
            )),
        Figure::new("at 2,000/s: send → received frame, p95", received, "ms", Goal::AtMost(5.0))
            .beside(bare)
            .note("as above"),
        Figure::new(
            "messages a second before, over after growing",
            first.per_second / second.per_second,
            "×",
            Goal::AtMostAt {
                bound: 1.3,
                size: "10 × the rows",
                reached: grown >= GROWTH,
            },
        )
        .beside(grown)
        .note(format!(
            "{} × the rows: {}/s at {} µs each",
            shown(grown),
            shown(second.per_second),
            shown(second.relay_micros)
        )),
    ])
}

/// People who send, and half as many who listen.
fn people(relay: &Relay, senders: usize) -> Done<Load> {
    let readers = register(
        relay.address,
        &names("reader", senders.div_ceil(2)),
        1,
        true,
    )?;
    let senders = register(relay.address, &names("sender", senders), 1, true)?;
    let mut load = Load::new(relay.address)?;
    let mut sockets = Vec::new();
    for device in readers.iter().flat_map(|reader| &reader.devices) {
        sockets.push(load.open_socket(&device.token)?);
    }
    let listening = readers.iter().zip(sockets).cycle();
    for (sender, (reader, socket)) in senders.iter().zip(listening) {
        let thread = ThreadId::direct(&sender.user, &reader.user);
        let prepared = Prepared::send(relay.address, thread, sender, &[reader])?;
        load.open_lane(prepared, vec![socket])?;
    }
    load.until(|load| load.sockets.iter().all(|socket| socket.caught_up))?;
    Ok(load)
}

struct Window {
    per_second: f64,
    relay_micros: f64,
    generator_micros: f64,
}

/// So many messages as fast as they go, received and acknowledged while more are sent.
fn window(relay: &Relay, load: &mut Load, messages: u64) -> Done<Window> {
    let (begun, relay_before, own_before) = (Instant::now(), relay.usage()?, own_usage()?);
    let accepted_before = load.counts.accepted;
    let enough = accepted_before + messages;
    load.closed(|counts| counts.accepted < enough)?;
    let done = (load.counts.accepted - accepted_before) as f64;
    let each = |used: Duration| used.as_secs_f64() * 1e6 / done;
    Ok(Window {
        per_second: done / begun.elapsed().as_secs_f64(),
        relay_micros: each(relay.usage()?.cpu.saturating_sub(relay_before.cpu)),
        generator_micros: each(own_usage()?.cpu.saturating_sub(own_before.cpu)),
    })
}

/// p95 to the 202 and to the frame at a steady rate.
fn steady(load: &mut Load, lasting: Duration) -> Done<(f64, f64)> {
    // The first half second is not counted: caches of an idle machine are cold.
    load.open_loop(STEADY_RATE, lasting / 8)?;
    load.settle()?;
    forget_times(&mut load.counts);
    load.open_loop(STEADY_RATE, lasting)?;
    load.settle()?;
    let accepted = percentile(&mut load.counts.to_accepted, 0.95);
    let received = percentile(&mut load.counts.to_received, 0.95);
    forget_times(&mut load.counts);
    Ok((accepted, received))
}

fn forget_times(counts: &mut Counts) {
    counts.to_accepted.clear();
    counts.to_received.clear();
}
