//! Cancelling: what never left is gone at once; of what may have left, the relay says whether it has it.

use super::is_final_code;
use crate::requests::{Answer, Outgoing, Purpose};
use crate::{Engine, EngineError, Event, Message, MessageState, Reply};
use sealwire_store::{LocalId, OutboxEntry, OutboxState};
use sealwire_wire::ThreadId;
use sealwire_wire::contract::VoidedSend;

impl Engine {
    /// The message as it stands after this: cancelled, or to be settled with the relay, also after a restart.
    pub(crate) fn cancel(&mut self, local_id: i64) -> Result<Reply, EngineError> {
        let (id, now) = (LocalId(local_id), self.now);
        let held = self.store.message(id)?.ok_or(EngineError::UnknownMessage)?;
        let held = Message::from_row(held);
        if matches!(
            held.state,
            MessageState::Cancelling | MessageState::Cancelled
        ) {
            return Ok(Reply::Queued(Box::new(held)));
        }
        let entry = self.store.outbox_entry(id)?.ok_or(match held.state {
            MessageState::Received => EngineError::UnknownMessage,
            _ => EngineError::AlreadySent,
        })?;
        match (entry.state, &entry.sealed) {
            (OutboxState::Sent | OutboxState::Repeating, _) => Err(EngineError::AlreadySent),
            // It is sealed right before it first leaves.
            (_, None) => {
                self.store.transaction(|tx| tx.cancel_message(id))?;
                self.show(id, Event::MessageCancelled);
                self.as_it_stands(id)
            }
            (_, Some(_)) => {
                self.store.transaction(|tx| -> Result<(), EngineError> {
                    tx.begin_to_cancel_message(id)?;
                    Ok(tx.set_outbox_cancelling(id, now)?)
                })?;
                self.outbox.repairs.remove(&id);
                self.as_it_stands(id)
            }
        }
    }

    /// Asks the relay for the message, or never to take it.
    pub(super) fn ask_to_void(&mut self, entry: &OutboxEntry) {
        self.outbox.in_flight.insert(entry.thread);
        let (thread, client_seq) = (entry.thread, entry.client_seq.0);
        let purpose = Purpose::Void {
            local_id: entry.local_id,
            thread,
        };
        let path = format!("/v1/threads/{thread}/sends/{client_seq}/void");
        self.request(Outgoing::post(path, purpose));
    }

    pub(crate) fn on_void_answer(&mut self, local_id: LocalId, thread: ThreadId, answer: Answer) {
        self.outbox.in_flight.remove(&thread);
        let Ok(Some(entry)) = self.store.outbox_entry(local_id) else {
            return;
        };
        self.note_whether_heard(local_id, &answer);
        // History may have settled it meanwhile.
        if entry.state != OutboxState::Cancelling {
            return;
        }
        match answer.read::<VoidedSend>() {
            Ok(VoidedSend {
                message: Some(sent),
            }) => self.on_sent(&entry, &sent),
            Ok(VoidedSend { message: None }) => self.is_cancelled(&entry),
            Err(EngineError::Relay { code, .. }) if is_final_code(code) => {
                // Not sent any more, and not known never to arrive: the app may ask again.
                self.give_up(&entry, code.as_str());
            }
            Err(error) => self.rest(&entry, error.retry_after_ms()),
        }
    }

    /// The relay does not have it and never takes it.
    pub(super) fn is_cancelled(&mut self, entry: &OutboxEntry) {
        let id = entry.local_id;
        match self.store.transaction(|tx| tx.cancel_message(id)) {
            Ok(()) => {
                self.outbox.repairs.remove(&id);
                self.show(id, Event::MessageCancelled);
            }
            Err(_) => self.rest(entry, None),
        }
    }

    fn as_it_stands(&self, id: LocalId) -> Result<Reply, EngineError> {
        let row = self.store.message(id)?.ok_or(EngineError::UnknownMessage)?;
        Ok(Reply::Queued(Box::new(Message::from_row(row))))
    }
}
