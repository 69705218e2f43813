//! A gate that whoever uses a store goes through, so that a process can end, or fork, with stores in use.
//!
//! SQLCipher and libcrypto take down what they hold in handlers that run as the process exits, while its other threads run on: a
//! thread that is writing a store in that moment uses what is gone, and the process ends with SIGSEGV in place of its exit code. A
//! process that forks copies their locks as they stand: what a thread of the parent's holds, nobody in the child ever lets go.
//!
//! So a thread is [`inside`] while it uses a store. [`watch`] puts a handler before theirs, and one before each fork: from then on
//! nobody new is let in, and those who are inside have [`LIMIT`] to come out. After an exit's handler nobody is let in again, but
//! the thread that ends the process; after a fork everybody is.
//!
//! On the web nothing of this exists, and the gate is always open.

#[cfg(not(target_family = "wasm"))]
mod gate;
#[cfg(not(target_family = "wasm"))]
mod handlers;

use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

/// How long an exit or a fork waits for those who are inside. A commit takes milliseconds; on a slow disk, a tenth of a second.
/// Longest of all is a writer inside that waits for another process to end its own: five seconds.
pub const LIMIT: Duration = Duration::from_secs(6);

/// This thread uses a store, until this is dropped.
#[must_use = "the thread is outside again as soon as this is dropped"]
pub struct Inside {
    /// It counts for the thread that made it.
    _of_this_thread: PhantomData<*const ()>,
}

/// Waits until the gate is open and goes in. Who is inside already is let in again at once.
pub fn inside() -> Inside {
    #[cfg(not(target_family = "wasm"))]
    gate::enter();
    Inside {
        _of_this_thread: PhantomData,
    }
}

/// Watches this process's end and its forks from now on; once is enough. To be called after SQLCipher and libcrypto have begun:
/// handlers run in the reverse of their order, and the gate is to close before theirs. In C it is called `sealwire_watch_exit`.
pub fn watch() {
    #[cfg(not(target_family = "wasm"))]
    handlers::register();
}

/// What is [`inside`] while it is dropped.
pub struct DroppedInside<T> {
    // Dropped in this order.
    _first: GoesIn,
    value: T,
    _last: ComesOut,
}

struct GoesIn;

struct ComesOut;

impl<T> DroppedInside<T> {
    /// Of any value; only its end is watched.
    pub fn new(value: T) -> Self {
        Self {
            _first: GoesIn,
            value,
            _last: ComesOut,
        }
    }

    /// The value, whose end is its owner's again.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for DroppedInside<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        drop(ComesOut);
    }
}

impl Drop for GoesIn {
    fn drop(&mut self) {
        #[cfg(not(target_family = "wasm"))]
        gate::enter();
    }
}

impl Drop for ComesOut {
    fn drop(&mut self) {
        #[cfg(not(target_family = "wasm"))]
        gate::leave();
    }
}
