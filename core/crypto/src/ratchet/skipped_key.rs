//! A key of a message that the chain has passed: kept as a row of the store until the message comes.
//!
//! Double Ratchet, revision 4, section 2.6 (`MKSKIPPED`).

use super::chain_key::MessageSeed;
use crate::keys::{BaseKey, RatchetKey};

/// One row: found again by the ratchet key and counter that the late message shows.
#[derive(Clone)]
pub struct SkippedKey {
    session: BaseKey,
    ratchet_key: RatchetKey,
    counter: u32,
    seed: MessageSeed,
}

impl SkippedKey {
    /// A row as the store held it.
    pub fn new(session: BaseKey, ratchet_key: RatchetKey, counter: u32, seed: &[u8; 32]) -> Self {
        Self::of_seed(session, ratchet_key, counter, MessageSeed(*seed))
    }

    pub(super) fn of_seed(
        session: BaseKey,
        ratchet_key: RatchetKey,
        counter: u32,
        seed: MessageSeed,
    ) -> Self {
        Self {
            session,
            ratchet_key,
            counter,
            seed,
        }
    }

    /// The session that the message belongs to.
    pub fn session(&self) -> BaseKey {
        self.session
    }

    /// The chain that the message belongs to.
    pub fn ratchet_key(&self) -> RatchetKey {
        self.ratchet_key
    }

    /// The message's number in its chain.
    pub fn counter(&self) -> u32 {
        self.counter
    }

    /// The secret: for the encrypted store and nothing else.
    pub fn seed_bytes(&self) -> &[u8; 32] {
        &self.seed.0
    }

    pub(super) fn seed(&self) -> &MessageSeed {
        &self.seed
    }
}
