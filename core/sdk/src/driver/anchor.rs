//! Puts the store's generation into the app's key store, again and again until it is there.

use super::{Inbox, Work};
use crate::key_store::{KeyStore, secrets};
use crate::runtime::Tasks;
use sealwire_engine::Input;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Nothing is sent before the engine knows that the newest generation is kept.
pub(crate) struct AnchorKeeper {
    key_store: Arc<dyn KeyStore>,
    inbox: Inbox,
    newest: Arc<AtomicU64>,
}

impl AnchorKeeper {
    pub(crate) fn new(key_store: Arc<dyn KeyStore>, inbox: Inbox) -> Self {
        Self {
            key_store,
            inbox,
            newest: Arc::default(),
        }
    }

    pub(crate) fn keep(&self, generation: u64, tasks: &Tasks) {
        self.newest.fetch_max(generation, Ordering::Relaxed);
        let (key_store, inbox, newest) = (
            Arc::clone(&self.key_store),
            self.inbox.clone(),
            Arc::clone(&self.newest),
        );
        let runtime = tasks.clone();
        tasks.spawn(async move {
            let mut wait = FIRST_WAIT;
            // A later generation must not be overtaken by an earlier one that failed before.
            while newest.load(Ordering::Relaxed) == generation {
                match secrets::put_anchor(&*key_store, generation).await {
                    Ok(()) => {
                        inbox.put(Work::Hand(Input::AnchorKept { generation }));
                        return;
                    }
                    Err(error) => tracing::warn!(%error, "the key store did not keep the anchor: nothing is sent yet"),
                }
                runtime.runtime().sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        });
    }
}
