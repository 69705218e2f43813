//! Whether the time of an operation depends on its secret: two classes of inputs by chance, Welch's t over their times.
//!
//! Reparaz, Balasch, Verbauwhede, "Dude, is my code constant time?" (DATE 2017). Not a gate: what other work on the machine does
//! is in the times too.

use std::hint::black_box;
use std::time::Instant;

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sealwire_crypto::keys::IdentityKeyPair;
use sealwire_crypto::primitives::{aes256_gcm_open, aes256_gcm_seal, constant_time_eq};

use crate::ours::talking;
use crate::trouble::{Done, said};

/// What the authors' own program, dudect, calls a failure; the paper's 4.5 is for a machine that does nothing else.
const SUSPECT: f64 = 10.0;

/// How many inputs a class has, each in memory of its own: one alone would stay in the cache, and the other class not.
const POOL: usize = 64;

/// Of the times, the shortest part that is looked at: the long ones are interrupts. The largest |t| of these counts.
const CROPS: [f64; 5] = [0.5, 0.75, 0.9, 0.97, 1.0];

/// Of which of them the difference of the means is told.
const USUAL_CROP: f64 = 0.9;

/// How many times are taken of each operation.
pub(crate) const FULL: usize = 400_000;
pub(crate) const QUICK: usize = 400;

/// What two classes of one operation showed.
struct Verdict {
    name: &'static str,
    classes: &'static str,
    t: f64,
    /// How many times were taken, both classes together.
    count: usize,
    /// Nanoseconds of one operation, and by how much the second class took longer.
    took: f64,
    longer: f64,
}

/// All operations, as a table for the book.
pub(crate) fn report(count: usize) -> Done<String> {
    let verdicts = [
        comparison(count)?,
        message_mac(count / 4)?,
        tag(count)?,
        signing(count / 4)?,
        control(count)?,
    ];
    let mut text = String::from(
        "| operation | two classes of inputs | times | one takes | second class longer by | \\|t\\| | read as |\n|---|---|---|---|---|---|---|\n",
    );
    for verdict in verdicts {
        text += &verdict.row();
    }
    Ok(text)
}

fn comparison(count: usize) -> Done<Verdict> {
    let pools = mac_pools();
    taken(
        "comparing a MAC, 8 bytes",
        "the first byte differs, the last differs",
        (count, 64),
        |class, index| {
            let (ours, theirs) = &pools[class][index];
            constant_time_eq(ours, theirs)
        },
    )
}

/// Shows that the method sees what it has to: the same, by a comparison that stops at the first difference.
fn control(count: usize) -> Done<Verdict> {
    let pools = mac_pools();
    taken(
        "for control: a comparison that stops early",
        "the same",
        (count, 64),
        |class, index| {
            let (ours, theirs) = &pools[class][index];
            ours.iter()
                .zip(theirs)
                .all(|(left, right)| black_box(left) == black_box(right))
        },
    )
}

type Mac = [u8; 8];

fn mac_pools() -> [Vec<(Mac, Mac)>; 2] {
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    [0, 7].map(|place| {
        let pair = |_| {
            let mut ours = Mac::default();
            rng.fill_bytes(&mut ours);
            let mut theirs = ours;
            theirs[place] ^= 0x55;
            (ours, theirs)
        };
        (0..POOL).map(pair).collect()
    })
}

/// A whole message of a session, which nobody can tell apart but by its MAC.
fn message_mac(count: usize) -> Done<Verdict> {
    let (mut alice, mut bob) = talking()?;
    let message = alice.seal(&[7; 100])?;
    let pools = [8, 1].map(|from_end| vec![altered(&message, from_end); POOL]);
    taken(
        "refusing a message of 100 bytes",
        "the first byte of its MAC is wrong, the last is",
        (count, 2),
        |class, index| bob.try_open(&pools[class][index]).is_err(),
    )
}

fn tag(count: usize) -> Done<Verdict> {
    let key = [3; 32];
    let sealed = aes256_gcm_seal(&key, &[4; 12], b"aad", &[5; 300]).map_err(said)?;
    let pools = [16, 1].map(|from_end| vec![altered(&sealed, from_end); POOL]);
    taken(
        "AES-256-GCM: checking the tag of 300 bytes",
        "the first byte of the tag is wrong, the last is",
        (count, 8),
        |class, index| aes256_gcm_open(&key, &[4; 12], b"aad", &pools[class][index]).is_err(),
    )
}

