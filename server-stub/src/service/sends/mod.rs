//! Accepting a message: checked, ordered, made durable, then put into queues.

mod devices;
mod shape;
mod void;

use super::franking::Stamped;
use super::threads::check_participant;
use super::{Answer, Refusal, Service, Wake, Woken};
use crate::storage::{AcceptMessage, Accepted, EarlierSend, QueueSource, SendName, ThreadRecord};
use sealwire_wire::contract::{DeviceName, ErrorCode, MessageRow, SendMessage, SentMessage, Stamp};
use sealwire_wire::limits::IDEMPOTENCY_TTL_MS;
use sealwire_wire::{Bytes32, IdempotencyKey, MessageId, ThreadId, Timestamp};
use shape::{check_shape, fingerprint};

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
        let now = self.clock.now();
        if let Some(earlier) = self
            .storage
            .earlier_send(name.clone(), key.clone(), now)
            .await?
        {
            return self.earlier(earlier, &fingerprint, name, key).await;
        }
        let (record, is_new) = self.thread_for(caller, thread, message).await?;
        // Until the message is accepted and queued, its devices stay those that it was wrapped for.
        let _turn = self.list_locks.keep(&record.participants).await;
        self.check_devices(caller, &record, message).await?;
        self.bind_attachments(&caller.user_id, &message.attachment_ids, thread)
            .await?;
        let last_id = record.last_id;
        if is_new {
            self.storage.create_thread(record).await?;
        }
        let mut step = AcceptMessage {
            row: self.row(caller, thread, message, now, last_id)?,
            fingerprint,
            envelopes: message.envelopes.clone(),
            key: key.clone(),
            key_expires_at: now.plus_ms(IDEMPOTENCY_TTL_MS),
        };
        for _ in 0..ID_ATTEMPTS {
            match self.storage.accept_message(step.clone()).await? {
                Accepted::Accepted => return Ok(self.accepted(step.row).await),
                Accepted::IdPassed(last) => {
                    // The clock has gone on: with its new time most of those who tried at once find an id each.
                    step.row = self.row(caller, thread, message, self.clock.now(), Some(last))?;
                }
                Accepted::NoThread => return Err(super::threads::unknown()),
                other @ (Accepted::Earlier(_) | Accepted::KeyReused | Accepted::Void) => {
                    return self.earlier(other, &step.fingerprint, name, key).await;
                }
            }
        }
        Err(Refusal::new(
            ErrorCode::Unavailable,
            "too many messages at once in this thread",
        )
        .retry_after_ms(100))
    }

    async fn accepted(&self, row: MessageRow) -> Woken<SentMessage> {
        let queues = self
            .queue(QueueSource::Message {
                thread_id: row.thread_id,
                id: row.id,
            })
            .await;
        Woken {
            answer: SentMessage {
                id: row.id,
                thread_id: row.thread_id,
                sender_id: row.sender_id,
                sender_device_id: row.sender_device_id,
                client_seq: row.client_seq,
                created_at: row.created_at,
                requeued_at: None,
            },
            wake: Wake {
                queues,
                revoked: Vec::new(),
            },
        }
    }

    /// The number or the key were seen before: the first answer again, or why not.
    async fn earlier(
        &self,
        earlier: Accepted,
        fingerprint: &[u8; 32],
        name: SendName,
        key: &IdempotencyKey,
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
                revoked: Vec::new(),
            },
        })
    }

    /// The thread to send to, and whether the send is to make it.
    async fn thread_for(
        &self,
        caller: &DeviceName,
        thread: ThreadId,
        message: &SendMessage,
    ) -> Answer<(ThreadRecord, bool)> {
        if let Some(to) = &message.to
            && ThreadId::direct(&caller.user_id, to) != thread
        {
            return Err(Refusal::new(
                ErrorCode::ThreadIdMismatch,
                "the thread id is not the one of these two users",
            ));
        }
        if let Some(record) = self.storage.thread(thread).await? {
            check_participant(&record, &caller.user_id)?;
            return Ok((record, false));
        }
        let to = message.to.as_ref().ok_or_else(super::threads::unknown)?;
        self.existing_account(to).await?;
        Ok((self.direct_thread(&caller.user_id, to), true))
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
        let id = self.mint(now, last)?;
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

    pub(super) fn mint(&self, now: Timestamp, last: Option<MessageId>) -> Answer<MessageId> {
        let mut tail = [0; 16];
        tail[6..].copy_from_slice(&self.random_bytes::<10>()?);
        let fresh = MessageId::from_parts(now.0, u128::from_be_bytes(tail));
        match last {
            Some(last) if fresh <= last => last
                .as_u128()
                .checked_add(1)
                .map(MessageId::from_u128)
                .ok_or_else(|| {
                    Refusal::new(ErrorCode::Unavailable, "this thread's ids have run out")
                }),
            _ => Ok(fresh),
        }
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
