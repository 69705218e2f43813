//! Bugs that a simulation can switch on in its own thread, to see that it finds them. In no build that an app carries.

use std::cell::Cell;

macro_rules! bugs {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal;)*) => {
        /// A bug that can be switched on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Planted {
            $($(#[doc = $doc])+ $name,)*
        }

        impl Planted {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// Its name, as it is asked for.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }
    };
}

bugs! {
    /// Frames are acknowledged though what they said could not be committed.
    AckBeforeCommit = "ack-before-commit";
    /// A message that comes again is told of again.
    NoDedup = "no-dedup";
    /// A retry seals the message anew instead of sending the same bytes.
    RetrySealsAgain = "retry-seals-again";
    /// What comes together with the end of the catch-up is taken in the wrong order.
    ReorderAtCaughtUp = "reorder-at-caught-up";
    /// Of the sessions' steps for a message every fifth is forgotten: its key is used again.
    RatchetStepNotKept = "ratchet-step-not-kept";
}

thread_local! {
    static SWITCHED_ON: Cell<Option<Planted>> = const { Cell::new(None) };
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

/// Switches this bug on in every engine of this thread, and all others off.
pub fn plant(bug: Option<Planted>) {
    SWITCHED_ON.set(bug);
    ASKED.set(0);
}

/// Whether it is switched on.
pub(crate) fn has(bug: Planted) -> bool {
    SWITCHED_ON.get() == Some(bug)
}

/// The same, once in so many times that it is asked.
pub(crate) fn has_now(bug: Planted, once_in: u64) -> bool {
    let asked = ASKED.get() + 1;
    ASKED.set(asked);
    has(bug) && asked.is_multiple_of(once_in)
}
