//! How often one device is asked or answered: a few times at once, then at a slow pace; counted across restarts.

use sealwire_store::{ControlLimit, Rows, StoreError, Transaction};
use sealwire_wire::{DeviceId, Timestamp, UserId};

const MINUTE_MS: u64 = 60 * 1000;

/// A burst, then one every so often.
#[derive(Clone, Copy)]
pub(crate) struct Rate {
    kind: ControlLimit,
    burst: u64,
    every_ms: u64,
}

/// Requests to one device: three, then one an hour. Each costs it one of its prekeys.
pub(crate) const ASKING: Rate = Rate {
    kind: ControlLimit::Asking,
    burst: 3,
    every_ms: 60 * MINUTE_MS,
};
/// Answers to one device: more than an honest one asks for.
pub(crate) const ANSWERING: Rate = Rate {
    kind: ControlLimit::Answering,
    burst: 10,
    every_ms: 10 * MINUTE_MS,
};

impl Rate {
    /// The stored time is that of the last use, were all evenly spaced (a leaky bucket as one number).
    fn spent(self, free_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let whole = now.plus_ms(self.burst * self.every_ms);
        match free_at {
            // Noted under a clock that ran ahead and was set since: one use is left.
            Some(at) if at > whole => now.plus_ms((self.burst - 1) * self.every_ms),
            Some(at) => at.max(now),
            None => now,
        }
    }

    /// When the next use is free.
    fn free(self, free_at: Option<Timestamp>, now: Timestamp) -> Timestamp {
        let spent = self.spent(free_at, now);
        Timestamp(
            spent
                .0
                .saturating_sub((self.burst - 1) * self.every_ms)
                .max(now.0),
        )
    }
}

/// From when on this may be done to that device.
pub(crate) fn free_at(
    rows: &Rows,
    rate: Rate,
    user: &UserId,
    device: DeviceId,
    now: Timestamp,
) -> Result<Timestamp, StoreError> {
    Ok(rate.free(rows.control_limit(user, device, rate.kind)?, now))
}

/// Whether it may be done now; it counts as done, together with what else the transaction does.
pub(crate) fn may(
    tx: &mut Transaction<'_>,
    rate: Rate,
    user: &UserId,
    device: DeviceId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let held = tx.control_limit(user, device, rate.kind)?;
    if rate.free(held, now) > now {
        return Ok(false);
    }
    let after = rate.spent(held, now).plus_ms(rate.every_ms);
    tx.set_control_limit(user, device, rate.kind, after)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR_MS: u64 = 60 * MINUTE_MS;

    fn uses(held: &mut Option<Timestamp>, now: Timestamp) -> bool {
        if ASKING.free(*held, now) > now {
            return false;
        }
        *held = Some(ASKING.spent(*held, now).plus_ms(ASKING.every_ms));
        true
    }

    #[test]
    fn three_at_once_then_one_an_hour() {
        let (mut held, start) = (None, Timestamp(1_000_000_000));
        let at_once: Vec<_> = (0..5).map(|_| uses(&mut held, start)).collect();
        assert_eq!(at_once, [true, true, true, false, false]);
        assert_eq!(ASKING.free(held, start), start.plus_ms(HOUR_MS));
        let mut used = 0;
        for minute in 1..=600 {
            used += u32::from(uses(&mut held, start.plus_ms(minute * MINUTE_MS)));
        }
        assert_eq!(used, 10, "in ten hours");
        let later = start.plus_ms(100 * HOUR_MS);
        let rested: Vec<_> = (0..4).map(|_| uses(&mut held, later)).collect();
        assert_eq!(rested, [true, true, true, false]);
    }

    #[test]
    fn a_clock_that_is_set_back_neither_frees_nor_blocks_for_long() {
        let (mut held, ahead) = (None, Timestamp(u64::MAX / 2));
        while uses(&mut held, ahead) {}
        let back = Timestamp(1_000_000_000);
        assert!(uses(&mut held, back));
        assert!(!uses(&mut held, back));
        assert!(uses(&mut held, back.plus_ms(HOUR_MS)));
    }
}
