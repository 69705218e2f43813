//! Whether what should not grow has grown, and the table of the figures.

use crate::figures::Figures;
use std::time::Duration;

/// What is judged: its name, its value, what it may grow by in any case, and what grows as it must and is held in memory as well.
type Judged = (&'static str, fn(&Figures) -> u64, u64, fn(&Figures) -> u64);

/// By no more than this may the last third's median be above that of the minutes after the warm-up.
const GROWTH_PERCENT: u64 = 15;
/// Everybody is there, and what is kept for speed is filled.
const WARM: Duration = Duration::from_secs(10 * 60);
const COMPARED: Duration = Duration::from_secs(20 * 60);

const JUDGED: [Judged; 8] = [
    (
        "relay: memory (KiB)",
        |now| now.relay.memory_kib,
        4_096,
        cached_at_relay,
    ),
    ("relay: handles", |now| now.relay.handles, 16, none),
    ("relay: threads", |now| now.relay.threads, 4, none),
    (
        "clients: memory (KiB)",
        |now| now.clients.memory_kib,
        16_384,
        cached,
    ),
    ("clients: handles", |now| now.clients.handles, 64, none),
    ("clients: threads", |now| now.clients.threads, 32, none),
    ("clients: WALs (KiB)", |now| now.wals_kib, 4_096, none),
    ("rows that wait", |now| now.waiting, 200, none),
];

fn none(_: &Figures) -> u64 {
    0
}

/// A store has two connections, each of which keeps the pages that it has read, up to 2,000 KiB (SQLite's default `cache_size`).
/// The stores here stay below that, so both may hold all of it.
fn cached(now: &Figures) -> u64 {
    2 * now.stores_kib
}

/// The relay's connections keep up to 64 MiB of the pages that they have read. The database here stays near that, and two of them
/// may hold all of it.
fn cached_at_relay(now: &Figures) -> u64 {
    2 * now.relay_db_kib
}

/// The relay lets its log become 64 MiB before it begins anew, and 256 where its disk does not keep up; a client's is cut to 4 MiB.
const RELAY_WAL_KIB: u64 = 96 * 1024;
const CLIENT_WAL_KIB: u64 = 16 * 1024;

/// Whether so long a soak tells what grows.
fn is_judged(time: Duration) -> bool {
    time >= COMPARED + COMPARED / 2
}

/// When the relay is ended for the nth time, from 1 on. Where growth is judged, that is over before the first figures that are
/// compared: a relay that begins anew has forgotten what it leaked.
pub(crate) fn restart_due(nth: u32, restarts: u32, time: Duration) -> Duration {
    let within = if is_judged(time) { WARM } else { time };
    within * nth / (restarts + 1)
}

/// What is not flat.
pub(crate) fn what_grew(samples: &[Figures], time: Duration) -> Vec<String> {
    let mut grew = Vec::new();
    for now in samples {
        if now.relay_wal_kib > RELAY_WAL_KIB || now.wal_max_kib > CLIENT_WAL_KIB {
            grew.push(format!("a WAL is too long: {now:?}"));
        }
    }
    let between = |from: Duration, to: Duration| {
        let samples = samples
            .iter()
            .filter(move |now| now.at >= from && now.at < to);
        samples.collect::<Vec<_>>()
    };
    let first = between(WARM, COMPARED);
    let last = between(time - time / 3, Duration::MAX);
    if !is_judged(time) || first.is_empty() {
        println!("too short to judge whether anything grows");
        return grew;
    }
    let relay = first[0].relay.id;
    if samples
        .iter()
        .any(|now| now.at >= WARM && now.relay.id != relay)
    {
        grew.push("the relay began anew between the figures that are compared".to_owned());
    }
    println!("| | minutes 10 to 20 | last third | at most | |\n|---|---|---|---|---|");
    for (name, value, small, held) in JUDGED {
        let (then, now) = (median(&first, value), median(&last, value));
        let held = median(&last, held).saturating_sub(median(&first, held));
        let most = then + (then * GROWTH_PERCENT / 100).max(small) + held;
        let is_flat = now <= most;
        let words = if is_flat { "flat" } else { "GROWS" };
        println!("| {name} | {then} | {now} | {most} | {words} |");
        if !is_flat {
            grew.push(format!("{name}: {then}, then {now}"));
        }
    }
    grew
}

fn median(samples: &[&Figures], value: fn(&Figures) -> u64) -> u64 {
    let mut values: Vec<_> = samples.iter().map(|now| value(now)).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// One line of the table.
pub(crate) fn line(now: &Figures, before: &Figures) -> String {
    let mib = |kib: u64| format!("{:.1}", kib as f64 / 1024.0);
    // None in the first line: what both did to come to be there is not of a minute.
    let passed = (now.at - before.at).as_secs_f64();
    let busy = |now: Duration, before: Duration| match before.is_zero() {
        true => "–".to_owned(),
        false => {
            let busy = now.saturating_sub(before).as_secs_f64();
            format!("{:.0} %", busy / passed * 100.0)
        }
    };
    format!(
        "| {:.0} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
        now.at.as_secs_f64() / 60.0,
        mib(now.relay.memory_kib),
        now.relay.handles,
        now.relay.threads,
        mib(now.relay_wal_kib),
        mib(now.relay_db_kib),
        mib(now.clients.memory_kib),
        now.clients.handles,
        now.clients.threads,
        mib(now.wals_kib),
        mib(now.wal_max_kib),
        mib(now.stores_kib),
        now.messages,
        now.waiting,
        now.client_rows,
        format_args!(
            "{} + {}",
            busy(now.relay.busy, before.relay.busy),
            busy(now.clients.busy, before.clients.busy)
        ),
    )
}

/// Above the lines.
pub(crate) const HEAD: &str = "| min | relay MiB | handles | threads | WAL MiB | db MiB | clients MiB | handles | threads | WALs MiB | largest | stores MiB | messages | waiting | clients' rows | of a core |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|---|";

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(mut fill: impl FnMut(u64, &mut Figures)) -> Vec<String> {
        let samples = (0..=60).map(|minute| {
            let mut now = Figures {
                at: Duration::from_secs(60 * minute),
                ..Figures::default()
            };
            fill(minute, &mut now);
            now
        });
        what_grew(&samples.collect::<Vec<_>>(), Duration::from_secs(3600))
    }

    #[test]
    fn what_grows_after_the_warm_up_is_told_of_and_what_grows_before_is_not() {
        let warm = hour(|minute, now| now.relay.memory_kib = 20_000 + 10_000 * minute.min(10));
        assert!(warm.is_empty(), "{warm:?}");
        let grew = hour(|minute, now| now.relay.memory_kib = 100_000 + 1_000 * minute);
        assert!(grew[0].starts_with("relay: memory"), "{grew:?}");
        let long = hour(|_, now| now.relay_wal_kib = 100 * 1024);
        assert!(long[0].starts_with("a WAL"), "{long:?}");
    }

    #[test]
    fn both_sides_may_hold_twice_the_pages_that_their_databases_grow_by_and_no_more() {
        type Grows = fn(&mut Figures, u64, u64);
        let clients: Grows = |now, database, memory| {
            now.stores_kib = database;
            now.clients.memory_kib = 100_000 + memory;
        };
        let relay: Grows = |now, database, memory| {
            now.relay_db_kib = database;
            now.relay.memory_kib = 20_000 + memory;
        };
        for grows in [clients, relay] {
            let with =
                |a_minute: u64| hour(|minute, now| grows(now, 1_000 * minute, a_minute * minute));
            assert_eq!(with(2_000), [] as [String; 0]);
            assert_eq!(with(3_000).len(), 1);
        }
    }

    #[test]
    fn the_relay_that_is_judged_is_the_same_one_all_the_time() {
        let time = Duration::from_secs(3600);
        for nth in 1..=2 {
            assert!(restart_due(nth, 2, time) < WARM);
        }
        let short = Duration::from_secs(20);
        assert_eq!(restart_due(1, 1, short), short / 2);

        let grew = hour(|_, now| now.relay.id = u32::from(now.at >= time * 2 / 3));
        assert!(grew[0].contains("began anew"), "{grew:?}");
    }
}
