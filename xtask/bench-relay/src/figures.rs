//! Each figure of the relay: what is set up, what is measured, what stands beside it.

mod fan_out;
mod idle;
mod replay;
mod sending;

pub(crate) use fan_out::fan_out;
pub(crate) use idle::idle;
pub(crate) use replay::replay;
pub(crate) use sending::sending;

use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a run works on.
pub(crate) struct Ground {
    /// The relay's binary.
    pub(crate) binary: PathBuf,
    /// Where data folders are made.
    pub(crate) folder: PathBuf,
    /// How much is done.
    pub(crate) size: Size,
}

/// How much is done.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// People who send, two to each who listens.
    pub(crate) senders: usize,
    /// Messages before the first measured one.
    pub(crate) warm_up: u64,
    /// Messages in each measured window.
    pub(crate) window: u64,
    /// How much larger the database is at the second window.
    pub(crate) growth: u64,
    /// The longest that growing may take.
    pub(crate) growth_max: Duration,
    /// Of the run at a steady rate.
    pub(crate) steady: Duration,
    /// Users in the thread of the fan-out, with three devices each.
    pub(crate) members: usize,
    /// Messages sent to them.
    pub(crate) fan_outs: u64,
    /// Idle sockets.
    pub(crate) sockets: usize,
    /// Events queued for one device.
    pub(crate) queued: u64,
    /// Of each loop of the floor.
    pub(crate) floor: Duration,
}

impl Size {
    /// As the figures are meant.
    pub(crate) const FULL: Self = Self {
        senders: 256,
        warm_up: 20_000,
        window: 60_000,
        growth: 10,
        growth_max: Duration::from_secs(300),
        steady: Duration::from_secs(8),
        members: 250,
        fan_outs: 40,
        sockets: 10_000,
        queued: 100_000,
        floor: Duration::from_secs(2),
    };

    /// Seconds: shows that everything works, not how fast it is.
    pub(crate) const QUICK: Self = Self {
        senders: 8,
        warm_up: 20,
        window: 100,
        growth: 2,
        growth_max: Duration::from_secs(5),
        steady: Duration::from_millis(300),
        members: 4,
        fan_outs: 3,
        sockets: 30,
        queued: 200,
        floor: Duration::from_millis(50),
    };
}

impl Ground {
    fn data(&self, name: &str) -> PathBuf {
        Path::new(&self.folder).join(name)
    }
}

/// The value below which so much of the measured lies; microseconds in, milliseconds out.
fn percentile(measured: &mut [u64], part: f64) -> f64 {
    measured.sort_unstable();
    let place = (measured.len() as f64 * part) as usize;
    let value = measured.get(place.min(measured.len().saturating_sub(1)));
    value.map_or(f64::NAN, |micros| *micros as f64 / 1000.0)
}

fn names(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|n| format!("{prefix}{n}")).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_percentile_is_a_measured_value() {
        let mut measured: Vec<u64> = (1..=100).rev().map(|ms| ms * 1000).collect();
        assert_eq!(super::percentile(&mut measured, 0.95), 96.0);
        assert_eq!(super::percentile(&mut measured, 0.5), 51.0);
        assert_eq!(super::percentile(&mut [7000], 0.95), 7.0);
    }
}
