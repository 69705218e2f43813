//! The client's figures: an engine over its store on disk, driven as the SDK drives it.

mod catch_up;
mod device;
mod fill;
mod relay;
mod send;

use self::send::Sessions;
use crate::report::{Figure, Goal, table, write_json, write_section};
use crate::trouble::{Done, said};
use crate::{bench_file, book, machine};

/// Rows of everything that a store gathers; the large store holds ten times as many.
const ROWS: u64 = 10_000;
/// "Flat": the cost at ten times the rows by the cost at these.
const FLAT: f64 = 1.3;
/// A send may take so long where a bare commit takes [`BARE_COMMIT_MS`], and longer in proportion.
const SEND_MS: f64 = 2.0;
const BARE_COMMIT_MS: f64 = 0.3;

/// How much is done.
struct Amounts {
    messages: usize,
    sends: usize,
    rows: u64,
    /// Each over a fresh copy of the store; the middle one counts.
    runs: usize,
}

pub(crate) fn measure(quick: bool) -> Done<()> {
    let amounts = if quick {
        Amounts {
            messages: 300,
            sends: 10,
            rows: 100,
            runs: 1,
        }
    } else {
        Amounts {
            messages: 10_000,
            sends: 300,
            rows: ROWS,
            runs: 3,
        }
    };
    let folder = tempfile::tempdir().map_err(said)?;
    println!("preparing {} messages…", amounts.messages);
    let waiting = catch_up::prepare(folder.path(), amounts.messages)?;
    let sender = send::prepare(folder.path())?;
    let (mut figures, mut runs) = (Vec::new(), Vec::new());
    for rows in [amounts.rows, 10 * amounts.rows] {
        println!("in a store of {rows} messages…");
        let caught_up = (0..amounts.runs).map(|_| waiting.run(rows));
        let caught_up = middle(caught_up.collect::<Done<Vec<_>>>()?);
        let sent = sender.run(Sessions::Answered, rows, amounts.sends)?;
        runs.push((caught_up, sent));
    }
    let first = sender.run(Sessions::Unanswered, amounts.rows, amounts.sends)?;
    if let [small, large] = runs.as_slice() {
        figures.extend(catch_up_figures(&small.0, &large.0, amounts.messages));
        figures.extend(send_figures(&small.1, &large.1, &first));
    }
    let text = format!(
        "{}\n\n{}\n{}",
        machine::line(),
        table(&figures),
        how(&amounts)
    );
    println!("\n{text}");
    let suffix = if quick { "-quick" } else { "" };
    write_json(&bench_file(&format!("client{suffix}.json"))?, &figures)?;
    if quick {
        return Ok(());
    }
    write_section(&book(), "bench client", &text)
}

/// The run of the middle duration.
fn middle(mut runs: Vec<catch_up::Run>) -> catch_up::Run {
    runs.sort_by(|one, other| one.seconds.total_cmp(&other.seconds));
    let at = runs.len() / 2;
    runs.swap_remove(at)
}

fn catch_up_figures(small: &catch_up::Run, large: &catch_up::Run, messages: usize) -> Vec<Figure> {
    let rate = |run: &catch_up::Run| messages as f64 / run.seconds;
    let per_message = |seconds: f64| seconds * 1e6 / messages as f64;
    // Processor time where the system tells it: a busy machine stretches the clock, and not in both runs alike.
    let cost = |run: &catch_up::Run| per_message(run.cpu_seconds.unwrap_or(run.seconds));
    let name = format!("catch-up of {messages} messages");
    let waits = per_message(small.seconds) - cost(small);
    vec![
        Figure::new(&name, rate(small), "messages/s", Goal::AtLeast(10_000.0)).note(format!(
            "one thread: {:.0} µs of processor time a message, {waits:.0} µs of waiting for the disk and the processor",
            cost(small)
        )),
        Figure::new("the same, processor time a message", cost(small), "µs", Goal::None),
        Figure::new("the same at 10 × rows", cost(large) / cost(small), "×", Goal::AtMost(FLAT)).note(format!(
            "{:.0} µs of processor time a message, {:.0} messages/s",
            cost(large),
            rate(large)
        )),
    ]
}

fn send_figures(small: &send::Run, large: &send::Run, first: &send::Run) -> Vec<Figure> {
    let p50 = |values: &[f64]| percentile(values, 50);
    let bare = p50(&small.bare_commits_ms);
    let cost = |run: &send::Run| match run.cpu_ms.as_slice() {
        [] => p50(&run.sends_ms),
        cpu => p50(cpu),
    };
    let goal = Goal::AtMost(SEND_MS * (bare / BARE_COMMIT_MS).max(1.0));
    vec![
        Figure::new("send to 19 devices, p50", p50(&small.sends_ms), "ms", goal)
            .beside(bare)
            .note(format!(
                "a bare commit took {bare:.2} ms in this run, and a send makes two; p95 {:.2} ms",
                percentile(&small.sends_ms, 95)
            )),
        Figure::new("the same, processor time", cost(small), "ms", Goal::None),
        Figure::new(
            "the same at 10 × rows",
            cost(large) / cost(small),
            "×",
            Goal::AtMost(FLAT),
        )
        .note(format!("{:.2} ms of processor time", cost(large))),
        Figure::new(
            "before anybody has answered, p50",
            p50(&first.sends_ms),
            "ms",
            Goal::None,
        )
        .beside(p50(&first.bare_commits_ms))
        .note(format!(
            "with each of the 19 envelopes goes the beginning of its PQXDH session, 1.7 KB more; {:.2} ms of processor time",
            cost(first)
        )),
    ]
}

/// The value that `percent` of all values do not exceed.
fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
    sorted.get(at).copied().unwrap_or(f64::NAN)
}

fn how(amounts: &Amounts) -> String {
    format!(
        "Catch-up: {} messages of ten people, sealed by ten engines before the clock starts, go into the engine as frames, 64 \
         at a time as the socket hands them over: JSON read, envelope and content opened and checked, message, ratchet \
         and search tokens committed in the encrypted store on disk at synchronous=FULL, events given, acknowledged. The \
         middle one of {} runs. One thread does all of it. Of its processor time nearly half is the commit, which encrypts and writes about 1.5 pages \
         for each message; a sixth puts the row and its indexes in, a tenth opens it, a tenth cuts and indexes its words, and \
         the rest reads JSON and checks. The disk has one flush for 64 messages.\n\n\
         Send: from the call to the finished request, with sessions that were answered, for 10 devices of the other person and 9 own ones. \
         That is two commits, the local message (about 15 pages) and the sealed one with its 19 envelopes and ratchets (20 pages), \
         and they bound it. A bare commit writes \
         one small row to another encrypted store in the same folder, between one send and the next.\n\n\
         Rows: {} messages (and ten times as many) in a hundred threads, with sessions and device lists of a hundred people. \
         What is compared is processor time, since a busy machine stretches the clock.\n",
        amounts.messages, amounts.runs, amounts.rows
    )
}
