//! Token buckets in memory: how often one address or device may ask.

use crate::config::Pace;
use crate::service::Refusal;
use sealwire_wire::contract::ErrorCode;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// With this many known callers those that have rested are forgotten for the first time.
const CALLERS: usize = 50_000;

/// One bucket for each caller.
pub(crate) struct Buckets<K> {
    pace: Pace,
    known: Mutex<Known<K>>,
}

struct Known<K> {
    callers: HashMap<K, Bucket>,
    /// With this many callers those that have rested are forgotten.
    forget_at: usize,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

impl<K: Hash + Eq> Buckets<K> {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            pace,
            known: Mutex::new(Known {
                callers: HashMap::new(),
                forget_at: CALLERS,
            }),
        }
    }

    /// Takes one token of this caller's, or refuses with the time until there is one.
    pub(crate) fn take(&self, caller: K) -> Result<(), Refusal> {
        self.take_at(caller, Instant::now()).map_err(|wait_ms| {
            Refusal::new(ErrorCode::RateLimited, "too many requests, come back later")
                .retry_after_ms(wait_ms)
        })
    }

    fn take_at(&self, caller: K, now: Instant) -> Result<(), u64> {
        let Pace { per_second, burst } = self.pace;
        let refilled = |bucket: &Bucket| {
            let rested = now.saturating_duration_since(bucket.at).as_secs_f64();
            (bucket.tokens + rested * per_second).min(burst)
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.callers.len() >= known.forget_at {
            known.callers.retain(|_, bucket| refilled(bucket) < burst);
            // Not again before as many came anew, so that a crowd does not make every request look through all of it.
            known.forget_at = CALLERS.max(known.callers.len().saturating_mul(2));
        }
        let bucket = known.callers.entry(caller).or_insert(Bucket {
            tokens: burst,
            at: now,
        });
        let tokens = refilled(bucket);
        bucket.at = now;
        if tokens < 1.0 {
            bucket.tokens = tokens;
            let wait = (1.0 - tokens) / per_second.max(f64::MIN_POSITIVE);
            return Err((wait * 1000.0).ceil() as u64);
        }
        bucket.tokens = tokens - 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn buckets() -> Buckets<&'static str> {
        Buckets::new(Pace {
            per_second: 2.0,
            burst: 3.0,
        })
    }

    #[test]
    fn a_burst_passes_and_the_next_is_told_when_to_come_back() {
        let (buckets, now) = (buckets(), Instant::now());
        for _ in 0..3 {
            assert_eq!(buckets.take_at("a", now), Ok(()));
        }
        assert_eq!(buckets.take_at("a", now), Err(500));
        let later = now + Duration::from_millis(500);
        assert_eq!(buckets.take_at("a", later), Ok(()));
    }

    #[test]
    fn one_caller_does_not_slow_another() {
        let (buckets, now) = (buckets(), Instant::now());
        while buckets.take_at("a", now).is_ok() {}
        assert_eq!(buckets.take_at("b", now), Ok(()));
    }

    #[test]
    fn callers_that_have_rested_are_forgotten_and_the_others_are_not() {
        let pace = Pace {
            per_second: 1.0,
            burst: 1.0,
        };
        let (buckets, now) = (Buckets::new(pace), Instant::now());
        let later = now + Duration::from_secs(10);
        for caller in 0..CALLERS {
            let at = if caller == 7 { later } else { now };
            assert_eq!(buckets.take_at(caller, at), Ok(()));
        }
        assert_eq!(buckets.take_at(CALLERS, later), Ok(()));
        assert_eq!(buckets.known.lock().unwrap().callers.len(), 2);
        assert!(buckets.take_at(7, later).is_err());
    }
}
