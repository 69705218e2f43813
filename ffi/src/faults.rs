//! Panics, which are faults of ours: caught, told by the place where they happened, and by nothing else.
//!
//! A panic's own words may hold what somebody wrote: a text that was cut in the middle of a character is one.

use crate::place::shown;
use futures_util::FutureExt as _;
use std::cell::Cell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// Where a call panicked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault(pub(crate) String);

thread_local! {
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// From now on a panic is told by its place: in the log, and to whoever catches it here.
pub(crate) fn watch() {
    static WATCHED: Once = Once::new();
    WATCHED.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let place = panic.location().map(shown).unwrap_or_default();
            tracing::error!(%place, "a fault of the SDK");
            PLACE.set(Some(place));
            // Its words too, where whoever reads them builds the library.
            if cfg!(debug_assertions) {
                before(panic);
            }
        }));
    });
}

/// What the work gives, or where it panicked.
pub(crate) fn caught<T>(work: impl FnOnce() -> T) -> Result<T, Fault> {
    watch();
    catch_unwind(AssertUnwindSafe(work)).map_err(|_| here())
}

/// The same, of work that waits.
pub(crate) async fn caught_later<T>(work: impl Future<Output = T>) -> Result<T, Fault> {
    watch();
    let done = AssertUnwindSafe(work).catch_unwind().await;
    // It panicked in this very poll, so on this thread.
    done.map_err(|_| here())
}

fn here() -> Fault {
    Fault(PLACE.take().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_by_its_place_and_without_the_words_of_the_panic() {
        let secret = String::from("what alice wrote");
        let line = line!() + 1;
        let fault = caught(|| panic!("cannot cut {secret}")).unwrap_err();
        assert_eq!(fault, Fault(format!("ffi/src/faults.rs:{line}")));
    }
}
