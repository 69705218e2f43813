//! The inbox: a user's threads, newest first, and what the user wants of each.

use super::cursor::{self, Kind};
use super::marks::own_scope;
use super::threads::shown;
use super::{Answer, Refusal, Service, Wake, Woken};
use crate::storage::{InboxRecord, QueueSource};
use sealwire_wire::contract::{DeviceName, ErrorCode, Inbox, InboxThread, ThreadPreferences};
use sealwire_wire::limits::{INBOX_PAGE_MAX, PAGE_SIZE_DEFAULT};
use sealwire_wire::{MessageId, ThreadId, UserId};

impl Service {
    /// A page of the caller's threads; `limit` is 1 to 100, 50 by default.
    ///
    /// A thread that a message moves to the top while pages are read is not missed: that message comes by the queue.
    pub async fn inbox(
        &self,
        caller: &DeviceName,
        cursor: Option<&str>,
        limit: Option<u32>,
    ) -> Answer<Inbox> {
        self.authorise(caller).await?;
        let limit = limit.unwrap_or(PAGE_SIZE_DEFAULT);
        if !(1..=INBOX_PAGE_MAX).contains(&limit) {
            return Err(Refusal::new(
                ErrorCode::InvalidRequest,
                format!("limit is 1 to {INBOX_PAGE_MAX}"),
            ));
        }
        let scope = own_scope(&caller.user_id);
        let before = cursor
            .filter(|cursor| !cursor.is_empty())
            .map(|cursor| cursor::read(&self.relay_key, Kind::Inbox, scope, cursor))
            .transpose()?
            .map(MessageId::from_u128);
        let user = caller.user_id.clone();
        let mut records = self
            .storage
            .inbox(user, before, limit.saturating_add(1))
            .await?;
        let has_more = records.len() > limit as usize;
        records.truncate(limit as usize);
        let next_cursor = records
            .last()
            .filter(|_| has_more)
            .map(|last| {
                let place = last.place().as_u128();
                cursor::write(&self.relay_key, Kind::Inbox, scope, place)
            })
            .transpose()?;
        let mut threads = Vec::with_capacity(records.len());
        for record in records {
            threads.push(self.inbox_thread(&caller.user_id, record).await?);
        }
        Ok(Inbox {
            threads,
            next_cursor,
        })
    }

    /// What the caller wants of a thread from now on. Own other devices are told.
    pub async fn put_preferences(
        &self,
        caller: &DeviceName,
        thread: ThreadId,
        mine: ThreadPreferences,
    ) -> Answer<Woken<ThreadPreferences>> {
        self.authorise(caller).await?;
        self.own_thread(&caller.user_id, thread).await?;
        self.storage
            .put_preferences(thread, caller.user_id.clone(), mine)
            .await?;
        let queues = self
            .queue(QueueSource::Preferences {
                thread_id: thread,
                user_id: caller.user_id.clone(),
            })
            .await;
        Ok(Woken {
            answer: mine,
            wake: Wake {
                queues,
                ..Wake::default()
            },
        })
    }

    async fn inbox_thread(&self, viewer: &UserId, record: InboxRecord) -> Answer<InboxThread> {
        let mut marks = Vec::with_capacity(record.marks.len());
        for mark in record.marks {
            marks.push(self.as_seen(viewer, mark).await?);
        }
        Ok(InboxThread {
            thread: shown(record.thread),
            last_msg_id: record.last_message,
            unread: record.unread,
            mine: record.mine,
            marks,
        })
    }
}
