//! Sending.

use super::{Client, OTHER_REPLY, user_id};
use crate::Error;
use sealwire_engine::{Call, Message, Reply};
use sealwire_wire::ThreadId;
use sealwire_wire::content::Uid;

/// How a message is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct SendOptions {
    ttl_seconds: Option<u32>,
    key: Option<[u8; 16]>,
}

impl SendOptions {
    /// It disappears from every device and from the relay so many seconds after the relay accepted it, or after the relay
    /// put it into the queues anew when [`Client::retry`] repeated it: between one and a year's.
    pub fn ttl_seconds(mut self, seconds: u32) -> Self {
        self.ttl_seconds = Some(seconds);
        self
    }

    /// Sends once, however often it is asked: a second call with this key gives the message of the first and sends nothing. For
    /// whoever may not hear the answer, such as an app's page that asks another process. Make it of chance alone, or as a
    /// UUIDv7 is made, and never use it for another message (`send_key_reused`): receivers see it.
    pub fn key(mut self, key: [u8; 16]) -> Self {
        self.key = Some(key);
        self
    }
}

impl Client {
    /// The thread of this user with another one, or with themselves. It needs no network, and the other user nothing yet.
    ///
    /// Codes: `invalid_id`, `not_registered`. Whether the other user exists shows when a message is sent: it fails with
    /// `user_unknown`.
    pub async fn direct_thread(&self, user: &str) -> Result<ThreadId, Error> {
        let user_id = user_id(user)?;
        match self.call(Call::DirectThread { user_id }).await? {
            Reply::Thread(thread) => Ok(thread),
            _ => Err(OTHER_REPLY),
        }
    }

    /// Sends words: durable here when this returns, on their way from then on, also across restarts.
    ///
    /// Codes: `empty_text`, `text_too_long` (see [`Client::max_text_bytes`]), `unknown_thread`, `not_registered`. That the
    /// relay has it comes as [`crate::Event::MessageSent`]; that it was given up, as [`crate::Event::MessageFailed`]:
    /// so ends also what was tried and is still not there a day later (`gave_up`). [`Client::retry`] sends it again.
    pub async fn send_text(
        &self,
        thread: ThreadId,
        text: impl Into<String>,
    ) -> Result<Message, Error> {
        self.send_text_with(thread, text, SendOptions::default())
            .await
    }

    /// Sends words as [`Client::send_text`] does, with more said of how. More codes: `ttl_invalid`,
    /// `send_key_reused`.
    pub async fn send_text_with(
        &self,
        thread: ThreadId,
        text: impl Into<String>,
        options: SendOptions,
    ) -> Result<Message, Error> {
        queued(
            self.call(Call::SendText {
                thread,
                text: text.into(),
                ttl_seconds: options.ttl_seconds,
                key: options.key.map(Uid),
            })
            .await?,
        )
    }

    /// Tries a message that failed once more, under the same number. One that the relay has and that did not reach a
    /// recipient is put into their queues again, within a day of its acceptance; also one whose time to live was over, which
    /// runs anew.
    ///
    /// Codes: `unknown_message`, `not_failed`, `repeat_too_late`.
    pub async fn retry(&self, local_id: i64) -> Result<Message, Error> {
        queued(self.call(Call::Retry { local_id }).await?)
    }

    /// Does not send a message after all. What never left this device is [`crate::MessageState::Cancelled`] when this returns. Of
    /// what may have reached the relay the relay says, as soon as it can be asked and also after a restart, whether it has it:
    /// until then the message is [`crate::MessageState::Cancelling`], and [`crate::Event::MessageCancelled`] or
    /// [`crate::Event::MessageSent`] tells how it ended. Later messages of the thread wait for that.
    ///
    /// Codes: `unknown_message`, `already_sent`.
    pub async fn cancel(&self, local_id: i64) -> Result<Message, Error> {
        queued(self.call(Call::Cancel { local_id }).await?)
    }

    /// Takes in everything that waits for this device at the relay, without a socket and also while offline by the app's
    /// wish: for a background fetch, and for what a push woke. How many events that were.
    ///
    /// Codes: `network`, and others that the relay answered. What came before an error is here, and acknowledged.
    pub async fn fetch_queue(&self) -> Result<u64, Error> {
        match self.call(Call::FetchQueue).await? {
            Reply::Fetched { entries } => Ok(entries),
            _ => Err(OTHER_REPLY),
        }
    }

    /// Goes through a thread's history at the relay from where this device left off; how many messages were new.
    pub async fn sync_thread(&self, thread: ThreadId) -> Result<u64, Error> {
        match self.call(Call::SyncThread { thread }).await? {
            Reply::Synced { added } => Ok(added),
            _ => Err(OTHER_REPLY),
        }
    }
}

pub(super) fn queued(reply: Reply) -> Result<Message, Error> {
    match reply {
        Reply::Queued(message) => Ok(*message),
        _ => Err(OTHER_REPLY),
    }
}
