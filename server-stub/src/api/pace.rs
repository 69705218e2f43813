//! How often one address, device or account may ask: token buckets in memory, by metadata alone.
//!
//! A bucket is kept as one number, the moment at which it is full again (the "theoretical arrival time" of GCRA, ITU-T I.371),
//! under a keyed hash of its caller. A bucket that is full again is as good as none and is forgotten.

use crate::config::{CallerPace, Pace, Paces};
use crate::service::Refusal;
use sealwire_wire::contract::{DeviceName, ErrorCode};
use sealwire_wire::{DeviceId, UserId};
use std::collections::HashMap;
use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// With this many callers in one set of buckets, some are forgotten: 24 bytes each, so a few megabytes.
const CALLERS_MAX: usize = 200_000;

/// Every rate of the relay.
pub(crate) struct Limits {
    pub(crate) anonymous: Buckets,
    pub(crate) registrations: Buckets,
    pub(crate) mailboxes: Buckets,
    pub(crate) lists: Buckets,
    pub(crate) sends: CallerBuckets,
    pub(crate) controls: CallerBuckets,
    pub(crate) bundles: CallerBuckets,
    pub(crate) sockets: CallerBuckets,
    pub(crate) requests: CallerBuckets,
    /// Of each socket, which holds a bucket of its own.
    pub(crate) frames: Pace,
}

/// A bucket for each device, and one for each account that its devices share.
pub(crate) struct CallerBuckets {
    devices: Buckets,
    accounts: Buckets,
}

/// One bucket for each caller.
pub(crate) struct Buckets {
    rate: Rate,
    began: Instant,
    keys: RandomState,
    known: Mutex<Known>,
}

/// A single caller's bucket.
pub(crate) struct Bucket {
    rate: Rate,
    began: Instant,
    full_at: u64,
}

/// A pace in nanoseconds.
#[derive(Clone, Copy)]
struct Rate {
    /// Between two tokens; 0 for no limit.
    interval: u64,
    /// How far ahead of its steady rate a caller may be.
    ahead_max: u64,
}

#[derive(Default)]
struct Known {
    full_at: HashMap<u64, u64, BuildHasherDefault<AsItIs>>,
    /// With this many callers those whose buckets are full are forgotten.
    forget_at: usize,
}

/// Keys are hashes already.
#[derive(Default)]
struct AsItIs(u64);

impl Limits {
    pub(crate) fn new(paces: &Paces) -> Self {
        Self {
            anonymous: Buckets::new(paces.anonymous),
            registrations: Buckets::new(paces.registrations),
            mailboxes: Buckets::new(paces.mailboxes),
            lists: Buckets::new(paces.lists),
            sends: CallerBuckets::new(paces.sends),
            controls: CallerBuckets::new(paces.controls),
            bundles: CallerBuckets::new(paces.bundles),
            sockets: CallerBuckets::new(paces.sockets),
            requests: CallerBuckets::new(paces.requests),
            frames: paces.frames,
        }
    }
}

impl CallerBuckets {
    fn new(pace: CallerPace) -> Self {
        Self {
            devices: Buckets::new(pace.device),
            accounts: Buckets::new(pace.account),
        }
    }

    /// Takes one token of this device's and one of its account's, or refuses with the time until there is one.
    pub(crate) fn take(&self, caller: &DeviceName) -> Result<(), Refusal> {
        self.devices.take(caller)?;
        self.accounts.take(&caller.user_id)
    }

    /// The platform's word for a user goes at the pace of a device, out of none of theirs: it may be there to end a device that
    /// floods.
    pub(crate) fn take_for_platform(&self, user: &UserId) -> Result<(), Refusal> {
        self.devices.take(&(user, None::<DeviceId>))
    }
}

impl Buckets {
    fn new(pace: Pace) -> Self {
        Self {
            rate: Rate::new(pace),
            began: Instant::now(),
            keys: RandomState::new(),
            known: Mutex::default(),
        }
    }

    /// Takes one token of this caller's, or refuses with the time until there is one.
    pub(crate) fn take(&self, caller: &impl Hash) -> Result<(), Refusal> {
        if self.rate.interval == 0 {
            return Ok(());
        }
        self.take_at(caller, since(self.began)).map_err(refusal)
    }

    fn take_at(&self, caller: &impl Hash, now: u64) -> Result<(), u64> {
        let key = self.keys.hash_one(caller);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.full_at.len() >= known.forget_at.max(CALLERS_MAX / 4) {
            known.forget(now, self.rate.ahead_max);
        }
        let full_at = known.full_at.entry(key).or_insert(now);
        *full_at = self.rate.take(*full_at, now)?;
        Ok(())
    }
}

impl Bucket {
    pub(crate) fn new(pace: Pace) -> Self {
        Self {
            rate: Rate::new(pace),
            began: Instant::now(),
            full_at: 0,
        }
    }

