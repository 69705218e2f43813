//! Who is inside, and whether anybody else may come.
//!
//! Atomics alone: a lock could itself be held by somebody else in the moment of a fork.

use crate::LIMIT;
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// How often those who wait look again. Nobody waits but at an exit or a fork.
const PAUSE: Duration = Duration::from_millis(1);

/// Threads that use a store.
static INSIDE: AtomicUsize = AtomicUsize::new(0);
/// Reasons why nobody may go in: forks under way, and the end.
static CLOSED: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// How often this thread is inside.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// This thread ends the process: what its other handlers use, it must not wait for.
    static ENDS: Cell<bool> = const { Cell::new(false) };
}

pub(crate) fn enter() {
    let depth = DEPTH.get();
    DEPTH.set(depth + 1);
    if depth > 0 {
        return;
    }
    // Counted first, looked after: either whoever closes the gate sees this thread inside, or this one sees the gate closed.
    INSIDE.fetch_add(1, Ordering::SeqCst);
    while CLOSED.load(Ordering::SeqCst) != 0 && !ENDS.get() {
        INSIDE.fetch_sub(1, Ordering::SeqCst);
        thread::sleep(PAUSE);
        INSIDE.fetch_add(1, Ordering::SeqCst);
    }
}

pub(crate) fn leave() {
    let depth = DEPTH.get();
    DEPTH.set(depth.saturating_sub(1));
    if depth == 1 {
        INSIDE.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Nobody goes in any more, but this thread.
pub(crate) fn close_for_good() {
    ENDS.set(true);
    close();
}

/// Nobody goes in any more. Those who are inside come out first, if they do so within the limit.
pub(crate) fn close() {
    CLOSED.fetch_add(1, Ordering::SeqCst);
    let begun = Instant::now();
    while INSIDE.load(Ordering::SeqCst) > this_thread() && begun.elapsed() < LIMIT {
        thread::sleep(PAUSE);
    }
}

pub(crate) fn open() {
    CLOSED.fetch_sub(1, Ordering::SeqCst);
}

/// In the child of a fork no thread is left but the one that forked.
pub(crate) fn open_in_child() {
    INSIDE.store(this_thread(), Ordering::SeqCst);
    CLOSED.store(0, Ordering::SeqCst);
}

/// What this thread adds to those inside.
fn this_thread() -> usize {
    usize::from(DEPTH.get() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// One test: the gate is the process's, and tests share a process.
    #[test]
    fn those_inside_come_out_first_and_nobody_else_goes_in() {
        let (inside, seen) = mpsc::channel();
        let (go, wait) = mpsc::channel::<()>();
        let first = thread::spawn(move || {
            enter();
            enter();
            inside.send(()).unwrap();
            wait.recv().unwrap();
            leave();
            // In again, although the gate is closed by now: it never was out.
            enter();
            leave();
            leave();
        });
        seen.recv().unwrap();

        let (closed, is_closed) = mpsc::channel();
        let (reopen, wait_to_reopen) = mpsc::channel::<()>();
        let closer = thread::spawn(move || {
            close();
            closed.send(()).unwrap();
            wait_to_reopen.recv().unwrap();
            open();
        });
        let early = is_closed.recv_timeout(LIMIT / 8);
        assert!(early.is_err(), "somebody is inside");
        go.send(()).unwrap();
        first.join().unwrap();
        is_closed.recv_timeout(LIMIT).unwrap();

        let (entered, has_entered) = mpsc::channel();
        let second = thread::spawn(move || {
            enter();
            leave();
            entered.send(()).unwrap();
        });
        let early = has_entered.recv_timeout(LIMIT / 8);
        assert!(early.is_err(), "the gate is closed");
        reopen.send(()).unwrap();
        closer.join().unwrap();
        second.join().unwrap();
        has_entered.recv().unwrap();

        // Who never comes out is waited for no longer than the limit, and whoever closes the gate inside waits for nobody.
        let begun = Instant::now();
        enter();
        close();
        assert!(begun.elapsed() < LIMIT);
        open();
        thread::spawn(close).join().unwrap();
        assert!(begun.elapsed() >= LIMIT);
        open();
        leave();
        assert_eq!(INSIDE.load(Ordering::SeqCst), 0);
    }
}
