//! A repeat of a send that had failed for somebody: it is on its way to them again.

use crate::service::expiry::tell_failures;
use crate::service::franking::Stamped;
use crate::service::{Answer, Service, Wake, Woken};
use crate::storage::{Requeue, Requeued, SendName};
use sealwire_wire::contract::{ErrorCode, FailedRecipient, SendMessage, SentMessage};
use sealwire_wire::limits::IDEMPOTENCY_TTL_MS;
use sealwire_wire::{IdempotencyKey, Timestamp, UserId};

/// A repeat so long after a message failed changes nothing any more.
const RETRY_MAX_MS: u64 = 24 * 60 * 60 * 1_000;

impl Service {
    /// Queues the repeat's envelopes for recipients that the message failed for. None if there is nobody to queue it for.
    pub(super) async fn requeue(
        &self,
        name: &SendName,
        key: &IdempotencyKey,
        message: &SendMessage,
        first: &SentMessage,
    ) -> Answer<Option<Woken<SentMessage>>> {
        let now = self.clock.now();
        let failures = self.storage.failures_of(first.thread_id, first.id).await?;
        let failed: Vec<UserId> = failures
            .into_iter()
            .filter(|failed| may_retry(failed, now))
            .map(|failed| failed.user_id)
            .collect();
        let envelopes: Vec<_> = message
            .envelopes
            .iter()
            .filter(|envelope| failed.contains(&envelope.user_id))
            .cloned()
            .collect();
        if envelopes.is_empty() {
            return Ok(None);
        }
        let caller = &name.sender;
        let record = self.own_thread(&caller.user_id, first.thread_id).await?;
        let _turn = self.list_locks.keep(&record.participants).await;
        if let Err(refusal) = self.check_welcome(&caller.user_id, &record).await {
            // What was accepted is answered as it was; it only goes no further.
            return match refusal.code() {
                ErrorCode::Blocked | ErrorCode::DirectMessagesClosed => Ok(None),
                _ => Err(refusal),
            };
        }
        self.check_devices_of(&failed, &envelopes).await?;
        let (thread, id) = (first.thread_id, first.id);
        let Some(row) = self.storage.message(thread, id, caller.clone()).await? else {
            return Ok(None);
        };
        // Above the times before, also when the clock has stepped back: each has a stamp of its own.
        let before = first.requeued_at.unwrap_or(first.created_at);
        let at = Timestamp(now.0.max(before.0.saturating_add(1)));
        let stamp = self.franking.stamp(&Stamped {
            commitment: &row.commitment,
            sender: caller,
            thread: first.thread_id,
            message: first.id,
            revision: 0,
            at,
        })?;
        let step = Requeue {
            name: name.clone(),
            ciphertext: message.ciphertext.clone(),
            stamp,
            envelopes,
            at,
            key: key.clone(),
            key_expires_at: now.plus_ms(IDEMPOTENCY_TTL_MS),
        };
        let requeued = self.storage.requeue(step).await?;
        Ok(requeued.map(|requeued| {
            let Requeued {
                answer,
                told,
                failures,
            } = requeued;
            Woken {
                answer,
                wake: Wake {
                    queues: told,
                    live: tell_failures(failures),
                    ..Wake::default()
                },
            }
        }))
    }
}

fn may_retry(failed: &FailedRecipient, now: Timestamp) -> bool {
    failed.reason.is_some() && now.since_ms(failed.at) < RETRY_MAX_MS
}
