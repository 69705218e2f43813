//! The clock by which messages disappear. It counts what this device saw pass: what a message says is not destroyed because a
//! clock was set, the device's or the relay's.

use sealwire_wire::Timestamp;

/// So much between two looks at the device's clock, in milliseconds, counts as time that passed. An engine that runs looks more
/// often: it raises its store's generation every ten minutes.
const GAP_MAX_MS: u64 = 15 * 60 * 1000;
/// A clock that is kept may be behind by so much at the next start: less than the longest gap, so that no time is lost.
const KEEP_EVERY_MS: u64 = 5 * 60 * 1000;
/// What the relay says of its time that differs by less, in milliseconds, needs no write.
const SAME_TIME_MS: u64 = 1_000;
/// Kept as so many numbers of eight bytes each; the relay's two are missing before it first said its time.
const NUMBERS: usize = 5;

/// Time as it passes for messages with a time to live, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LifetimeClock {
    /// Begins at what the device's clock showed.
    passed: u64,
    /// What the device's clock showed at the last look.
    looked_at: u64,
    /// What it went on by at once since the relay last said its time: the device slept or was off, or its clock was set.
    doubtful: u64,
    relay: Option<RelayTime>,
}

/// What the relay said, and what had passed then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct RelayTime {
    said: u64,
    passed: u64,
}

impl LifetimeClock {
    pub(crate) fn starting(now: Timestamp) -> Self {
        Self {
            passed: now.0,
            looked_at: now.0,
            doubtful: 0,
            relay: None,
        }
    }

    /// What has passed, as messages are due by it.
    pub(crate) fn now(&self) -> Timestamp {
        Timestamp(self.passed)
    }

    /// The device's clock shows this. Whether that is so much more than before that it is in doubt how much of it passed.
    pub(crate) fn look(&mut self, now: Timestamp) -> bool {
        let gap = now.0.saturating_sub(self.looked_at);
        let seen = gap.min(GAP_MAX_MS);
        self.passed = self.passed.saturating_add(seen);
        self.doubtful = self.doubtful.saturating_add(gap - seen);
        self.looked_at = now.0;
        gap > seen
    }

    /// The relay says its time: as far as it went on by more than this clock did, what was doubtful did pass. The rest of it
    /// did not, and what the relay alone says moves nothing. It must have said so after the last look that was in doubt: what it
    /// said before a sleep does not tell how long that was.
    pub(crate) fn relay_says(&mut self, time: Timestamp) {
        if let Some(last) = self.relay {
            let there = time.0.saturating_sub(last.said);
            let here = self.passed.saturating_sub(last.passed);
            let confirmed = there.saturating_sub(here).min(self.doubtful);
            self.passed = self.passed.saturating_add(confirmed);
        }
        self.doubtful = 0;
        self.relay = Some(RelayTime {
            said: time.0,
            passed: self.passed,
        });
    }

    /// When by this clock something was that the relay says was then: now as long as nothing is known of the relay's clock, and
    /// not later than now. Later by what is in doubt if there is such: once the relay says that it did pass, it was before now.
    pub(crate) fn of_relay(&self, at: Timestamp) -> Timestamp {
        let known = self.relay.map_or(self.passed, |relay| {
            let ahead = relay.said.saturating_sub(relay.passed);
            let behind = relay.passed.saturating_sub(relay.said);
            at.0.saturating_sub(ahead).saturating_add(behind)
        });
        Timestamp(known.min(self.passed.saturating_add(self.doubtful)))
    }

    /// What the device's clock shows when so much has passed, should nothing set it.
    pub(crate) fn on_device(&self, passed: Timestamp) -> Timestamp {
        Timestamp(self.looked_at).plus_ms(passed.0.saturating_sub(self.passed))
    }

    /// Whether this is to be kept in place of what was.
    pub(crate) fn is_news_to(&self, kept: &Self) -> bool {
        let offset = |clock: &Self| {
            clock
                .relay
                .map(|relay| i128::from(relay.said) - i128::from(relay.passed))
        };
        let moved = match (offset(self), offset(kept)) {
            (Some(now), Some(then)) => now.abs_diff(then) > u128::from(SAME_TIME_MS),
            (now, then) => now != then,
        };
        moved
            || self.doubtful != kept.doubtful
            || self.passed.abs_diff(kept.passed) >= KEEP_EVERY_MS
    }

