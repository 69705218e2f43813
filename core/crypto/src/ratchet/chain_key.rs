//! One sending or receiving chain: a key that steps forward once per message and never back.
//!
//! Double Ratchet, revision 4: section 2.2 (symmetric-key ratchet), section 5.2 (`KDF_CK`).

use zeroize::ZeroizeOnDrop;

use crate::primitives::HmacSha256;

/// How far a chain may be stepped for one message, so that a forged counter cannot make us work for ever.
pub const MAX_FORWARD_JUMP: u32 = 25_000;

/// How far all chains together may be stepped for one message that may belong to any of several sessions: two of the longest jumps.
pub const MAX_STEPS_PER_MESSAGE: u32 = 2 * MAX_FORWARD_JUMP;

/// How many passed messages keep their keys: of one jump here, of one session in the store.
pub const MAX_SKIPPED_KEYS: u32 = 2_000;

// What HMAC-SHA256 under the chain key is taken of (section 5.2).
const MESSAGE_SEED: [u8; 1] = [0x01];
const NEXT_KEY: [u8; 1] = [0x02];

/// The state of one chain, before the message with number [`ChainKey::next_message`].
#[derive(Clone, ZeroizeOnDrop)]
pub(super) struct ChainKey {
    key: [u8; 32],
    #[zeroize(skip)]
    next_message: u32,
}

/// What the keys of exactly one message are derived from.
#[derive(Clone, ZeroizeOnDrop)]
pub(super) struct MessageSeed(pub(super) [u8; 32]);

/// Why a chain did not step to the message asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StepError {
    /// The chain has passed this message; its key is gone, unless it was kept as skipped.
    Passed,
    /// Further ahead than [`MAX_FORWARD_JUMP`].
    TooFar,
}

impl ChainKey {
    /// A chain as the root step made it: no message yet.
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self::restore(key, 0)
    }

    pub(super) fn restore(key: [u8; 32], next_message: u32) -> Self {
        Self { key, next_message }
    }

    pub(super) fn as_bytes(&self) -> &[u8; 32] {
        &self.key
    }

    /// The number of the message that [`ChainKey::step`] gives the seed of.
    pub(super) fn next_message(&self) -> u32 {
        self.next_message
    }

    /// The next message's seed; `None` when the chain has numbered all messages it can.
    pub(super) fn step(&mut self) -> Option<MessageSeed> {
        let after = self.next_message.checked_add(1)?;
        #[cfg(test)]
        derivations::count();
        let key = HmacSha256::new(&self.key);
        let seed = MessageSeed(key.of(&[&MESSAGE_SEED]));
        self.key = key.of(&[&NEXT_KEY]);
        self.next_message = after;
        Some(seed)
    }

    /// The seed of message `number`, and those of the newest passed messages with their numbers, oldest first.
    pub(super) fn step_to(
        &mut self,
        number: u32,
    ) -> Result<(Vec<(u32, MessageSeed)>, MessageSeed), StepError> {
        let ahead = number
            .checked_sub(self.next_message)
            .ok_or(StepError::Passed)?;
        if ahead > MAX_FORWARD_JUMP {
            return Err(StepError::TooFar);
        }
        for _ in MAX_SKIPPED_KEYS..ahead {
            self.advance(self.next_message + 1);
        }
        let mut skipped = Vec::with_capacity((number - self.next_message) as usize);
        while self.next_message < number {
            let passed = self.next_message;
            skipped.push((passed, self.step().ok_or(StepError::TooFar)?));
        }
        Ok((skipped, self.step().ok_or(StepError::TooFar)?))
    }

    fn advance(&mut self, next_message: u32) {
        #[cfg(test)]
        derivations::count();
        self.key = HmacSha256::new(&self.key).of(&[&NEXT_KEY]);
        self.next_message = next_message;
    }
}

/// How many steps this thread made, for tests of how many a message may cost.
#[cfg(test)]
pub(super) mod derivations {
    use std::cell::Cell;

    thread_local!(static STEPS: Cell<u32> = const { Cell::new(0) });

    pub(super) fn count() {
        STEPS.set(STEPS.get() + 1);
    }

    pub(in crate::ratchet) fn of<T>(work: impl FnOnce() -> T) -> (u32, T) {
        let before = STEPS.get();
        let done = work();
        (STEPS.get() - before, done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> ChainKey {
        ChainKey::new([7; 32])
    }

    #[test]
    fn stepping_to_a_message_gives_the_seed_that_single_steps_give() {
        let mut single = chain();
        let fourth = (0..4).map(|_| single.step().unwrap().0).last();
        let (skipped, direct) = chain().step_to(3).unwrap();
        assert_eq!(
            skipped
                .iter()
                .map(|(number, _)| *number)
                .collect::<Vec<_>>(),
            [0, 1, 2]
        );
        assert_eq!(fourth, Some(direct.0));
    }

    #[test]
    fn no_two_messages_share_a_seed() {
        let (seeds, last) = chain().step_to(500).unwrap();
        let distinct: std::collections::HashSet<_> = seeds
            .iter()
            .map(|(_, seed)| seed.0)
            .chain([last.0])
            .collect();
        assert_eq!(distinct.len(), 501);
    }

    #[test]
    fn a_long_jump_keeps_the_newest_seeds() {
        let mut stepwise = chain();
        let expected: Vec<_> = (0..2_500).map(|_| stepwise.step().unwrap().0).collect();
        let (skipped, _) = chain().step_to(2_500).unwrap();
        assert_eq!(skipped.len(), 2_000);
        assert_eq!(skipped[0].0, 500);
        for (number, seed) in skipped {
            assert_eq!(seed.0, expected[number as usize]);
        }
    }

    #[test]
    fn a_passed_message_is_refused_and_the_chain_stays() {
        let mut chain = chain();
        chain.step();
        assert_eq!(chain.step_to(0).err(), Some(StepError::Passed));
        assert_eq!(chain.next_message(), 1);
    }

    #[test]
    fn a_jump_up_to_the_limit_is_taken_and_one_beyond_it_refused_without_work() {
        let mut chain = chain();
        assert_eq!(chain.step_to(25_001).err(), Some(StepError::TooFar));
        assert_eq!(chain.step_to(u32::MAX).err(), Some(StepError::TooFar));
        assert_eq!(chain.next_message(), 0);
        assert!(chain.step_to(25_000).is_ok());
    }

    #[test]
    fn the_last_number_ends_the_chain() {
        let mut chain = ChainKey::restore([7; 32], u32::MAX - 1);
        assert!(chain.step().is_some());
        assert!(chain.step().is_none());
        assert_eq!(chain.step_to(u32::MAX).err(), Some(StepError::TooFar));
    }
}
