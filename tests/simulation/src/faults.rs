//! What goes wrong, and how often: drawn once a run, so that some runs are rough in one way and smooth in all others.

use crate::chance::Chance;

/// How often each fault happens, of [`crate::chance::CERTAIN`] times that it could.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Faults {
    /// A request never reaches the relay.
    pub(crate) request_lost: u32,
    /// The relay does what was asked, and its answer is lost.
    pub(crate) answer_lost: u32,
    /// A request reaches the relay twice.
    pub(crate) duplicated: u32,
    /// A request or an answer takes up to a minute and a half; its sender gives up after half a minute.
    pub(crate) delayed: u32,
    /// A socket is cut; for each frame on it, in either direction.
    pub(crate) socket_cut: u32,
    /// A client's process ends; for each input.
    pub(crate) client_crash: u32,
    /// The relay's process ends; for each turn of one of its tasks.
    pub(crate) relay_crash: u32,
    /// A client's disk takes nothing for a while; for each input.
    pub(crate) disk_full: u32,
    /// A clock is set, by up to three hours; for each action of a person.
    pub(crate) clock_set: u32,
}

impl Faults {
    /// None of them.
    pub(crate) fn none() -> Self {
        Self::default()
    }

    pub(crate) fn drawn(chance: &mut Chance) -> Self {
        // Each is absent in a third of the runs, and rare, usual or frequent in the others.
        let mut draw = |rare: u32, frequent: u32| match chance.below(6) {
            0 | 1 => 0,
            2 | 3 => rare,
            4 => (rare + frequent) / 2,
            _ => frequent,
        };
        Self {
            request_lost: draw(100, 1_500),
            answer_lost: draw(100, 1_500),
            duplicated: draw(100, 1_500),
            delayed: draw(100, 1_500),
            socket_cut: draw(20, 500),
            client_crash: draw(10, 300),
            relay_crash: draw(3, 60),
            disk_full: draw(5, 60),
            clock_set: draw(100, 1_000),
        }
    }
}
