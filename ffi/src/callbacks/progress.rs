//! How far a transfer is.

use super::CallbackError;
use crate::records::Progress;
use crate::running;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// So many steps wait for a slow listener; of more the newest counts.
const WAITING: usize = 64;

/// Is told how far a transfer is, one step after the other, on a thread of the library's that may be blocked. The call waits for it.
#[uniffi::export(foreign)]
pub trait ProgressListener: Send + Sync {
    /// So far.
    fn on_progress(&self, progress: Progress) -> Result<(), CallbackError>;
}

/// Tells a listener what a transfer says. Not on the client's own threads: whoever is told may close the client, and wait for it.
#[derive(Clone)]
pub(crate) struct Teller {
    listener: Option<Arc<dyn ProgressListener>>,
    steps: Arc<Mutex<VecDeque<Progress>>>,
    /// Whether somebody tells; set with the steps held.
    telling: Arc<watch::Sender<bool>>,
}

impl Teller {
    pub(crate) fn new(listener: Option<Arc<dyn ProgressListener>>) -> Self {
        Self {
            listener,
            steps: Arc::default(),
            telling: Arc::new(watch::Sender::new(false)),
        }
    }

    /// For the transfer. It goes on, whatever the listener does.
    pub(crate) fn hears(&self) -> impl Fn(sealwire::Progress) + Send + Sync + use<> {
        let teller = self.clone();
        move |progress| teller.put(progress.into())
    }

    /// Until the listener was told everything.
    pub(crate) async fn has_told(&self) {
        // This one holds the sender: it ends in no other way.
        let _ = self.telling.subscribe().wait_for(|telling| !telling).await;
    }

    fn put(&self, progress: Progress) {
        let (Some(listener), Ok(runtime)) = (&self.listener, running::runtime()) else {
            return;
        };
        let mut steps = self.steps();
        if steps.len() == WAITING {
            steps.pop_back();
        }
        steps.push_back(progress);
        if !self.telling.send_replace(true) {
            let (teller, listener) = (self.clone(), Arc::clone(listener));
            runtime.spawn_blocking(move || {
                while let Some(progress) = teller.next() {
                    if let Err(error) = listener.on_progress(progress) {
                        tracing::debug!(%error, "the app's progress listener failed");
                    }
                }
            });
        }
    }

    fn next(&self) -> Option<Progress> {
        let mut steps = self.steps();
        let next = steps.pop_front();
        if next.is_none() {
            self.telling.send_replace(false);
        }
        next
    }

    fn steps(&self) -> MutexGuard<'_, VecDeque<Progress>> {
        // What it guards is put or taken whole.
        self.steps.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
