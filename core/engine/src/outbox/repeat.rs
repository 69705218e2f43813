//! Sending once more what the relay has, for recipients that it did not reach: the same bytes under the same number, with
//! fresh envelopes for those alone.

use super::dispatch::name;
use super::enqueue::{searchable, stored_kind};
use crate::expiry::{LifetimeClock, note_expiry};
use crate::fanout::Recipient;
use crate::view::draft_content;
use crate::{Engine, EngineError, Reply};
use sealwire_store::{
    LocalId, MessageKind, NewUnreached, OutboxEntry, OutboxState, Rows, Transaction,
};
use sealwire_wire::UserId;
use sealwire_wire::content::Body;
use sealwire_wire::contract::{RecipientState, SentMessage};
use sealwire_wire::limits::IDEMPOTENCY_TTL_MS;
use std::collections::BTreeSet;

impl Engine {
    pub(super) fn repeat(&mut self, id: LocalId) -> Result<Reply, EngineError> {
        let users = unreached(&self.store, id)?;
        if users.is_empty() {
            return Err(EngineError::NotFailed);
        }
        let entry = self.store.outbox_entry(id)?;
        let entry = entry.ok_or(EngineError::RepeatTooLate)?;
        if entry.state == OutboxState::Repeating {
            return self.queued(id);
        }
        let (now, passed) = (self.now, self.lifetime.clock.now());
        let over = entry
            .sent_at
            .is_none_or(|at| passed.since_ms(at) >= IDEMPOTENCY_TTL_MS);
        if over || entry.sealed.is_none() {
            return Err(EngineError::RepeatTooLate);
        }
        self.store
            .transaction(|tx| tx.set_outbox_repeating(id, &users, passed, now))?;
        self.queued(id)
    }

    /// Wraps for the devices of those whom it did not reach; whether all of them are, or are passed over.
    pub(super) fn wrap_for_repeat(
        &mut self,
        head: &OutboxEntry,
        devices: &[Recipient],
    ) -> Result<bool, EngineError> {
        let users = unreached(&self.store, head.local_id)?;
        let held = self.store.outbox_envelopes(head.local_id)?;
        let wrapped: BTreeSet<_> = held
            .iter()
            .map(|envelope| (&envelope.user, envelope.device))
            .collect();
        let without: Vec<_> = devices
            .iter()
            .filter(|device| users.contains(&device.user))
            .filter(|device| !wrapped.contains(&(&device.user, device.device)))
            .filter(|device| !self.outbox.not_live.contains(&name(device)))
            .cloned()
            .collect();
        let Some(ready) = self.with_sessions(without)? else {
            return Ok(false);
        };
        if !ready.is_empty() {
            self.wrap_again(head, &ready)?;
        }
        Ok(true)
    }
}

/// The relay put it into the queues of those whom it did not reach.
pub(super) fn note_requeued(
    tx: &mut Transaction<'_>,
    entry: &OutboxEntry,
    sent: &SentMessage,
) -> Result<(), EngineError> {
    let Some(at) = sent.requeued_at else {
        return Ok(());
    };
    for user in unreached(tx, entry.local_id)? {
        tx.note_unreached(&NewUnreached {
            thread: entry.thread,
            message: sent.id,
            user,
            reason: None,
            at,
        })?;
    }
    Ok(())
}

/// The relay has it, and its time to live runs from then; one whose time was over before a repeat is there again.
pub(super) fn note_time(
    tx: &mut Transaction<'_>,
    entry: &OutboxEntry,
    sent: &SentMessage,
    lifetime: &LifetimeClock,
) -> Result<(), EngineError> {
    let Ok(body) = Body::decode(&entry.body) else {
        return Ok(());
    };
    let id = entry.local_id;
    let held = tx.message(id)?.ok_or(EngineError::UnknownMessage)?;
    if held.kind == MessageKind::Tombstone {
        let (Some(_), Some(kind)) = (sent.requeued_at, stored_kind(&body.kind)) else {
            return Ok(());
        };
        let text = searchable(&body.kind);
        tx.restore_expired(id, kind, &draft_content(&entry.body), text.as_deref())?;
    }
    let from = sent.requeued_at.unwrap_or(sent.created_at);
    note_expiry(tx, id, body.ttl_seconds, lifetime, from)
}

/// Recipients whom a message did not reach, as the relay last said.
fn unreached(rows: &Rows, id: LocalId) -> Result<Vec<UserId>, EngineError> {
    let receipts = rows.receipts(id)?.into_iter();
    Ok(receipts
        .filter(|receipt| receipt.state == RecipientState::Failed)
        .map(|receipt| receipt.user_id)
        .collect())
}
