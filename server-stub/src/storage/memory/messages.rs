//! Threads and messages in memory.

use super::state::{Kept, KeptFor, MessageState, State, ThreadState};
use super::{Memory, Pending};
use crate::storage::{
    AcceptMessage, Accepted, EarlierSend, Messages, QueueSource, Queued, Queues as _, SendName,
    ThreadRecord,
};
use sealwire_wire::contract::{DeviceName, EnvelopeBody, MessageRow, SentMessage};
use sealwire_wire::{ClientSeq, IdempotencyKey, MessageId, ThreadId, Timestamp};
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::Arc;

impl Messages for Memory {
    fn create_thread(&self, thread: ThreadRecord) -> Pending<'_, bool> {
        self.step(|state| match state.threads.entry(thread.id) {
            Entry::Occupied(_) => false,
            Entry::Vacant(place) => {
                place.insert(ThreadState {
                    record: ThreadRecord {
                        last_id: None,
                        ..thread
                    },
                    messages: BTreeMap::new(),
                    by_send: BTreeMap::new(),
                    last_change: 0,
                    marks: BTreeMap::new(),
                    preferences: BTreeMap::new(),
                });
                true
            }
        })
    }

    fn thread(&self, id: ThreadId) -> Pending<'_, Option<ThreadRecord>> {
        self.step(|state| state.threads.get(&id).map(|thread| thread.record.clone()))
    }

    fn earlier_send(
        &self,
        name: SendName,
        key: IdempotencyKey,
        now: Timestamp,
    ) -> Pending<'_, Option<Accepted>> {
        self.step(|state| earlier(state, &name, &key, now))
    }

    fn keep_key(
        &self,
        name: SendName,
        key: IdempotencyKey,
        expires_at: Timestamp,
    ) -> Pending<'_, ()> {
        self.step(|state| keep(state, name, &key, expires_at))
    }

    fn accept_message(&self, step: AcceptMessage) -> Pending<'_, Accepted> {
        self.step(|state| {
            let name = step.name();
            if let Some(earlier) = earlier(state, &name, &step.key, step.row.created_at) {
                return earlier;
            }
            let Some(thread) = state.threads.get_mut(&step.row.thread_id) else {
                return Accepted::NoThread;
            };
            if let Some(last) = thread.record.last_id
                && last >= step.row.id
            {
                return Accepted::IdPassed(last);
            }
            thread.record.last_id = Some(step.row.id);
            thread.last_change += 1;
            thread
                .by_send
                .insert((name.sender.clone(), name.client_seq), step.row.id);
            let envelopes = step
                .envelopes
                .into_iter()
                .map(|envelope| {
                    let name = DeviceName {
                        user_id: envelope.user_id,
                        device_id: envelope.device_id,
                    };
                    let body = EnvelopeBody {
                        kind: envelope.kind,
                        body: envelope.body,
                    };
                    (name, body)
                })
                .collect();
            let message = MessageState {
                fingerprint: step.fingerprint,
                envelopes,
                change: thread.last_change,
                queued: false,
                row: step.row,
            };
            thread.messages.insert(message.row.id, message);
            keep(state, name, &step.key, step.key_expires_at);
            Accepted::Accepted
        })
    }

    fn void_send(&self, name: SendName, expires_at: Timestamp) -> Pending<'_, Option<SentMessage>> {
        self.step(|state| {
            let earlier = sent_earlier(state, &name);
            if earlier.is_none() {
                let until = state.voids.entry(place(&name)).or_insert(expires_at);
                *until = expires_at.max(*until);
            }
            earlier.map(|earlier| earlier.answer)
        })
    }

    fn accept_and_queue(
        &self,
        step: Arc<AcceptMessage>,
        now: Timestamp,
    ) -> Pending<'_, (Accepted, Vec<Queued>)> {
        Box::pin(async move {
            let source = QueueSource::Message {
                thread_id: step.row.thread_id,
                id: step.row.id,
            };
            let accepted = self.accept_message(AcceptMessage::clone(&step)).await?;
            let told = match accepted {
                Accepted::Accepted => self.queue(source, now).await?,
                _ => Vec::new(),
            };
            // Places are drawn when the queue is read.
            let queued = told.into_iter().map(|device| Queued {
                device,
                place: None,
            });
            Ok((accepted, queued.collect()))
        })
    }

    fn threads_of_message(&self, id: MessageId) -> Pending<'_, Vec<ThreadId>> {
        self.step(|state| {
            let with_it = state
                .threads
                .iter()
                .filter(|(_, thread)| thread.messages.contains_key(&id));
            with_it.map(|(id, _)| *id).collect()
        })
    }

    fn message(
        &self,
        thread: ThreadId,
        id: MessageId,
        reader: DeviceName,
    ) -> Pending<'_, Option<MessageRow>> {
        self.step(|state| {
            Some(
                state
                    .threads
                    .get(&thread)?
                    .messages
                    .get(&id)?
                    .read_by(&reader),
            )
        })
    }

    fn messages_before(
        &self,
        thread: ThreadId,
        before: Option<MessageId>,
        limit: u32,
        reader: DeviceName,
    ) -> Pending<'_, Vec<MessageRow>> {
        self.step(|state| {
            let Some(thread) = state.threads.get(&thread) else {
                return Vec::new();
            };
            let rows = thread.messages.values().rev();
            rows.filter(|message| before.is_none_or(|before| message.row.id < before))
                .take(limit as usize)
                .map(|message| message.read_by(&reader))
                .collect()
        })
    }

    fn messages_changed(
        &self,
        thread: ThreadId,
        after: u64,
        limit: u32,
        reader: DeviceName,
    ) -> Pending<'_, Vec<(u64, MessageRow)>> {
        self.step(|state| {
            let Some(thread) = state.threads.get(&thread) else {
                return Vec::new();
            };
            let changed: BTreeMap<u64, &MessageState> = thread
                .messages
                .values()
                .filter(|message| message.change > after)
                .map(|message| (message.change, message))
                .collect();
            let rows = changed.into_iter().take(limit as usize);
            rows.map(|(change, message)| (change, message.read_by(&reader)))
                .collect()
        })
    }
}

