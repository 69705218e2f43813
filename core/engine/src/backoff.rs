//! When to try again: twice as long after each failure, never all clients at once.

use rand_core::Rng;
use sealwire_wire::Timestamp;

/// The shortest wait, in milliseconds.
const SHORTEST_MS: u64 = 500;
/// The longest wait, in milliseconds.
const LONGEST_MS: u64 = 60_000;

/// The longest wait that a relay's own wish is obeyed for, in milliseconds: it may be mistaken, or mean harm.
pub(crate) const WISH_MAX_MS: u64 = 60 * 60 * 1000;

/// The failures so far of one thing that is tried again and again.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Backoff {
    failures: u32,
    not_before: Timestamp,
    /// As the relay wants it: nothing ends this wait early.
    wished: Timestamp,
}

impl Backoff {
    /// Whether the next try is due.
    pub(crate) fn is_due(&self, now: Timestamp) -> bool {
        now >= self.not_before
    }

    /// When the next try is due; none before any failure.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        (self.failures > 0).then_some(self.not_before)
    }

    /// It went wrong once more. `at_least_ms` is the relay's own wish.
    pub(crate) fn failed(
        &mut self,
        now: Timestamp,
        at_least_ms: Option<u64>,
        rng: &mut (impl Rng + ?Sized),
    ) {
        self.wished = now.plus_ms(obeying(at_least_ms, 0));
        self.not_before = self.wished.max(now.plus_ms(wait_ms(self.failures, rng)));
        self.failures = self.failures.saturating_add(1);
    }

    /// The network changed, the relay is heard again, or somebody waits for it: the next try is due now, unless the relay wants a
    /// wait. How often it failed is not forgotten.
    pub(crate) fn hurry(&mut self, now: Timestamp) {
        self.not_before = self.not_before.min(self.wished.max(now));
    }

    /// It went well.
    pub(crate) fn succeeded(&mut self) {
        *self = Self::default();
    }
}

/// The wait, or the relay's wish if that is longer and within reason.
pub(crate) fn obeying(at_least_ms: Option<u64>, wait_ms: u64) -> u64 {
    wait_ms.max(at_least_ms.unwrap_or(0).min(WISH_MAX_MS))
}

/// The wait after that many failures before: half of it fixed, half of it chance.
pub(crate) fn wait_ms(failures_before: u32, rng: &mut (impl Rng + ?Sized)) -> u64 {
    let fixed = SHORTEST_MS
        .saturating_mul(1 << failures_before.min(16))
        .min(LONGEST_MS / 2);
    fixed + rng.next_u64() % (fixed + 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn waits_grow_from_half_a_second_to_a_minute_and_stay_there() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (mut backoff, now) = (Backoff::default(), Timestamp(1_000));
        assert!(backoff.is_due(now) && backoff.due_at().is_none());
        for failures in 0..40u32 {
            backoff.failed(now, None, &mut rng);
            let wait = backoff.due_at().unwrap().since_ms(now);
            let fixed = (500u64 << failures.min(16)).min(30_000);
            assert!((fixed..=2 * fixed).contains(&wait), "{failures}: {wait}");
        }
        backoff.hurry(now);
        assert!(backoff.is_due(now), "nothing but this device wanted a wait");
        backoff.succeeded();
        assert!(backoff.is_due(now));
    }

    #[test]
    fn the_relays_own_wish_is_obeyed() {
        let mut backoff = Backoff::default();
        backoff.failed(
            Timestamp(0),
            Some(9_000),
            &mut ChaCha20Rng::seed_from_u64(1),
        );
        backoff.hurry(Timestamp(1));
        assert!(!backoff.is_due(Timestamp(8_999)) && backoff.is_due(Timestamp(9_000)));
    }
}
