//! The engine that keeps nothing and promises nothing beyond the contract, for tests: entries of different threads come out
//! of a queue in an order drawn from a seed, so that nobody comes to rely on another.

mod accounts;
mod attachments;
mod controls;
mod failures;
mod inbox;
mod mailboxes;
mod marks;
mod messages;
mod prekeys;
mod privacy;
mod queues;
mod state;
mod upkeep;

use super::Pending;
use state::State;
use std::future::ready;
use std::sync::{Mutex, PoisonError};

/// Everything in memory.
pub struct Memory(Mutex<State>);

impl Memory {
    /// An empty relay whose free choices follow from `seed`.
    pub fn seeded(seed: u64) -> Self {
        Self(Mutex::new(State::seeded(seed)))
    }

    fn step<T: Send + 'static>(&self, step: impl FnOnce(&mut State) -> T) -> Pending<'_, T> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        Box::pin(ready(Ok(step(&mut state))))
    }
}
