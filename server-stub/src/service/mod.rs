//! The contract's rules. Clock and randomness are handed in, storage is a trait, and no runtime or network is needed.
//!
//! A request comes in as its contract type and goes out as one, or as a [`Refusal`] that is the problem to answer with.
//! Steps that reach other devices also say whom to [`Wake`].

#![allow(unused_variables, dead_code, reason = "the rules are being filled in")]

mod attachments;
mod challenges;
mod history;
mod lists;
mod mailboxes;
mod prekeys;
mod queues;
mod refusal;
mod registration;
mod rules;
mod seams;
mod sends;
mod sweep;
mod threads;
mod wake;

pub use attachments::AttachmentFacts;
pub use history::HistoryQuery;
pub use lists::{LISTS_PER_ANSWER, Publisher};
pub use queues::{ACKNOWLEDGE_MAX, QueuePage, QueuePosition, QueuedEvent};
pub use refusal::{Answer, Refusal};
pub use rules::Rules;
pub use seams::{Clock, NoRandomness, Random, SystemClock, SystemRandom};
pub use sweep::Swept;
pub use threads::CreatedThread;
pub use wake::{Wake, Woken};

use crate::storage::Storage;
use std::sync::Arc;

/// The relay without its network: every rule of the contract over a [`Storage`].
pub struct Service {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    rules: Rules,
}

impl Service {
    /// A service over this storage. Makes the relay's keys at the first start, and finishes what a crash cut short.
    pub async fn start(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        rules: Rules,
    ) -> Answer<Self> {
        Ok(Self {
            storage,
            clock,
            random,
            rules,
        })
    }

    /// A secret of this relay that is made at the first start and kept with its data, by name: 32 random bytes.
    pub async fn secret(&self, name: &str) -> Answer<[u8; 32]> {
        let _ = (name, &self.storage, &self.clock, &self.random, &self.rules);
        Err(Refusal::new(
            sealwire_wire::contract::ErrorCode::Unavailable,
            "not served yet",
        ))
    }
}
