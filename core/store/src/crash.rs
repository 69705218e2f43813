//! Places at which a test ends the process: before and after whatever a device keeps has changed. In the builds that apps carry
//! nothing is left of them.
//!
//! `docs/testing.md` has a table of all of them, which a test holds against the sources.

/// The process has come to this place.
#[inline(always)]
pub fn point(name: &'static str) {
    #[cfg(feature = "crash-points")]
    armed::reached(name, Place::Here);
    #[cfg(not(feature = "crash-points"))]
    let _ = name;
}

#[cfg(feature = "crash-points")]
pub use armed::{Place, on_point};

#[cfg(feature = "crash-points")]
pub(crate) mod armed {
    use std::sync::OnceLock;

    /// Where at a named step.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub enum Place {
        /// The step has one place alone.
        Here,
        /// All of the transaction is written, and none of it committed.
        BeforeCommit,
        /// It is committed, and nobody was told.
        AfterCommit,
    }

    type Hook = fn(&'static str, Place);

    static HOOK: OnceLock<Hook> = OnceLock::new();

    /// From now on this is called at each place, on the thread that came to it. The first call counts.
    pub fn on_point(hook: Hook) {
        let _ = HOOK.set(hook);
    }

    /// The process has come there.
    pub(crate) fn reached(name: &'static str, place: Place) {
        if let Some(hook) = HOOK.get() {
            hook(name, place);
        }
    }
}