    pub(crate) fn to_bytes(self) -> Vec<u8> {
        let relay = self.relay.map(|relay| [relay.said, relay.passed]);
        [self.passed, self.looked_at, self.doubtful]
            .into_iter()
            .chain(relay.into_iter().flatten())
            .flat_map(u64::to_be_bytes)
            .collect()
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, rest) = bytes.as_chunks::<8>();
        let mut numbers = numbers.iter().map(|bytes| u64::from_be_bytes(*bytes));
        if !rest.is_empty() || numbers.len() > NUMBERS {
            return None;
        }
        let (passed, looked_at) = (numbers.next()?, numbers.next()?);
        Some(Self {
            passed,
            looked_at,
            doubtful: numbers.next()?,
            relay: numbers
                .next()
                .zip(numbers.next())
                .map(|(said, passed)| RelayTime { said, passed }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: u64 = 1_800_000_000_000;
    const MINUTE: u64 = 60_000;
    const DAY: u64 = 24 * 60 * MINUTE;

    /// Told the relay's time, which is a minute ahead.
    fn clock() -> LifetimeClock {
        let mut clock = LifetimeClock::starting(Timestamp(START));
        clock.relay_says(Timestamp(START + MINUTE));
        clock
    }

    fn passed(clock: &LifetimeClock) -> u64 {
        clock.now().0 - START
    }

    #[test]
    fn a_clock_that_jumps_moves_it_by_the_longest_gap_at_most() {
        let mut clock = clock();
        clock.look(Timestamp(START + 365 * DAY));
        assert_eq!(passed(&clock), GAP_MAX_MS);
        // The relay knows of no such time.
        clock.relay_says(Timestamp(START + 2 * MINUTE));
        clock.relay_says(Timestamp(START + 30 * MINUTE));
        assert!(passed(&clock) <= 29 * MINUTE, "{}", passed(&clock));
    }

    #[test]
    fn the_relay_alone_moves_nothing() {
        let mut clock = clock();
        clock.look(Timestamp(START + MINUTE));
        clock.relay_says(Timestamp(START + 365 * DAY));
        assert_eq!(passed(&clock), MINUTE);
        clock.relay_says(Timestamp(0));
        clock.relay_says(Timestamp(u64::MAX));
        assert_eq!(passed(&clock), MINUTE);
    }

    #[test]
    fn a_day_that_the_device_was_off_counts_once_the_relay_says_so_too() {
        let kept = clock().to_bytes();
        let mut clock = LifetimeClock::from_bytes(&kept).unwrap();
        clock.look(Timestamp(START + DAY));
        assert_eq!(passed(&clock), GAP_MAX_MS);
        clock.relay_says(Timestamp(START + DAY + MINUTE));
        assert_eq!(passed(&clock), DAY);
    }

    #[test]
    fn a_long_flight_counts_as_it_passes() {
        let mut clock = clock();
        for tick in 1..=600 {
            clock.look(Timestamp(START + tick * MINUTE));
        }
        assert_eq!(passed(&clock), 600 * MINUTE);
        clock.relay_says(Timestamp(START + 601 * MINUTE));
        assert_eq!(passed(&clock), 600 * MINUTE);
    }

    #[test]
    fn the_relays_stamps_are_read_by_what_it_said_last_and_never_lie_ahead() {
        let unknown = LifetimeClock::starting(Timestamp(START));
        assert_eq!(unknown.of_relay(Timestamp(5)), Timestamp(START));
        let clock = clock();
        let at = |ms| clock.of_relay(Timestamp(ms)).0;
        assert_eq!(at(START), START - MINUTE);
        assert_eq!(at(START + DAY), START);
        assert_eq!(at(0), 0);
    }

    #[test]
    fn what_comes_while_time_is_in_doubt_is_placed_so_that_what_settles_it_takes_nothing_from_it() {
        let mut clock = clock();
        assert!(clock.look(Timestamp(START + DAY)));
        let taken_in = clock.of_relay(Timestamp(START + DAY + MINUTE));
        // Whatever the relay says it was: not later than the device's clock shows.
        assert_eq!(clock.of_relay(Timestamp(u64::MAX)), taken_in);
        clock.relay_says(Timestamp(START + DAY + MINUTE));
        assert_eq!(clock.now(), taken_in);
    }

    #[test]
    fn what_is_kept_reads_back_and_nothing_else_does() {
        let fresh = LifetimeClock::starting(Timestamp(START));
        for clock in [fresh, clock()] {
            let bytes = clock.to_bytes();
            assert_eq!(LifetimeClock::from_bytes(&bytes), Some(clock));
            assert_eq!(LifetimeClock::from_bytes(&bytes[1..]), None);
        }
        assert_eq!(LifetimeClock::from_bytes(&[0; 48]), None);
    }
}
