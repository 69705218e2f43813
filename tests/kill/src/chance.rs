//! When somebody is killed: by chance, from a seed that is told, so that a run can be made again as nearly as processes allow.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};
use std::time::Duration;

/// Numbers from a seed.
pub struct Chance(ChaCha8Rng);

impl Chance {
    /// From `SEALWIRE_KILL_SEED`, or from a new seed; printed.
    #[allow(clippy::print_stdout, reason = "shown where the test fails")]
    pub fn new() -> Self {
        let asked = std::env::var("SEALWIRE_KILL_SEED").ok();
        let seed = match asked {
            Some(seed) => seed.parse().unwrap(),
            None => u64::from(getrandom::u32().unwrap()),
        };
        println!("SEALWIRE_KILL_SEED={seed}");
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// So many milliseconds, or fewer, and at least so many.
    pub fn ms(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(from + self.0.next_u64() % (to - from + 1))
    }

    /// Heads.
    pub fn coin(&mut self) -> bool {
        self.0.next_u32() & 1 == 0
    }
}

impl Default for Chance {
    fn default() -> Self {
        Self::new()
    }
}
