//! Chance from a seed: the only one that a run has.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng as _, SeedableRng as _};

/// A stream of chance. The same seed gives the same stream on every machine and in every build.
#[derive(Clone)]
pub(crate) struct Chance(ChaCha8Rng);

/// So many of these are certain.
pub(crate) const CERTAIN: u32 = 10_000;

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha8Rng::seed_from_u64(seed))
    }

    /// Another stream, which takes nothing from this one however much is drawn from it.
    pub(crate) fn apart(&mut self) -> Self {
        Self::new(self.number())
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// From 0 to below `end`; 0 if there is nothing below it.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        // 64 bits over a few thousand: what the remainder favours nobody will see.
        if end == 0 { 0 } else { self.number() % end }
    }

    /// From `first` to `last`, both included.
    pub(crate) fn between(&mut self, first: u64, last: u64) -> u64 {
        first + self.below(last - first + 1)
    }

    /// Whether it happens, `probability` of [`CERTAIN`] times.
    pub(crate) fn happens(&mut self, probability: u32) -> bool {
        probability > 0 && self.below(CERTAIN.into()) < u64::from(probability)
    }

    /// One of them, as often as its weight says.
    pub(crate) fn weighted<T: Copy>(&mut self, choices: &[(u32, T)]) -> Option<T> {
        let all: u64 = choices.iter().map(|(weight, _)| u64::from(*weight)).sum();
        let mut drawn = self.below(all);
        for (weight, choice) in choices {
            match drawn.checked_sub((*weight).into()) {
                Some(left) => drawn = left,
                None => return Some(*choice),
            }
        }
        None
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        self.below(length as u64) as usize
    }

    pub(crate) fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.0.fill_bytes(&mut bytes);
        bytes
    }

    pub(crate) fn into_rng(self) -> ChaCha8Rng {
        self.0
    }
}
