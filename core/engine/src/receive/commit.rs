//! Message, ratchet, mark against repeats and search tokens: written together.

use super::open::{OpenedEnvelope, OpenedRow, Origin};
use super::{Outcome, Receiver, duplicate};
use crate::account::internal;
use crate::expiry::note_expiry;
use crate::outbox::searchable;
use crate::{EngineError, Message};
use sealwire_crypto::keys::RatchetKey;
use sealwire_crypto::ratchet::{SessionRecord, SkippedKey};
use sealwire_store::{
    Inserted, LocalId, MessageKind, MessageState, NewMessage, Replaced, SkippedKeyRow, ThreadKind,
    Transaction,
};
use sealwire_wire::content::Kind;
use sealwire_wire::contract::{MessageKind as ContractKind, MessageRow};
use zeroize::Zeroizing;

impl Receiver<'_> {
    pub(super) fn commit(
        &mut self,
        tx: &mut Transaction<'_>,
        row: &MessageRow,
        opened: OpenedRow,
        placeholder: Option<LocalId>,
    ) -> Result<Outcome, EngineError> {
        if let Some(envelope) = &opened.envelope {
            self.commit_ratchet(tx, Origin::of(row), envelope)?;
        }
        if self.lease.meets(row.thread_id) {
            let peer = Some(&opened.peer);
            tx.ensure_thread(row.thread_id, ThreadKind::Direct, peer, self.now)?;
        }
        let faults = self.check_order(tx, row, opened.body.prev)?;
        let message = new_message(row, &opened, self.now);
        let from = row.requeued_at.unwrap_or(row.created_at);
        let ttl = opened.body.ttl_seconds;
        if let Some(id) = placeholder {
            self.lease.forget_ends();
            tx.delete_unread_row(id)?;
            return match tx.replace_placeholder(id, &message)? {
                Replaced::Readable => {
                    note_expiry(tx, id, ttl, &self.lifetime, from)?;
                    Ok(Outcome::Recovered(written(tx, id)?))
                }
                Replaced::Duplicate(_) => Ok(duplicate(row)),
            };
        }
        let (id, as_it_came) = match tx.insert_new(&message)? {
            Some(id) => {
                let (user, device) = (&row.sender_id, row.sender_device_id);
                let (number, digest) = (row.client_seq, opened.digest);
                self.lease.put(row.thread_id, user, device, number, digest);
                (id, row.sender_id != self.me.user)
            }
            None => {
                self.lease.forget_ends();
                match tx.insert_message(&message)? {
                    Inserted::New(id) => (id, false),
                    Inserted::Duplicate(_) => return Ok(duplicate(row)),
                }
            }
        };
        note_expiry(tx, id, ttl, &self.lifetime, from)?;
        let message = if as_it_came {
            Message::from_row(sealwire_store::Message::of_somebody_else(id, message))
        } else {
            written(tx, id)?
        };
        Ok(Outcome::Received(message, faults))
    }

    pub(super) fn commit_ratchet(
        &mut self,
        tx: &mut Transaction<'_>,
        origin: Origin<'_>,
        opened: &OpenedEnvelope,
    ) -> Result<(), EngineError> {
        let (Origin { user, device }, step) = (origin, &opened.ratchet);
        self.lease.step(tx, user, device, step.record.clone())?;
        if let (Some((ratchet_key, counter)), Some((session, _, _))) = (step.forget, opened.used) {
            tx.delete_skipped_key(
                user,
                device,
                &session.to_bytes(),
                &ratchet_key.to_bytes(),
                counter,
            )?;
        }
        for chain in &step.forget_chains {
            self.forget_chain(tx, origin, opened, chain)?;
        }
        if !step.keep.is_empty() {
            let kept: Vec<_> = step.keep.iter().map(skipped_row).collect();
            tx.insert_skipped_keys(user, device, &kept)?;
        }
        if let Some(id) = step.consumed_one_time {
            tx.delete_one_time_prekey(id)?;
        }
        if let Some(id) = step.consumed_one_time_kem {
            tx.delete_kem_prekey(id)?;
        }
        if let Some(began) = step.began.filter(|began| !began.had_one_time) {
            tx.record_base_key(
                user,
                device,
                began.signed_prekey_id,
                began.kem_prekey_id,
                &began.base_key.to_bytes(),
            )?;
        }
        Ok(())
    }

    /// A chain's keys go with it, whichever of the record's sessions it belonged to.
    fn forget_chain(
        &self,
        tx: &mut Transaction<'_>,
        origin: Origin<'_>,
        opened: &OpenedEnvelope,
        chain: &RatchetKey,
    ) -> Result<(), EngineError> {
        let after = SessionRecord::sessions(&opened.ratchet.record);
        for session in opened.sessions_before.iter().copied().chain(after) {
            tx.delete_skipped_chain(
                origin.user,
                origin.device,
                &session.to_bytes(),
                &chain.to_bytes(),
            )?;
        }
        Ok(())
    }
}

fn written(tx: &Transaction<'_>, id: LocalId) -> Result<Message, EngineError> {
    let message = tx.message(id)?;
    let message = message.ok_or_else(|| internal("a row just written is gone"))?;
    Ok(Message::from_row(message))
}

fn new_message(row: &MessageRow, opened: &OpenedRow, now: sealwire_wire::Timestamp) -> NewMessage {
    NewMessage {
        thread: row.thread_id,
        sender: row.sender_id.clone(),
        sender_device: row.sender_device_id,
        client_seq: row.client_seq,
        revision: row.revision,
        message_id: Some(row.id),
        uid: Some(opened.body.uid),
        kind: match opened.body.kind {
            _ if row.kind == ContractKind::Reaction => MessageKind::Reaction,
            Kind::Text(_) => MessageKind::Text,
            Kind::Attachment { .. } => MessageKind::Attachment,
            Kind::Unknown => MessageKind::Unknown,
        },
        state: MessageState::Received,
        reason: None,
        content: Some(opened.content.content_bytes.clone()),
        text: searchable(&opened.body.kind),
        commitment: Some(row.commitment.0),
        stamp: Some(row.stamp.clone()),
        digest: Some(opened.digest),
        prev: opened.body.prev,
        created_at: Some(row.created_at),
        local_at: now,
    }
}

fn skipped_row(key: &SkippedKey) -> SkippedKeyRow {
    SkippedKeyRow {
        base_key: key.session().to_bytes(),
        ratchet_key: key.ratchet_key().to_bytes(),
        counter: key.counter(),
        seed: Zeroizing::new(*key.seed_bytes()),
    }
}
