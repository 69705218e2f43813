//! Taking a message in: row, number and outbox entry in one commit, then the local echo.

use crate::account::internal;
use crate::engine::Random;
use crate::view::draft_content;
use crate::{
    Engine, EngineConfig, EngineError, Event, Message, MessageContent, NewAttachment, Reply,
};
use rand_core::Rng as _;
use sealwire_crypto::content::MAX_BODY_BYTES;
use sealwire_store::{
    LocalId, MessageKind, MessageState, NewMessage, NewOutboxEntry, OutboxState, ThreadKind,
};
use sealwire_wire::content::{Body, Kind, ThreadFacts, Uid};
use sealwire_wire::limits::TTL_MAX_SECONDS;
use sealwire_wire::{ThreadId, Timestamp, UserId};
use zeroize::Zeroizing;

/// What the message before takes in a body, known when it is sealed: a number, a digest and their field headers.
const PREVIOUS_ROOM: usize = 64;

impl Engine {
    pub(crate) fn direct_thread(&mut self, peer: &UserId) -> Result<Reply, EngineError> {
        let me = self.me()?;
        let thread = ThreadId::direct(&me.user, peer);
        let now = self.now;
        self.store
            .transaction(|tx| tx.ensure_thread(thread, ThreadKind::Direct, Some(peer), now))?;
        Ok(Reply::Thread(thread))
    }

    pub(crate) fn send_text(
        &mut self,
        thread: ThreadId,
        text: String,
        ttl_seconds: Option<u32>,
        key: Option<Uid>,
    ) -> Result<Reply, EngineError> {
        if text.is_empty() {
            return Err(EngineError::EmptyText);
        }
        let max = EngineConfig::max_text_bytes();
        if text.len() > max {
            return Err(EngineError::TextTooLong {
                bytes: text.len(),
                max,
            });
        }
        self.enqueue(thread, Kind::Text(text), ttl_seconds, key)
    }

    pub(crate) fn send_attachment(
        &mut self,
        thread: ThreadId,
        attachment: Box<NewAttachment>,
    ) -> Result<Reply, EngineError> {
        let NewAttachment {
            pointer,
            caption,
            ttl_seconds,
            key,
        } = *attachment;
        self.enqueue(
            thread,
            Kind::Attachment {
                file: Box::new(pointer),
                caption,
            },
            ttl_seconds,
            key,
        )
    }

    /// The same message once more, under the same number and key.
    pub(crate) fn retry(&mut self, local_id: i64) -> Result<Reply, EngineError> {
        let (id, now) = (LocalId(local_id), self.now);
        let since = self.lifetime.clock.now();
        let held = self.store.message(id)?.ok_or(EngineError::UnknownMessage)?;
        if held.state == MessageState::Sent {
            return self.repeat(id);
        }
        let entry = self
            .store
            .outbox_entry(id)?
            .filter(|entry| entry.state == OutboxState::Failed);
        if entry.is_none() || held.state != MessageState::Failed {
            return Err(EngineError::NotFailed);
        }
        self.store.transaction(|tx| -> Result<(), EngineError> {
            tx.retry_message(id, now)?;
            Ok(tx.retry_outbox(id, since, now)?)
        })?;
        self.look_at_bundles_again(held.thread)?;
        self.queued(id)
    }

    /// Whoever asks for a message once more may know that a device was updated.
    fn look_at_bundles_again(&mut self, thread: ThreadId) -> Result<(), EngineError> {
        let me = self.me()?.user.clone();
        let peer = self.store.thread(thread)?.and_then(|row| row.peer);
        let users: Vec<_> = [&me].into_iter().chain(&peer).collect();
        self.bundles.look_again(&users);
        self.hurry_for(users);
        Ok(())
    }

