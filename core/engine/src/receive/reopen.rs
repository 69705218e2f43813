//! Placeholders and what opens them: the plaintext of the envelope comes from the sender's device in a control message,
//! and is held to everything that an envelope is held to.

use super::classify::Refusal;
use super::open::Origin;
use super::{NUMBER_MAX, Outcome, Receiver};
use crate::{EngineError, Message, UnreadableReason};
use sealwire_crypto::envelope::EnvelopePlaintext;
use sealwire_store::{LocalId, MessageKind, NewUnreadRow, SecretBytes, Transaction, UnreadRow};
use sealwire_wire::contract::{MessageRow, read_json};
use sealwire_wire::control::{MessageName, ResendAnswer};
use sealwire_wire::{ClientSeq, ThreadId};

/// Messages that may become readable: whoever floods with unreadable ones is not asked for what is too much.
const UNREAD_MAX: u64 = 10_000;
/// Of so many the row is kept as it was delivered; of more it is fetched again once it can be opened.
const UNREAD_KEPT_MAX: u64 = 500;

impl Receiver<'_> {
    /// Keeps what is needed to read this message later.
    pub(super) fn keep_to_ask_for(
        &self,
        tx: &mut Transaction<'_>,
        row: &MessageRow,
        id: LocalId,
    ) -> Result<(), EngineError> {
        let held = tx.count_unread_rows()?;
        if held >= UNREAD_MAX && tx.unread_row(id)?.is_none() {
            return Ok(());
        }
        // Its envelope opens nothing.
        let row = MessageRow {
            envelope: None,
            ..row.clone()
        };
        let bytes = serde_json::to_vec(&row).map_err(crate::account::internal)?;
        tx.keep_unread_row(&NewUnreadRow {
            local_id: id,
            user: row.sender_id,
            device: row.sender_device_id,
            row: (held < UNREAD_KEPT_MAX).then_some(bytes),
            received_at: self.now,
        })?;
        Ok(())
    }

    /// What the sender's device answered: each message takes its place, or its placeholder says what it is now.
    pub(super) fn take_answer(
        &mut self,
        tx: &mut Transaction<'_>,
        origin: Origin<'_>,
        answer: &ResendAnswer,
    ) -> Result<Vec<Outcome>, EngineError> {
        let mut outcomes = Vec::new();
        for envelope in &answer.envelopes {
            outcomes.extend(self.take_envelope(tx, origin, envelope)?);
        }
        for name in &answer.unavailable {
            outcomes.extend(self.give_up(tx, origin, name)?);
        }
        Ok(outcomes)
    }

    /// A row whose answer is here already, in place of one that was not the true one.
    pub(super) fn open_with_answer(
        &mut self,
        tx: &mut Transaction<'_>,
        row: &MessageRow,
        id: LocalId,
    ) -> Result<Option<Outcome>, EngineError> {
        let held = tx.unread_row(id)?;
        let Some(answer) = held.and_then(|held| held.answer) else {
            return Ok(None);
        };
        match self.open_row_with(tx, row, &answer) {
            Ok(opened) => self.commit(tx, row, opened, Some(id)).map(Some),
            Err(Refusal::Failed(error)) => Err(error),
            Err(_) => Ok(None),
        }
    }

    fn take_envelope(
        &mut self,
        tx: &mut Transaction<'_>,
        origin: Origin<'_>,
        envelope: &SecretBytes,
    ) -> Result<Option<Outcome>, EngineError> {
        let Ok(plaintext) = EnvelopePlaintext::decode(envelope) else {
            return Ok(None);
        };
        let name = MessageName {
            thread_id: ThreadId::from_bytes(plaintext.thread_id),
            client_seq: ClientSeq(plaintext.client_seq),
            revision: plaintext.revision,
        };
        let Some((id, unread)) = self.asked_for(tx, origin, &name)? else {
            return Ok(None);
        };
        let row = unread
            .row
            .and_then(|row| read_json::<MessageRow>(&row).ok());
        let Some(row) = row else {
            tx.keep_answer(id, envelope, self.now)?;
            return Ok(None);
        };
        match self.open_row_with(tx, &row, envelope) {
            Ok(opened) => self.commit(tx, &row, opened, Some(id)).map(Some),
            Err(Refusal::Failed(error)) => Err(error),
            Err(Refusal::NeedsList(reason, version, _)) => {
                tx.keep_answer(id, envelope, self.now)?;
                self.park(tx, &row, reason, version).map(Some)
            }
            // Not the row that was sent, if the sender's device is honest: the true one may still be had.
            Err(Refusal::Unreadable(reason)) => {
                tx.set_placeholder_reason(id, reason.as_str())?;
                tx.keep_answer(id, envelope, self.now)?;
                Ok(None)
            }
            Err(Refusal::AskResend(_) | Refusal::NeedsConsent) => Ok(None),
        }
    }

    fn give_up(
        &mut self,
        tx: &mut Transaction<'_>,
        origin: Origin<'_>,
        name: &MessageName,
    ) -> Result<Option<Outcome>, EngineError> {
        let Some((id, _)) = self.asked_for(tx, origin, name)? else {
            return Ok(None);
        };
        tx.set_placeholder_reason(id, UnreadableReason::NoLongerHeld.as_str())?;
        tx.delete_unread_row(id)?;
        Ok(tx
            .message(id)?
            .map(Message::from_row)
            .map(Outcome::Unreadable))
    }

    /// The placeholder of a message of that device which was not answered yet.
    fn asked_for(
        &self,
        tx: &Transaction<'_>,
        origin: Origin<'_>,
        name: &MessageName,
    ) -> Result<Option<(LocalId, UnreadRow)>, EngineError> {
        if name.client_seq.0 > NUMBER_MAX {
            return Ok(None);
        }
        let held =
            tx.message_by_client_seq(name.thread_id, origin.user, origin.device, name.client_seq)?;
        let Some(held) = held
            .filter(|held| held.kind == MessageKind::Placeholder && held.revision == name.revision)
        else {
            return Ok(None);
        };
        let unread = tx.unread_row(held.local_id)?;
        Ok(unread
            .filter(|unread| unread.answer.is_none())
            .map(|unread| (held.local_id, unread)))
    }

    fn open_row_with(
        &mut self,
        tx: &Transaction<'_>,
        row: &MessageRow,
        envelope: &SecretBytes,
    ) -> Result<super::open::OpenedRow, Refusal> {
        self.sender(tx, Origin::of(row))?;
        let plaintext = EnvelopePlaintext::decode(envelope)
            .map_err(|_| Refusal::Unreadable(UnreadableReason::Malformed))?;
        self.open_content(tx, row, &plaintext)
    }
}