/// One byte is another, counted from the end.
fn altered(bytes: &[u8], from_end: usize) -> Vec<u8> {
    let mut altered = bytes.to_vec();
    if let Some(byte) = altered.iter_mut().nth_back(from_end - 1) {
        *byte ^= 0x55;
    }
    altered
}

fn signing(count: usize) -> Done<Verdict> {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let one = [9; 32];
    let mut pool = |fixed: bool| -> Vec<IdentityKeyPair> {
        let pair = |_| {
            let mut secret = one;
            if !fixed {
                rng.fill_bytes(&mut secret);
            }
            IdentityKeyPair::from_secret_bytes(&secret)
        };
        (0..POOL).map(pair).collect()
    };
    let pools = [pool(true), pool(false)];
    let mut rng = ChaCha20Rng::seed_from_u64(3);
    taken(
        "XEdDSA: signing 33 bytes",
        "always one key, many keys",
        (count, 1),
        |class, index| pools[class][index].sign(&mut rng, &[5; 33]),
    )
}

/// Takes `count` times of `each` operations in a row, of a class that chance chooses every time.
fn taken<T>(
    name: &'static str,
    classes: &'static str,
    (count, each): (usize, usize),
    mut operation: impl FnMut(usize, usize) -> T,
) -> Done<Verdict> {
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let mut times = Vec::with_capacity(count);
    for number in 0..count + count / 10 {
        let chance = rng.next_u64();
        let (class, start) = ((chance & 1) as usize, (chance >> 32) as usize);
        let begun = Instant::now();
        for step in 0..each {
            black_box(operation(black_box(class), (start + step) % POOL));
        }
        let took = begun.elapsed().as_nanos() as f64 / each as f64;
        // The first ones fill caches and tables.
        if number >= count / 10 {
            times.push((class == 1, took));
        }
    }
    times.sort_by(|left, right| left.1.total_cmp(&right.1));
    let mut verdict = Verdict {
        name,
        classes,
        t: 0.0,
        count,
        took: times.get(count / 2).map_or(f64::NAN, |time| time.1),
        longer: 0.0,
    };
    for crop in CROPS {
        let kept = times.len().min((times.len() as f64 * crop) as usize);
        let (t, longer) = welch(&times[..kept]);
        verdict.t = verdict.t.max(t.abs());
        if crop == USUAL_CROP {
            verdict.longer = longer;
        }
    }
    Ok(verdict)
}

/// Welch's t of the second class against the first, and the difference of their means.
fn welch(times: &[(bool, f64)]) -> (f64, f64) {
    let of = |second: bool| {
        let class = || times.iter().filter(move |time| time.0 == second);
        let count = class().count() as f64;
        let mean = class().map(|time| time.1).sum::<f64>() / count;
        let squares: f64 = class().map(|time| (time.1 - mean).powi(2)).sum();
        (mean, squares / (count - 1.0) / count)
    };
    let ((first, spread), (second, other)) = (of(false), of(true));
    let t = (second - first) / (spread + other).sqrt();
    (if t.is_finite() { t } else { 0.0 }, second - first)
}

impl Verdict {
    fn row(&self) -> String {
        let read = if self.t > SUSPECT {
            "a difference"
        } else {
            "none seen"
        };
        format!(
            "| {} | {} | {} | {:.1} ns | {:+.3} ns | {:.1} | {read} |\n",
            self.name, self.classes, self.count, self.took, self.longer, self.t
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(second_longer_by: f64) -> Vec<(bool, f64)> {
        let noise = |n: u32| f64::from(n * 7 % 10);
        (0..1_000)
            .map(|n| match n % 2 {
                0 => (false, 100.0 + noise(n)),
                _ => (true, 100.0 + noise(n - 1) + second_longer_by),
            })
            .collect()
    }

    /// A worked case: means 3 and 6, variances 2.5 and 10, five of each: t = 3 / sqrt(0.5 + 2) = 1.897.
    #[test]
    fn t_is_welchs() {
        let class = |second, step: f64| (1..=5).map(move |n| (second, step * f64::from(n)));
        let (t, longer) = welch(
            &class(false, 1.0)
                .chain(class(true, 2.0))
                .collect::<Vec<_>>(),
        );
        assert!((t - 1.897).abs() < 0.001, "{t}");
        assert!((longer - 3.0).abs() < 1e-9, "{longer}");
    }

    #[test]
    fn equal_times_are_not_suspect_and_a_nanosecond_among_ten_is() {
        assert!(welch(&times(0.0)).0.abs() < 1.0);
        assert!(welch(&times(2.0)).0 > SUSPECT);
        assert!(welch(&times(-2.0)).0 < -SUSPECT);
    }
}
