//! Looks into memory after a value is dropped, and into every block of the heap that the drop gives back.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::mem::MaybeUninit;

/// The system's allocator, which looks at what it is given back while a [`freed_while`] of the same thread runs.
pub struct Watching;

thread_local! {
    static SOUGHT: Cell<Option<&'static [u8]>> = const { Cell::new(None) };
    static FREED_UNWIPED: Cell<bool> = const { Cell::new(false) };
}

/// Where a secret was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// In the value itself, before the drop.
    pub inside: bool,
    /// At the same place, after it.
    pub left: bool,
    /// In a block of the heap that the drop gave back.
    pub freed: bool,
}

/// Drops a value in a place of ours and looks for a secret there and in what the drop frees.
pub fn drop_and_look<T>(value: T, secret: &[u8]) -> Found {
    assert!(secret.len() >= 16, "a shorter one is found by chance");
    let mut place = Box::new(MaybeUninit::<T>::zeroed());
    place.write(value);
    let inside = holds(&bytes_of(&place), secret);
    // SAFETY: it was written above, and is not used as a `T` again: `MaybeUninit` drops nothing.
    let ((), freed) = freed_while(secret, || unsafe { place.assume_init_drop() });
    Found {
        inside,
        left: holds(&bytes_of(&place), secret),
        freed,
    }
}

/// What the work gives, and whether it gave a block of the heap back with the secret in it.
pub fn freed_while<T>(secret: &[u8], work: impl FnOnce() -> T) -> (T, bool) {
    let sought: &'static [u8] = Box::leak(secret.to_vec().into_boxed_slice());
    FREED_UNWIPED.set(false);
    SOUGHT.set(Some(sought));
    let given = work();
    SOUGHT.set(None);
    (given, FREED_UNWIPED.get())
}

/// Drops a value and says how much of it is left: the longest run of bytes, not all alike, that are what they were.
pub fn longest_run_left<T>(value: T) -> usize {
    let mut place = Box::new(MaybeUninit::<T>::zeroed());
    place.write(value);
    let before = bytes_of(&place);
    // SAFETY: as above.
    unsafe { place.assume_init_drop() };
    let after = bytes_of(&place);
    let same = before.iter().zip(&after).map(|(b, a)| b == a && *b != 0);
    let mut longest = (0, 0);
    for same in same {
        longest.0 = if same { longest.0 + 1 } else { 0 };
        longest.1 = longest.1.max(longest.0);
    }
    longest.1
}

fn bytes_of<T>(place: &MaybeUninit<T>) -> Vec<u8> {
    let start = place.as_ptr().cast::<u8>();
    (0..size_of::<T>())
        // SAFETY: inside of the place, whose memory was zeroed as a whole before it was used.
        .map(|offset| unsafe { start.add(offset).read_volatile() })
        .collect()
}

fn holds(memory: &[u8], secret: &[u8]) -> bool {
    memory.windows(secret.len()).any(|window| window == secret)
}

// SAFETY: the system's allocator does all of it; a block is read before it is given back, while it still is the caller's.
unsafe impl GlobalAlloc for Watching {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise. Zeroed, so that no byte of a block is read before it was written.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if let Ok(Some(secret)) = SOUGHT.try_with(Cell::get) {
            // SAFETY: a live block of this layout, all of whose bytes were written.
            let memory = unsafe { std::slice::from_raw_parts(block, layout.size()) };
            if holds(memory, secret) {
                FREED_UNWIPED.set(true);
            }
        }
        // SAFETY: the caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}