fn earlier(
    state: &State,
    name: &SendName,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Option<Accepted> {
    let kept = state
        .kept
        .get(&(name.sender.clone(), key.as_str().to_owned()));
    if kept.is_some_and(|kept| kept.expires_at > now && kept.of != KeptFor::Send(name.clone())) {
        return Some(Accepted::KeyReused);
    }
    if let Some(earlier) = sent_earlier(state, name) {
        return Some(Accepted::Earlier(earlier));
    }
    state
        .voids
        .contains_key(&place(name))
        .then_some(Accepted::Void)
}

fn place(name: &SendName) -> (ThreadId, DeviceName, ClientSeq) {
    (name.thread_id, name.sender.clone(), name.client_seq)
}

fn sent_earlier(state: &State, name: &SendName) -> Option<EarlierSend> {
    let thread = state.threads.get(&name.thread_id)?;
    let id = thread
        .by_send
        .get(&(name.sender.clone(), name.client_seq))?;
    let message = thread.messages.get(id)?;
    Some(EarlierSend {
        fingerprint: message.fingerprint,
        answer: SentMessage {
            id: *id,
            thread_id: name.thread_id,
            sender_id: name.sender.user_id.clone(),
            sender_device_id: name.sender.device_id,
            client_seq: name.client_seq,
            created_at: message.row.created_at,
            requeued_at: message.row.requeued_at,
        },
    })
}

pub(super) fn keep(state: &mut State, name: SendName, key: &IdempotencyKey, expires_at: Timestamp) {
    let place = (name.sender.clone(), key.as_str().to_owned());
    state.kept.insert(
        place,
        Kept {
            of: KeptFor::Send(name),
            expires_at,
        },
    );
}