    /// Takes a token; without one, says how long there is none.
    pub(crate) fn take(&mut self) -> Result<(), Duration> {
        if self.rate.interval > 0 {
            let taken = self.rate.take(self.full_at, since(self.began));
            self.full_at = taken.map_err(Duration::from_nanos)?;
        }
        Ok(())
    }
}

impl Rate {
    fn new(Pace { per_second, burst }: Pace) -> Self {
        // Beyond the range of a u64 the conversion stops at its end, as it should.
        let interval = (1e9 / per_second.max(0.0)) as u64;
        let ahead_max = ((burst.max(1.0) - 1.0) * interval as f64) as u64;
        Self {
            interval,
            ahead_max,
        }
    }

    /// When the bucket is full again after one more token; without one, how long there is none.
    fn take(self, full_at: u64, now: u64) -> Result<u64, u64> {
        let full_at = full_at.max(now);
        match (full_at - now).checked_sub(self.ahead_max) {
            None | Some(0) => Ok(full_at.saturating_add(self.interval)),
            Some(wait) => Err(wait),
        }
    }
}

impl Known {
    /// Forgets the buckets that are full. If they are too many even so, those that are half full too, then all: whoever can be
    /// so many callers is not held by rates.
    fn forget(&mut self, now: u64, ahead_max: u64) {
        for spared in [0, ahead_max / 2, u64::MAX] {
            let still_filling = now.saturating_add(spared);
            self.full_at.retain(|_, full_at| *full_at > still_filling);
            if self.full_at.len() < CALLERS_MAX / 4 * 3 {
                break;
            }
        }
        // Not again before as many came anew, so that a crowd does not make every request look through all of it.
        self.forget_at = self.full_at.len().saturating_mul(2).min(CALLERS_MAX);
    }
}

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

fn since(began: Instant) -> u64 {
    u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

fn refusal(wait: u64) -> Refusal {
    let wait_ms = wait.div_ceil(1_000_000);
    Refusal::new(ErrorCode::RateLimited, "too many requests, come back later")
        .retry_after_ms(wait_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: u64 = 1_000_000;
    const SECOND: u64 = 1_000 * MS;

    fn buckets(per_second: f64, burst: f64) -> Buckets {
        Buckets::new(Pace { per_second, burst })
    }

    #[test]
    fn a_burst_passes_and_the_next_is_told_when_to_come_back() {
        let (buckets, now) = (buckets(2.0, 3.0), SECOND);
        for _ in 0..3 {
            assert_eq!(buckets.take_at(&"a", now), Ok(()));
        }
        assert_eq!(buckets.take_at(&"a", now), Err(500 * MS));
        assert_eq!(buckets.take_at(&"a", now + 500 * MS), Ok(()));
        assert!(buckets.take_at(&"a", now + 500 * MS).is_err());
    }

    #[test]
    fn one_caller_does_not_slow_another() {
        let buckets = buckets(2.0, 3.0);
        while buckets.take_at(&"a", 0).is_ok() {}
        assert_eq!(buckets.take_at(&"b", 0), Ok(()));
    }

    #[test]
    fn an_accounts_devices_share_a_bucket_beside_their_own() {
        let pace = |burst| Pace {
            per_second: 0.001,
            burst,
        };
        let buckets = CallerBuckets::new(CallerPace {
            device: pace(2.0),
            account: pace(3.0),
        });
        let take = |user: &str, device| {
            let device_id = DeviceId::new(device).unwrap();
            let user_id = user.parse().unwrap();
            buckets.take(&DeviceName { user_id, device_id }).is_ok()
        };
        assert!(take("alice", 1) && take("alice", 1) && !take("alice", 1));
        assert!(take("alice", 2) && !take("alice", 2));
        assert!(take("bob", 1));
    }

    #[test]
    fn without_a_limit_nothing_is_counted() {
        let buckets = Buckets::new(Pace::UNLIMITED);
        for _ in 0..10_000 {
            assert!(buckets.take(&"a").is_ok());
        }
        assert!(buckets.known.lock().unwrap().full_at.is_empty());
    }

    #[test]
    fn callers_that_have_rested_are_forgotten_and_the_others_are_not() {
        let buckets = buckets(1.0, 1.0);
        for caller in 0..CALLERS_MAX / 4 {
            let at = if caller == 7 { 10 * SECOND } else { 0 };
            assert_eq!(buckets.take_at(&caller, at), Ok(()));
        }
        assert_eq!(buckets.take_at(&CALLERS_MAX, 10 * SECOND), Ok(()));
        assert_eq!(buckets.known.lock().unwrap().full_at.len(), 2);
        assert!(buckets.take_at(&7_usize, 10 * SECOND).is_err());
    }

    #[test]
    fn a_crowd_that_never_rests_does_not_grow_without_bound() {
        let buckets = buckets(0.001, 1.0);
        for caller in 0..3 * CALLERS_MAX {
            assert_eq!(buckets.take_at(&caller, 0), Ok(()));
        }
        assert!(buckets.known.lock().unwrap().full_at.len() <= CALLERS_MAX);
    }
}
