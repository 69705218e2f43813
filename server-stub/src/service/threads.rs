//! Threads: 1:1 ones, whose id both sides know before they exist.

use super::{Answer, Refusal, Service};
use crate::storage::ThreadRecord;
use sealwire_wire::contract::{CreateThread, DeviceName, ErrorCode, Thread, ThreadKind};
use sealwire_wire::{ThreadId, UserId};
use std::sync::Arc;

/// A thread, and whether this request made it (201) or it was there (200).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedThread {
    /// The thread.
    pub thread: Thread,
    /// Whether it is new.
    pub created: bool,
}

impl Service {
    /// Makes the 1:1 thread with another user, or answers the one that is there.
    pub async fn create_thread(
        &self,
        caller: &DeviceName,
        request: &CreateThread,
    ) -> Answer<CreatedThread> {
        self.authorise(caller).await?;
        self.existing_account(&request.to).await?;
        let new = self.direct_thread(&caller.user_id, &request.to);
        self.check_welcome(&caller.user_id, &new).await?;
        let created = self.storage.create_thread(new.clone()).await?;
        let thread = if created {
            new
        } else {
            self.storage.thread(new.id).await?.ok_or_else(unknown)?
        };
        Ok(CreatedThread {
            thread: shown(thread),
            created,
        })
    }

    /// One thread of the caller.
    pub async fn thread(&self, caller: &DeviceName, thread: ThreadId) -> Answer<Thread> {
        self.authorise(caller).await?;
        self.own_thread(&caller.user_id, thread).await.map(shown)
    }

    /// Everybody in a thread that the user is in; none for any other.
    pub(crate) async fn participants(
        &self,
        user: &UserId,
        thread: ThreadId,
    ) -> Answer<Option<Arc<[UserId]>>> {
        let known = match self.thread_places.record(thread) {
            Some(known) => Some(known),
            None => self.storage.thread(thread).await?.map(Arc::new),
        };
        Ok(known
            .filter(|record| record.participants.contains(user))
            .map(|record| Arc::from(&record.participants[..])))
    }

    /// A thread that the user is in.
    pub(super) async fn own_thread(&self, user: &UserId, thread: ThreadId) -> Answer<ThreadRecord> {
        let record = self.storage.thread(thread).await?.ok_or_else(unknown)?;
        check_participant(&record, user)?;
        Ok(record)
    }

    pub(super) fn direct_thread(&self, one: &UserId, other: &UserId) -> ThreadRecord {
        let mut participants = vec![one.clone(), other.clone()];
        participants.sort();
        participants.dedup();
        ThreadRecord {
            id: ThreadId::direct(one, other),
            kind: ThreadKind::Direct,
            participants,
            created_at: self.clock.now(),
            last_id: None,
        }
    }
}

pub(super) fn check_participant(thread: &ThreadRecord, user: &UserId) -> Answer<()> {
    if thread.participants.contains(user) {
        Ok(())
    } else {
        Err(Refusal::new(
            ErrorCode::NotAParticipant,
            "you are not in this thread",
        ))
    }
}

pub(super) fn unknown() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "no such thread")
}

pub(super) fn shown(record: ThreadRecord) -> Thread {
    Thread {
        id: record.id,
        kind: record.kind,
        participants: record.participants,
        created_at: record.created_at,
    }
}
