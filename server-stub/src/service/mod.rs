//! The contract's rules. Clock and randomness are handed in, storage is a trait, and no runtime or network is needed.
//!
//! A request comes in as its contract type and goes out as one, or as a [`Refusal`] that is the problem to answer with.
//! Steps that reach other devices also say whom to [`Wake`].

mod attachments;
mod challenges;
mod controls;
mod cursor;
mod entry_ids;
mod expiry;
mod franking;
mod history;
mod inbox;
mod list_locks;
mod lists;
mod live_devices;
mod mailboxes;
mod marks;
mod own_devices;
mod polling;
mod prekeys;
mod privacy;
mod public_data;
mod push;
mod queues;
mod refusal;
mod registration;
mod relay_key;
mod rules;
mod seams;
mod sends;
mod sweep;
mod thread_places;
mod threads;
mod wake;

#[cfg(test)]
pub(crate) mod tests;

pub use attachments::AttachmentFacts;
pub use history::HistoryQuery;
pub use lists::Publisher;
pub use marks::{MarksCursor, MarksPage};
pub use push::{Push, Pushed, PushedMessage};
pub use queues::{ACKNOWLEDGE_MAX, QueuePosition, QueuedEvent, QueuedPage};
pub use refusal::{Answer, Refusal};
pub use rules::Rules;
pub use seams::{Clock, NoRandomness, Random, SystemClock, SystemRandom};
pub use sweep::Swept;
pub use threads::CreatedThread;
pub use wake::{LiveEvent, Wake, Woken};

use crate::storage::Storage;
use franking::FrankingKey;
use list_locks::ListLocks;
use live_devices::LiveDevices;
use privacy::KeptPrivacy;
use relay_key::RelayKey;
use std::sync::Arc;
use thread_places::ThreadPlaces;

/// The relay without its network: every rule of the contract over a [`Storage`].
pub struct Service {
    storage: Arc<dyn Storage>,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    rules: Rules,
    franking: FrankingKey,
    /// Marks what only this relay can have given out: nonces and cursors.
    relay_key: RelayKey,
    list_locks: ListLocks,
    live_devices: LiveDevices,
    thread_places: ThreadPlaces,
    kept_privacy: KeptPrivacy,
    /// Held while one-time prekeys are taken, where the deployment demands them.
    prekey_turn: tokio::sync::Mutex<()>,
    /// Held while the signatures of an upload are verified.
    signatures_turn: tokio::sync::Mutex<()>,
}

impl Service {
    /// A service over this storage. Makes the relay's keys at the first start, and finishes what a crash cut short.
    pub async fn start(
        storage: Arc<dyn Storage>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        rules: Rules,
    ) -> Answer<Self> {
        let franking = FrankingKey::first(secret(&*storage, &*random, FrankingKey::NAME).await?);
        let relay_key = RelayKey::new(secret(&*storage, &*random, RelayKey::NAME).await?);
        let service = Self {
            storage,
            clock,
            random,
            rules,
            franking,
            relay_key,
            list_locks: ListLocks::new(),
            live_devices: LiveDevices::default(),
            thread_places: ThreadPlaces::default(),
            kept_privacy: KeptPrivacy::default(),
            prekey_turn: tokio::sync::Mutex::default(),
            signatures_turn: tokio::sync::Mutex::default(),
        };
        service.queue_what_is_due().await?;
        Ok(service)
    }

    fn random_bytes<const N: usize>(&self) -> Answer<[u8; N]> {
        let mut bytes = [0; N];
        self.random.fill(&mut bytes)?;
        Ok(bytes)
    }
}

async fn secret(storage: &dyn Storage, random: &dyn Random, name: &str) -> Answer<[u8; 32]> {
    let mut fresh = [0; 32];
    random.fill(&mut fresh)?;
    Ok(storage.secret(name.to_owned(), fresh).await?)
}
