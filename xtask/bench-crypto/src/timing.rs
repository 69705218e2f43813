//! Times of short operations on a machine that does other things too.
//!
//! What is compared runs in turns: whatever slows the machine slows both. A turn is short beside the time that the system lets
//! a process run, so that few are interrupted, and the middle one counts.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::trouble::Done;

/// How long and how often is measured.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Turns of each.
    pub(crate) turns: usize,
    /// Of one turn, at least.
    pub(crate) turn: Duration,
}

impl Effort {
    pub(crate) const FULL: Self = Self {
        turns: 1_501,
        turn: Duration::from_micros(300),
    };
    pub(crate) const QUICK: Self = Self {
        turns: 5,
        turn: Duration::from_micros(300),
    };
}

/// Does the operation so many times, and says how long that took: what only prepares it stays outside of the clock.
pub(crate) trait Operation: FnMut(u32) -> Done<Duration> {}

impl<F: FnMut(u32) -> Done<Duration>> Operation for F {}

/// Times the operation as a whole.
pub(crate) fn each<T>(mut operation: impl FnMut() -> Done<T>) -> impl Operation {
    move |times| {
        let begun = Instant::now();
        for _ in 0..times {
            black_box(operation()?);
        }
        Ok(begun.elapsed())
    }
}

/// Makes what the operation takes, for all of a turn, and then times the operation.
pub(crate) fn with<P, T>(
    mut prepare: impl FnMut() -> Done<P>,
    mut operation: impl FnMut(P) -> Done<T>,
) -> impl Operation {
    move |times| {
        let prepared = (0..times).map(|_| prepare()).collect::<Done<Vec<P>>>()?;
        let begun = Instant::now();
        for prepared in prepared {
            black_box(operation(prepared)?);
        }
        Ok(begun.elapsed())
    }
}

/// Nanoseconds of one operation, each by turns with the others.
pub(crate) fn by_turns<const N: usize>(
    effort: Effort,
    mut operations: [&mut dyn FnMut(u32) -> Done<Duration>; N],
) -> Done<[f64; N]> {
    let mut times = [1_u32; N];
    for (operation, times) in operations.iter_mut().zip(&mut times) {
        // The first calls fill caches and tables.
        while operation(*times)? < effort.turn && *times < 1 << 20 {
            *times *= 2;
        }
    }
    let mut measured: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    for _ in 0..effort.turns {
        for ((operation, times), measured) in operations.iter_mut().zip(times).zip(&mut measured) {
            let took = operation(times)?;
            measured.push(took.as_nanos() as f64 / f64::from(times));
        }
    }
    Ok(measured.map(middle))
}

/// Nanoseconds of one operation alone.
pub(crate) fn alone(effort: Effort, mut operation: impl Operation) -> Done<f64> {
    by_turns(effort, [&mut operation]).map(|[one]| one)
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_longer_measures_longer_and_preparing_counts_for_nothing() {
        let spin = |micros| {
            let begun = Instant::now();
            while begun.elapsed() < Duration::from_micros(micros) {}
            Ok(())
        };
        let mut short = each(|| spin(5));
        let mut long = with(|| spin(50), |()| spin(20));
        let [short, long] = by_turns(Effort::QUICK, [&mut short, &mut long]).unwrap();
        assert!(short >= 5_000.0 && long > 1.5 * short, "{short} {long}");
        assert!(long < 50_000.0, "{long}");
    }

    #[test]
    fn one_slow_turn_changes_nothing() {
        assert_eq!(middle(vec![3.0, 1.0, 900.0, 2.0, 2.5]), 2.5);
    }
}
