//! Accepting a message: checked, ordered, made durable, then put into queues.

mod devices;
mod requeue;
mod shape;
mod void;

use super::franking::Stamped;
use super::threads::check_participant;
use super::{Answer, Pushed, PushedMessage, Refusal, Service, Wake, Woken};
use crate::storage::{
    AcceptMessage, Accepted, EarlierSend, QueueSource, Queued, SendName, ThreadRecord,
};
use sealwire_wire::contract::{DeviceName, ErrorCode, MessageRow, SendMessage, SentMessage, Stamp};
use sealwire_wire::limits::IDEMPOTENCY_TTL_MS;
use sealwire_wire::{Bytes32, IdempotencyKey, MessageId, ThreadId, Timestamp};
use shape::{check_shape, fingerprint};
use std::sync::Arc;

/// Each failed attempt to take the next id of a thread means that another message took it.
const ID_ATTEMPTS: usize = 64;

impl Service {
    /// Accepts a message. The answer is durable, and so is every envelope.
    pub async fn send(
        &self,
        caller: &DeviceName,
        thread: ThreadId,
        key: &IdempotencyKey,
        message: &SendMessage,
    ) -> Answer<Woken<SentMessage>> {
        self.authorise(caller).await?;
        check_shape(message)?;
        let fingerprint = fingerprint(message)?;
        let name = SendName {
            thread_id: thread,
            sender: caller.clone(),
            client_seq: message.client_seq,
        };
        let refusal = match self.accept(caller, &name, fingerprint, key, message).await {
            Ok(Settled::Accepted(woken)) => return Ok(woken),
            Ok(Settled::Earlier(earlier)) => {
                return self
                    .earlier(earlier, &fingerprint, name, key, message)
                    .await;
            }
            Err(refusal) => refusal,
        };
        // What was accepted once is answered so again, whatever has changed since.
        let now = self.clock.now();
        match self
            .storage
            .earlier_send(name.clone(), key.clone(), now)
            .await?
        {
            Some(earlier) => {
                self.earlier(earlier, &fingerprint, name, key, message)
                    .await
            }
            None => Err(refusal),
        }
    }

    /// Accepts a message whose number and key are free; says so when they are not.
    async fn accept(
        &self,
        caller: &DeviceName,
        name: &SendName,
        fingerprint: [u8; 32],
        key: &IdempotencyKey,
        message: &SendMessage,
    ) -> Answer<Settled> {
        let thread = name.thread_id;
        let now = self.clock.now();
        let (record, is_new) = self.thread_for(caller, thread, message).await?;
        // Until the message is accepted and queued, its devices stay those that it was wrapped for.
        let _turn = self.list_locks.keep(&record.participants).await;
        self.check_welcome(&caller.user_id, &record).await?;
        self.check_devices(caller, &record, message).await?;
        self.bind_attachments(&caller.user_id, &message.attachment_ids, thread)
            .await?;
        if is_new {
            // A send that is refused makes no thread: the other one would see it.
            let earlier = self
                .storage
                .earlier_send(name.clone(), key.clone(), now)
                .await?;
            if let Some(earlier) = earlier {
                return Ok(Settled::Earlier(earlier));
            }
            self.storage
                .create_thread(ThreadRecord::clone(&record))
                .await?;
        }
        self.thread_places.keep(&record);
        let mut last = None;
        for _ in 0..ID_ATTEMPTS {
            // After a first try the clock has gone on: with its new time most of those who tried at once find an id each.
            let row = self.row(caller, thread, message, self.clock.now(), last)?;
            let answer = answer_to(&row);
            let step = Arc::new(AcceptMessage {
                row,
                fingerprint,
                envelopes: message.envelopes.clone(),
                key: key.clone(),
                key_expires_at: now.plus_ms(IDEMPOTENCY_TTL_MS),
            });
            match self
                .storage
                .accept_and_queue(Arc::clone(&step), now)
                .await?
            {
                (Accepted::Accepted, queued) => {
                    return Ok(Settled::Accepted(Woken {
                        answer,
                        wake: wake_of(step, queued),
                    }));
                }
                (Accepted::IdPassed(passed), _) => last = Some(passed),
                (Accepted::NoThread, _) => return Err(super::threads::unknown()),
                (earlier @ (Accepted::Earlier(_) | Accepted::KeyReused | Accepted::Void), _) => {
                    return Ok(Settled::Earlier(earlier));
                }
            }
        }
        Err(Refusal::new(
            ErrorCode::Unavailable,
            "too many messages at once in this thread",
        )
        .retry_after_ms(100))
    }

