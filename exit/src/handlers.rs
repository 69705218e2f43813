//! The handlers for the end of a process and for its forks: the only unsafe Rust of this project, for std has neither.

use crate::gate;
use std::sync::Once;

pub(crate) fn register() {
    static REGISTERED: Once = Once::new();
    REGISTERED.call_once(|| {
        at_exit();
        #[cfg(unix)]
        at_fork();
    });
}

/// For what starts SQLCipher as the library is loaded, which is C.
// SAFETY: nobody else has a function of this name.
#[allow(unsafe_code)]
#[unsafe(no_mangle)]
extern "C" fn sealwire_watch_exit() {
    register();
}

/// Where there is no room for one more handler, the end is as it was.
#[allow(unsafe_code)]
fn at_exit() {
    // SAFETY: the handler is a function of this library's own that takes nothing, never unwinds (atomics, the clock and sleep) and
    // holds nothing that ends before it. A library that is unloaded takes its handlers along.
    let _ = unsafe { libc::atexit(closed_for_good) };
}

#[cfg(unix)]
#[allow(unsafe_code)]
fn at_fork() {
    // SAFETY: as above; in the child too, where only the forking thread is, they touch atomics and thread-locals without drop.
    let _ = unsafe { libc::pthread_atfork(Some(closed), Some(opened), Some(opened_in_child)) };
}

extern "C" fn closed_for_good() {
    gate::close_for_good();
}

#[cfg(unix)]
extern "C" fn closed() {
    gate::close();
}

#[cfg(unix)]
extern "C" fn opened() {
    gate::open();
}

#[cfg(unix)]
extern "C" fn opened_in_child() {
    gate::open_in_child();
}
