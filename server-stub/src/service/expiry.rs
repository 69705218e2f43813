//! The end of messages that have a time to live, and the word that goes out on those that did not reach somebody.

use super::{Answer, LiveEvent, Service, Wake};
use crate::storage::Failure;
use sealwire_wire::ThreadId;
use sealwire_wire::UserId;
use sealwire_wire::contract::{ServerEvent, ThreadMarks};
use std::collections::BTreeMap;

/// Messages looked for at once.
const BATCH: u32 = 200;
/// After so many batches the rest waits for the next call.
const BATCHES: usize = 50;

impl Service {
    /// Turns messages whose time to live is over into tombstones. To be called every second. Where some could not be, those that
    /// could are told all the same.
    pub async fn expire_messages(&self) -> Answer<Wake> {
        let mut wake = Wake::default();
        let mut failed = None;
        for _ in 0..BATCHES {
            let now = self.clock.now();
            let expired = match self.storage.expired_messages(now, BATCH).await {
                Ok(expired) => expired,
                Err(error) => {
                    failed = Some(error);
                    break;
                }
            };
            let is_last = expired.len() < BATCH as usize;
            // All asked for at once, so that they share a commit.
            let steps: Vec<_> = expired
                .into_iter()
                .map(|(thread, id)| self.storage.expire_message(thread, id, now))
                .collect();
            for step in steps {
                match step.await {
                    Ok(ended) => {
                        wake.queues.extend(ended.told);
                        wake.live.extend(tell_failures(ended.failures));
                    }
                    Err(error) => failed = Some(error),
                }
            }
            if is_last || failed.is_some() {
                break;
            }
        }
        if let Some(error) = failed {
            if wake == Wake::default() {
                return Err(error.into());
            }
            tracing::warn!(%error, "some messages outlive their time");
        }
        wake.queues.sort();
        wake.queues.dedup();
        Ok(wake)
    }
}

/// What the sender's open sockets are told; others find it at their catch-up.
pub(super) fn tell_failures(failures: Vec<Failure>) -> Vec<LiveEvent> {
    let mut by_sender: BTreeMap<(UserId, ThreadId), Vec<_>> = BTreeMap::new();
    for failure in failures {
        let place = (failure.sender_id, failure.thread_id);
        by_sender.entry(place).or_default().push(failure.failed);
    }
    by_sender
        .into_iter()
        .map(|((sender, thread_id), failed)| LiveEvent {
            to: vec![sender],
            except: None,
            event: ServerEvent::Marks {
                marks: Box::new(ThreadMarks {
                    thread_id,
                    marks: Vec::new(),
                    failed,
                }),
            },
        })
        .collect()
}
