//! The inbox, and what was read of it.

use super::Client;
use crate::Error;
use sealwire_engine::{Call, EngineError, Message};
use sealwire_store::{InboxCursor as Place, InboxRow, LocalId};
use sealwire_wire::contract::{Receipt, ThreadPreferences};
use sealwire_wire::{MessageId, ParseIdError, ThreadId, Timestamp, UserId};
use std::fmt;
use std::str::FromStr;

/// One page of the inbox.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct InboxPage {
    /// The thread with the newest message first.
    pub threads: Vec<InboxThread>,
    /// Where the next page begins; none at the end.
    pub next: Option<InboxCursor>,
}

/// A thread as the inbox shows it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct InboxThread {
    /// Which.
    pub id: ThreadId,
    /// The other user of a direct thread; oneself in a thread with oneself.
    pub user: Option<UserId>,
    /// What was said last, by anybody; reactions and tombstones apart. What waits to be sent stands after all else.
    pub last_message: Option<Message>,
    /// The last message of this account, from whichever of its devices: its state tells how far it is.
    pub last_sent: Option<Message>,
    /// Messages of others that no device of this account has read.
    pub unread: u64,
    /// The newest message that this account has read.
    pub read_up_to: Option<MessageId>,
    /// What this account wants of the thread.
    pub preferences: ThreadPreferences,
    /// When its last message came, or it was made.
    pub last_activity: Timestamp,
}

/// The place of a thread in the inbox. It may be kept as a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct InboxCursor(Place);

impl fmt::Display for InboxCursor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}.{}", self.0.last_activity.0, self.0.thread)
    }
}

impl FromStr for InboxCursor {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let (time, thread) = text.split_once('.').ok_or(ParseIdError::Thread)?;
        Ok(Self(Place {
            last_activity: Timestamp(time.parse().map_err(|_| ParseIdError::Thread)?),
            thread: thread.parse()?,
        }))
    }
}

impl Client {
    /// A page of the inbox: the threads with the newest messages, or those that come after a page's
    /// [`next`](InboxPage::next). [`Event::InboxChanged`](crate::Event::InboxChanged) tells which thread to look at anew,
    /// with [`Client::inbox_thread`].
    pub async fn inbox(&self, limit: u32, after: Option<InboxCursor>) -> Result<InboxPage, Error> {
        self.shared
            .queries
            .run(move |rows| {
                let rows = rows.inbox(after.map(|cursor| cursor.0), limit)?;
                let is_full = u32::try_from(rows.len()).is_ok_and(|count| count == limit);
                let last = rows.last().filter(|_| is_full);
                Ok(InboxPage {
                    next: last.map(|row| InboxCursor(row.cursor())),
                    threads: rows.into_iter().map(InboxThread::from_row).collect(),
                })
            })
            .await
    }

    /// One thread as the inbox shows it.
    pub async fn inbox_thread(&self, thread: ThreadId) -> Result<Option<InboxThread>, Error> {
        self.shared
            .queries
            .run(move |rows| Ok(rows.inbox_thread(thread)?.map(InboxThread::from_row)))
            .await
    }

    /// Messages of others that no device of this account has read, in all threads.
    pub async fn count_unread(&self) -> Result<u64, Error> {
        self.shared.queries.run(|rows| rows.count_unread()).await
    }

    /// Everything in a thread up to this message is read, or up to its newest: here at once, also offline; on the other
    /// devices of the account and, unless the receipts are off, for those who sent it, as soon as the relay is told.
    ///
    /// What was read stays read: a message before the newest that was read changes nothing. Codes: `unknown_thread`,
    /// `unknown_message`, `not_registered`.
    pub async fn mark_read(&self, thread: ThreadId, up_to: Option<MessageId>) -> Result<(), Error> {
        self.call(Call::MarkRead { thread, up_to }).await.map(drop)
    }

    /// How far a message of this account is with each recipient, and when it got there as far as this device was told; of
    /// nobody while it is not at the relay. Code: `unknown_message`.
    pub async fn receipts(&self, local_id: i64) -> Result<Vec<Receipt>, Error> {
        let receipts = self.shared.queries.run(move |rows| {
            let id = LocalId(local_id);
            match rows.message(id)? {
                Some(_) => rows.receipts(id).map(Some),
                None => Ok(None),
            }
        });
        Ok(receipts.await?.ok_or(EngineError::UnknownMessage)?)
    }
}

impl InboxThread {
    fn from_row(row: InboxRow) -> Self {
        Self {
            id: row.thread.id,
            user: row.thread.peer,
            last_message: row.last.map(Message::from_row),
            last_sent: row.last_own.map(Message::from_row),
            unread: row.unread,
            read_up_to: row.read_up_to,
            preferences: row.preferences,
            last_activity: row.thread.last_activity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_as_a_text() {
        let (alice, bob) = ("alice".parse().unwrap(), "bob".parse().unwrap());
        let cursor = InboxCursor(Place {
            last_activity: Timestamp(1_700_000_000_123),
            thread: ThreadId::direct(&alice, &bob),
        });
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
        assert!("".parse::<InboxCursor>().is_err());
        assert!("12.".parse::<InboxCursor>().is_err());
    }
}
