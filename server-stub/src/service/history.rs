//! Reading messages: one, a page back in time, or what changed since.

use super::cursor::{self, Kind};
use super::threads::check_participant;
use super::{Answer, Refusal, Service};
use sealwire_wire::contract::{DeviceName, ErrorCode, MessagePage, MessageRow};
use sealwire_wire::limits::{PAGE_SIZE_DEFAULT, PAGE_SIZE_MAX};
use sealwire_wire::{MessageId, ThreadId};

/// Which page of a thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HistoryQuery {
    /// Newest first; `cursor` is a page's `next_cursor`, none for the newest page.
    Newest {
        /// Where to go on.
        cursor: Option<String>,
    },
    /// Oldest change first; `since` is a page's `next_cursor`, none or empty for the beginning.
    Changed {
        /// Where to go on.
        since: Option<String>,
    },
}

/// A page ends with the message that fills it: an answer is held until its reader has taken it.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

impl Service {
    /// One message.
    pub async fn message(&self, caller: &DeviceName, message: MessageId) -> Answer<MessageRow> {
        self.authorise(caller).await?;
        let mut refusal = Refusal::new(ErrorCode::NotFound, "no such message");
        for thread in self.storage.threads_of_message(message).await? {
            match self.own_thread(&caller.user_id, thread).await {
                Ok(_) => {
                    if let Some(row) = self
                        .storage
                        .message(thread, message, caller.clone())
                        .await?
                    {
                        return Ok(row);
                    }
                }
                Err(why) => refusal = why,
            }
        }
        Err(refusal)
    }

    /// A page of a thread; `page_size` 1 to 100, 50 by default. One of large messages holds fewer, and says that there are more.
    pub async fn history(
        &self,
        caller: &DeviceName,
        thread: ThreadId,
        query: &HistoryQuery,
        page_size: Option<u32>,
    ) -> Answer<MessagePage> {
        self.authorise(caller).await?;
        let page_size = page_size.unwrap_or(PAGE_SIZE_DEFAULT);
        if !(1..=PAGE_SIZE_MAX).contains(&page_size) {
            return Err(Refusal::new(
                ErrorCode::InvalidRequest,
                "page_size is 1 to 100",
            ));
        }
        let record = self
            .storage
            .thread(thread)
            .await?
            .ok_or_else(super::threads::unknown)?;
        check_participant(&record, &caller.user_id)?;
        match query {
            HistoryQuery::Newest { cursor } => {
                self.newest(caller, thread, given(cursor), page_size).await
            }
            HistoryQuery::Changed { since } => {
                self.changed(caller, thread, given(since), page_size).await
            }
        }
    }

    async fn newest(
        &self,
        reader: &DeviceName,
        thread: ThreadId,
        cursor: Option<&str>,
        page_size: u32,
    ) -> Answer<MessagePage> {
        let before = cursor
            .map(|cursor| cursor::read(&self.relay_key, Kind::Older, thread, cursor))
            .transpose()?
            .map(MessageId::from_u128);
        // One more than asked for tells whether there are more.
        let mut messages = self
            .storage
            .messages_before(thread, before, page_size.saturating_add(1), reader.clone())
            .await?;
        let fits = fitting(messages.iter(), page_size);
        let has_more = messages.len() > fits;
        messages.truncate(fits);
        let next_cursor = messages
            .last()
            .filter(|_| has_more)
            .map(|last| cursor::write(&self.relay_key, Kind::Older, thread, last.id.as_u128()))
            .transpose()?;
        Ok(MessagePage {
            messages,
            next_cursor,
            has_more,
        })
    }

    async fn changed(
        &self,
        reader: &DeviceName,
        thread: ThreadId,
        since: Option<&str>,
        page_size: u32,
    ) -> Answer<MessagePage> {
        let after = match since {
            None => 0,
            Some(since) => {
                u64::try_from(cursor::read(&self.relay_key, Kind::Changed, thread, since)?)
                    .map_err(|_| {
                        Refusal::new(ErrorCode::InvalidCursor, "begin again without a cursor")
                    })?
            }
        };
        let mut rows = self
            .storage
            .messages_changed(thread, after, page_size.saturating_add(1), reader.clone())
            .await?;
        let fits = fitting(rows.iter().map(|(_, row)| row), page_size);
        let has_more = rows.len() > fits;
        rows.truncate(fits);
        let last = rows.last().map_or(after, |(change, _)| *change);
        Ok(MessagePage {
            messages: rows.into_iter().map(|(_, row)| row).collect(),
            next_cursor: Some(cursor::write(
                &self.relay_key,
                Kind::Changed,
                thread,
                last.into(),
            )?),
            has_more,
        })
    }
}

/// An empty text stands for none.
fn given(text: &Option<String>) -> Option<&str> {
    text.as_deref().filter(|text| !text.is_empty())
}

/// How many of these make one page.
fn fitting<'a>(rows: impl Iterator<Item = &'a MessageRow>, page_size: u32) -> usize {
    let mut bytes = 0;
    rows.take(page_size as usize)
        .take_while(|row| {
            let has_room = bytes < PAGE_BYTES;
            bytes += row.ciphertext.0.len();
            has_room
        })
        .count()
}
