//! Message, ratchet, mark against repeats and search tokens: written together.

use super::open::OpenedRow;
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
use sealwire_wire::contract::MessageRow;
use zeroize::Zeroizing;

impl Receiver<'_> {
    pub(super) fn commit(
        &mut self,
        tx: &mut Transaction<'_>,
        row: &MessageRow,
        opened: OpenedRow,
        placeholder: Option<LocalId>,
    ) -> Result<Outcome, EngineError> {
        self.commit_ratchet(tx, row, &opened)?;
        tx.ensure_thread(
            row.thread_id,
            ThreadKind::Direct,
            Some(&opened.peer),
            self.now,
        )?;
        let faults = self.check_order(tx, row, opened.body.prev)?;
        let message = new_message(row, &opened, self.now);
        let (id, recovered) = match placeholder {
            Some(id) => match tx.replace_placeholder(id, &message)? {
                Replaced::Readable => (id, true),
                Replaced::Duplicate(_) => return Ok(duplicate(row)),
            },
            None => match tx.insert_message(&message)? {
                Inserted::New(id) => (id, false),
                Inserted::Duplicate(_) => return Ok(duplicate(row)),
            },
        };
        let from = row.requeued_at.unwrap_or(row.created_at);
        note_expiry(tx, id, opened.body.ttl_seconds, from)?;
        let message = tx
            .message(id)?
            .ok_or_else(|| internal("a row just written is gone"))?;
        let message = Message::from_row(message);
        Ok(if recovered {
            Outcome::Recovered(message)
        } else {
            Outcome::Received(message, faults)
        })
    }

    fn commit_ratchet(
        &self,
        tx: &mut Transaction<'_>,
        row: &MessageRow,
        opened: &OpenedRow,
    ) -> Result<(), EngineError> {
        let (user, device, step) = (&row.sender_id, row.sender_device_id, &opened.ratchet);
        tx.save_session(
            user,
            device,
            opened.session_version,
            &step.record.to_bytes(),
        )?;
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
            self.forget_chain(tx, row, opened, chain)?;
        }
        let kept: Vec<_> = step.keep.iter().map(skipped_row).collect();
        tx.insert_skipped_keys(user, device, &kept)?;
        if let Some(id) = step.consumed_one_time {
            tx.delete_one_time_prekey(id)?;
        }
        if let Some(began) = step.began.filter(|began| !began.had_one_time) {
            tx.record_base_key(
                user,
                device,
                began.signed_prekey_id,
                &began.base_key.to_bytes(),
            )?;
        }
        Ok(())
    }

    /// A chain's keys go with it, whichever of the record's sessions it belonged to.
    fn forget_chain(
        &self,
        tx: &mut Transaction<'_>,
        row: &MessageRow,
        opened: &OpenedRow,
        chain: &RatchetKey,
    ) -> Result<(), EngineError> {
        let after = SessionRecord::sessions(&opened.ratchet.record);
        for session in opened.sessions_before.iter().copied().chain(after) {
            tx.delete_skipped_chain(
                &row.sender_id,
                row.sender_device_id,
                &session.to_bytes(),
                &chain.to_bytes(),
            )?;
        }
        Ok(())
    }
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
            Kind::Text(_) => MessageKind::Text,
            Kind::Attachment { .. } => MessageKind::Attachment,
            Kind::Unknown => MessageKind::Unknown,
        },
        state: MessageState::Received,
        reason: None,
        content: Some(opened.content.content_bytes.to_vec()),
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
