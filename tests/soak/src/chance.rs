//! Numbers from a seed: of one client, so that the order in which clients come does not matter.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};
use std::time::Duration;

pub(crate) struct Chance(ChaCha8Rng);

impl Chance {
    pub(crate) fn new(seed: u64, number: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number as u64);
        Self(random)
    }

    /// Less than this.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end
    }

    /// One of them.
    pub(crate) fn of<'a, T>(&mut self, all: &'a [T]) -> &'a T {
        &all[self.below(all.len() as u64) as usize]
    }

    /// Between half of it and one and a half.
    pub(crate) fn about(&mut self, time: Duration) -> Duration {
        let ms = time.as_millis() as u64;
        Duration::from_millis(ms / 2 + self.below(ms + 1))
    }
}
