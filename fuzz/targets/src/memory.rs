//! How much of the heap a piece of work holds at its worst moment.
#![allow(unsafe_code, reason = "an allocator is unsafe to write")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// The system's allocator, counting for each thread by itself.
struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

thread_local! {
    static HELD: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

/// Runs the work and says how many bytes more than before it held at once. A block that moves as it grows counts twice.
pub fn peak_of<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = HELD.get();
    PEAK.set(before);
    let done = work();
    (done, PEAK.get().saturating_sub(before))
}

fn taken(bytes: usize) {
    // At the end of a thread there is nothing left to count with.
    let _ = HELD.try_with(|held| {
        held.set(held.get().saturating_add(bytes));
        let _ = PEAK.try_with(|peak| peak.set(peak.get().max(held.get())));
    });
}

fn given_back(bytes: usize) {
    let _ = HELD.try_with(|held| held.set(held.get().saturating_sub(bytes)));
}

// SAFETY: every call is the system allocator's own, with what it was given.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        taken(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        given_back(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        taken(size);
        // SAFETY: as above.
        let moved = unsafe { System.realloc(block, layout, size) };
        given_back(layout.size());
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_at_once_counts_and_what_was_given_back_does_not() {
        let one_after_another = || {
            for _ in 0..10 {
                drop(std::hint::black_box(vec![1u8; 1_000]));
            }
        };
        assert_eq!(peak_of(one_after_another).1, 1_000);
        let all_at_once = || (0..10).map(|_| vec![1u8; 1_000]).collect::<Vec<_>>();
        let (held, peak) = peak_of(all_at_once);
        assert!(peak >= 10_000, "{peak}");
        drop(held);
    }

    #[test]
    fn a_block_that_grows_counts_with_what_it_grew_from() {
        let grow = || {
            let mut block = Vec::<u8>::with_capacity(1_000);
            block.reserve_exact(2_000);
            std::hint::black_box(block);
        };
        assert_eq!(peak_of(grow).1, 3_000);
    }
}
