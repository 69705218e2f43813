//! Threads as last read, with the newest id that was minted in each: a send needs both, and neither changes but by a send.
//!
//! Kept inside the one process that serves a data folder. Storage has the last word on an id: one that is passed is minted anew.

use crate::storage::ThreadRecord;
use sealwire_wire::{MessageId, ThreadId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// With more threads than this all are forgotten, and read anew.
const THREADS_MAX: usize = 50_000;

/// Threads that were sent to.
#[derive(Default)]
pub(super) struct ThreadPlaces(Mutex<HashMap<ThreadId, Known>>);

struct Known {
    record: Arc<ThreadRecord>,
    last: Option<MessageId>,
}

impl ThreadPlaces {
    pub(super) fn record(&self, thread: ThreadId) -> Option<Arc<ThreadRecord>> {
        self.lock()
            .get(&thread)
            .map(|known| Arc::clone(&known.record))
    }

    /// Keeps a thread that storage has.
    pub(super) fn keep(&self, record: &Arc<ThreadRecord>) {
        let mut threads = self.lock();
        if threads.len() >= THREADS_MAX {
            threads.clear();
        }
        threads.entry(record.id).or_insert_with(|| Known {
            record: Arc::clone(record),
            last: record.last_id,
        });
    }

    /// An id above every one that was minted here for the thread, and above `last`: the fresh one if it is; none when ids
    /// have run out.
    pub(super) fn mint(
        &self,
        thread: ThreadId,
        fresh: MessageId,
        last: Option<MessageId>,
    ) -> Option<MessageId> {
        let mut threads = self.lock();
        let mut known = threads.get_mut(&thread);
        let minted = known.as_ref().and_then(|known| known.last);
        let id = match minted.max(last) {
            Some(last) if fresh <= last => {
                last.as_u128().checked_add(1).map(MessageId::from_u128)?
            }
            _ => fresh,
        };
        if let Some(known) = &mut known {
            known.last = Some(id);
        }
        Some(id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ThreadId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
