//! Reading what the store holds. Nothing here needs the network, or waits for what does.

use super::Client;
use crate::Error;
use sealwire_engine::{EngineError, Message};
use sealwire_store::{LocalId, ThreadRow};
use sealwire_wire::{ThreadId, Timestamp, UserId};

/// A thread that this device knows.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Thread {
    /// Which.
    pub id: ThreadId,
    /// The other user of a direct thread; oneself in a thread with oneself.
    pub user: Option<UserId>,
    /// When its last message came, or it was made.
    pub last_activity: Timestamp,
}

impl Client {
    /// A page of a thread, newest first: the newest, or those before the message with this local id.
    pub async fn messages(
        &self,
        thread: ThreadId,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Message>, Error> {
        self.shared
            .queries
            .run(move |rows| {
                let before = match before {
                    Some(id) => match rows.message(LocalId(id))? {
                        Some(message) => Some(message.cursor()),
                        None => return Ok(Vec::new()),
                    },
                    None => None,
                };
                Ok(shown(rows.page(thread, before, limit)?))
            })
            .await
    }

    /// One message by its local id.
    pub async fn message(&self, local_id: i64) -> Result<Option<Message>, Error> {
        self.shared
            .queries
            .run(move |rows| Ok(rows.message(LocalId(local_id))?.map(Message::from_row)))
            .await
    }

    /// The threads, the one with the newest message first: from the top, or those after the thread with this id.
    pub async fn threads(&self, after: Option<ThreadId>, limit: u32) -> Result<Vec<Thread>, Error> {
        let threads = self.shared.queries.run(move |rows| {
            let after = match after {
                Some(id) => match rows.thread(id)? {
                    Some(thread) => Some(thread),
                    None => return Ok(None),
                },
                None => None,
            };
            let threads = rows.threads(after.as_ref(), limit)?;
            Ok(Some(threads.into_iter().map(Thread::from_row).collect()))
        });
        Ok(threads.await?.ok_or(EngineError::UnknownThread)?)
    }

    /// The messages that hold every word of `text`, newest first; in one thread or in all; the newest, or those before
    /// the message with this local id.
    ///
    /// Case and accents do not matter; a word also finds longer ones that begin with it; in scripts that write without
    /// spaces any part of a run is found; an emoji finds itself.
    pub async fn search(
        &self,
        text: &str,
        thread: Option<ThreadId>,
        before: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Message>, Error> {
        let text = text.to_owned();
        self.shared
            .queries
            .run(move |rows| {
                Ok(shown(rows.search(
                    &text,
                    thread,
                    before.map(LocalId),
                    limit,
                )?))
            })
            .await
    }

    /// How many messages this device holds, in one thread or in all.
    pub async fn count_messages(&self, thread: Option<ThreadId>) -> Result<u64, Error> {
        self.shared
            .queries
            .run(move |rows| rows.count_messages(thread))
            .await
    }
}

impl Thread {
    fn from_row(row: ThreadRow) -> Self {
        Self {
            id: row.id,
            user: row.peer,
            last_activity: row.last_activity,
        }
    }
}

fn shown(rows: Vec<sealwire_store::Message>) -> Vec<Message> {
    rows.into_iter().map(Message::from_row).collect()
}