    /// The number or the key were seen before: the first answer again, or why not.
    async fn earlier(
        &self,
        earlier: Accepted,
        fingerprint: &[u8; 32],
        name: SendName,
        key: &IdempotencyKey,
        message: &SendMessage,
    ) -> Answer<Woken<SentMessage>> {
        let (first, answer) = match earlier {
            Accepted::Earlier(EarlierSend {
                fingerprint,
                answer,
            }) => (fingerprint, answer),
            Accepted::Void => {
                return Err(Refusal::new(
                    ErrorCode::ClientSeqVoid,
                    "this client_seq was voided: nothing is ever sent under it",
                ));
            }
            _ => {
                return Err(Refusal::new(
                    ErrorCode::IdempotencyKeyReused,
                    "this key was used for another request",
                ));
            }
        };
        if first != *fingerprint {
            return Err(Refusal::new(
                ErrorCode::ClientSeqConflict,
                "this client_seq was used for another content: take the next one",
            ));
        }
        if let Some(requeued) = self.requeue(&name, key, message, &answer).await? {
            return Ok(requeued);
        }
        let expires_at = self.clock.now().plus_ms(IDEMPOTENCY_TTL_MS);
        self.storage.keep_key(name, key.clone(), expires_at).await?;
        // A crash may have come between the row and its queue entries.
        let queues = self
            .queue(QueueSource::Message {
                thread_id: answer.thread_id,
                id: answer.id,
            })
            .await;
        Ok(Woken {
            answer,
            wake: Wake {
                queues,
                ..Wake::default()
            },
        })
    }

    /// The thread to send to, and whether the send is to make it.
    async fn thread_for(
        &self,
        caller: &DeviceName,
        thread: ThreadId,
        message: &SendMessage,
    ) -> Answer<(Arc<ThreadRecord>, bool)> {
        if let Some(to) = &message.to
            && ThreadId::direct(&caller.user_id, to) != thread
        {
            return Err(Refusal::new(
                ErrorCode::ThreadIdMismatch,
                "the thread id is not the one of these two users",
            ));
        }
        let known = match self.thread_places.record(thread) {
            Some(known) => Some(known),
            None => self.storage.thread(thread).await?.map(Arc::new),
        };
        if let Some(record) = known {
            check_participant(&record, &caller.user_id)?;
            return Ok((record, false));
        }
        let to = message.to.as_ref().ok_or_else(super::threads::unknown)?;
        self.existing_account(to).await?;
        Ok((Arc::new(self.direct_thread(&caller.user_id, to)), true))
    }

    /// The row as it will be read, under an id above the thread's last one.
    fn row(
        &self,
        caller: &DeviceName,
        thread: ThreadId,
        message: &SendMessage,
        now: Timestamp,
        last: Option<MessageId>,
    ) -> Answer<MessageRow> {
        let id = self.mint_in(thread, now, last)?;
        // The id's time, so that times never fall inside a thread even when the clock does.
        let created_at = Timestamp(id.time_ms());
        let stamp = self.franking.stamp(&Stamped {
            commitment: &message.commitment,
            sender: caller,
            thread,
            message: id,
            revision: 0,
            at: created_at,
        })?;
        Ok(new_row(caller, thread, message, id, created_at, stamp))
    }

    /// An id of this moment above every other of the thread, as far as is known here.
    fn mint_in(
        &self,
        thread: ThreadId,
        now: Timestamp,
        last: Option<MessageId>,
    ) -> Answer<MessageId> {
        let fresh = self.mint(now)?;
        self.thread_places
            .mint(thread, fresh, last)
            .ok_or_else(|| Refusal::new(ErrorCode::Unavailable, "this thread's ids have run out"))
    }

    /// An id of this moment.
    pub(super) fn mint(&self, now: Timestamp) -> Answer<MessageId> {
        let mut tail = [0; 16];
        tail[6..].copy_from_slice(&self.random_bytes::<10>()?);
        Ok(MessageId::from_parts(now.0, u128::from_be_bytes(tail)))
    }
}

/// What became of a send that nothing speaks against.
enum Settled {
    /// It is durable.
    Accepted(Woken<SentMessage>),
    /// Its number or its key were used before.
    Earlier(Accepted),
}

fn wake_of(step: Arc<AcceptMessage>, queued: Vec<Queued>) -> Wake {
    let places: Vec<_> = queued
        .into_iter()
        .map(|queued| (queued.device, queued.place))
        .collect();
    Wake {
        queues: places.iter().map(|(device, _)| device.clone()).collect(),
        pushed: Some(Pushed {
            message: Arc::new(PushedMessage::new(step)),
            places,
        }),
        ..Wake::default()
    }
}

fn answer_to(row: &MessageRow) -> SentMessage {
    SentMessage {
        id: row.id,
        thread_id: row.thread_id,
        sender_id: row.sender_id.clone(),
        sender_device_id: row.sender_device_id,
        client_seq: row.client_seq,
        created_at: row.created_at,
        requeued_at: None,
    }
}

fn new_row(
    caller: &DeviceName,
    thread: ThreadId,
    message: &SendMessage,
    id: MessageId,
    created_at: Timestamp,
    stamp: Stamp,
) -> MessageRow {
    MessageRow {
        id,
        thread_id: thread,
        sender_id: caller.user_id.clone(),
        sender_device_id: caller.device_id,
        client_seq: message.client_seq,
        revision: 0,
        kind: message.kind,
        target_msg_id: message.target_msg_id,
        ttl_seconds: message.ttl_seconds,
        ciphertext: message.ciphertext.clone(),
        commitment: Bytes32(message.commitment.0),
        stamp,
        created_at,
        envelope: None,
        requeued_at: None,
        removed: None,
    }
}