    fn enqueue(
        &mut self,
        thread: ThreadId,
        kind: Kind,
        ttl_seconds: Option<u32>,
        key: Option<Uid>,
    ) -> Result<Reply, EngineError> {
        if ttl_seconds.is_some_and(|seconds| !(1..=TTL_MAX_SECONDS).contains(&seconds)) {
            return Err(EngineError::TtlInvalid);
        }
        let me = self.me()?.clone();
        if let Some(key) = key
            && let Some(sent) = self.store.message_by_uid(&me.user, key)?
        {
            let sent = Message::from_row(sent);
            if sent.thread != thread || !says(&sent, &kind, ttl_seconds) {
                return Err(EngineError::SendKeyReused);
            }
            // Its events were told when it was made.
            return Ok(Reply::Queued(Box::new(sent)));
        }
        let peer = self
            .store
            .thread(thread)?
            .and_then(|row| row.peer)
            .ok_or(EngineError::UnknownThread)?;
        self.hurry_for([&me.user, &peer]);
        let uid = key.unwrap_or_else(|| new_uid(self.now, &mut self.rng));
        let text = searchable(&kind);
        let stored_kind = stored_kind(&kind)
            .ok_or_else(|| EngineError::Internal("a message of no kind".to_owned()))?;
        let body = Body {
            uid,
            target: None,
            ttl_seconds,
            // Known only when it is sealed.
            prev: None,
            thread: ThreadFacts::Direct { to: peer },
            kind,
        };
        let encoded = Zeroizing::new(body.encode());
        // A body that cannot be sealed would stand before all others of its thread.
        if encoded.len() + PREVIOUS_ROOM > MAX_BODY_BYTES {
            return Err(EngineError::TextTooLong {
                bytes: encoded.len(),
                max: MAX_BODY_BYTES - PREVIOUS_ROOM,
            });
        }
        let key = format!("{:016x}{:016x}", self.rng.next_u64(), self.rng.next_u64());
        let idempotency_key = key.parse().map_err(internal)?;
        let (now, waits_since) = (self.now, self.lifetime.clock.now());
        let id = self
            .store
            .transaction(|tx| -> Result<LocalId, EngineError> {
                tx.step("send.queued");
                let client_seq = tx.take_client_seq(thread)?;
                let inserted = tx.insert_message(&NewMessage {
                    thread,
                    sender: me.user.clone(),
                    sender_device: me.device,
                    client_seq,
                    revision: 0,
                    message_id: None,
                    uid: Some(uid),
                    kind: stored_kind,
                    state: MessageState::Pending,
                    reason: None,
                    content: Some(draft_content(&encoded)),
                    text,
                    commitment: None,
                    stamp: None,
                    digest: None,
                    prev: None,
                    created_at: None,
                    local_at: now,
                })?;
                let local_id = inserted.local_id();
                tx.enqueue(&NewOutboxEntry {
                    local_id,
                    thread,
                    client_seq,
                    idempotency_key,
                    next_attempt_at: now,
                    waits_since,
                    body: encoded,
                })?;
                Ok(local_id)
            })?;
        self.has_sent(thread);
        self.queued(id)
    }

    pub(super) fn queued(&mut self, id: LocalId) -> Result<Reply, EngineError> {
        let message =
            Message::from_row(self.store.message(id)?.ok_or(EngineError::UnknownMessage)?);
        self.event(Event::MessageQueued(Box::new(message.clone())));
        Ok(Reply::Queued(Box::new(message)))
    }
}

/// The clock in milliseconds, then chance, as in UUIDv7 (RFC 9562, section 5.7) and for its reason: what one sender wrote lately
/// stands together in the index of whoever receives it.
fn new_uid(now: Timestamp, rng: &mut Random) -> Uid {
    let mut uid = [0; 16];
    rng.fill_bytes(&mut uid);
    let [_, _, clock @ ..] = now.0.to_be_bytes();
    uid[..clock.len()].copy_from_slice(&clock);
    Uid(uid)
}

/// Whether a message is the one that these make. What is gone from here cannot be compared: its key still names it.
fn says(sent: &Message, kind: &Kind, ttl_seconds: Option<u32>) -> bool {
    let same = match (&sent.content, kind) {
        (MessageContent::Removed, _) => return true,
        (MessageContent::Text(sent), Kind::Text(text)) => sent == text,
        // Bytes that are sent again are sealed again, under another key and as another file of the relay's.
        (
            MessageContent::Attachment { file, caption },
            Kind::Attachment {
                file: new,
                caption: words,
            },
        ) => {
            let said = (&file.mime, &file.name, file.size, &file.media, caption);
            said == (&new.mime, &new.name, new.size, &new.media, words)
        }
        _ => false,
    };
    same && sent.ttl_seconds == ttl_seconds
}

/// The kind of an own message's row.
pub(super) fn stored_kind(kind: &Kind) -> Option<MessageKind> {
    match kind {
        Kind::Text(_) => Some(MessageKind::Text),
        Kind::Attachment { .. } => Some(MessageKind::Attachment),
        Kind::Unknown => None,
    }
}

/// What search finds a message by: its words, a file's name among them.
pub(crate) fn searchable(kind: &Kind) -> Option<String> {
    match kind {
        Kind::Text(text) => Some(text.clone()),
        Kind::Attachment { file, caption } => {
            let words = [caption.as_str(), file.name.as_str()];
            Some(
                words
                    .into_iter()
                    .filter(|words| !words.is_empty())
                    .collect::<Vec<_>>()
                    .join(" "),
            )
        }
        Kind::Unknown => None,
    }
    .filter(|text| !text.is_empty())
}
