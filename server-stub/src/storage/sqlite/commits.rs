//! What is counted of group commits.

use crate::measure::{Counter, Histogram, MICROS};
use std::time::Duration;

/// Group commits so far.
pub(crate) struct Commits {
    /// Microseconds from the first statement to the end of the sync.
    pub(crate) took: Histogram,
    /// Writes in each.
    pub(crate) writes: Histogram,
    pub(crate) failed: Counter,
}

impl Default for Commits {
    fn default() -> Self {
        Self {
            took: Histogram::new(MICROS),
            writes: Histogram::new(&[1, 2, 4, 8, 16, 32, 64, 128, 256]),
            failed: Counter::default(),
        }
    }
}

impl Commits {
    pub(super) fn count(&self, took: Duration, writes: usize, stands: bool) {
        self.took.observe_time(took);
        self.writes.observe(writes as u64);
        self.failed.add(u64::from(!stands));
    }
}
