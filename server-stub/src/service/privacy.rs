//! What users let others do and see: settings and blocks.
//!
//! Every send asks, so the answers are kept in memory, inside the one process that serves a data folder.

use super::expiry::tell_failures;
use super::{Answer, Refusal, Service, Wake};
use crate::storage::{BlockAdded, FailUndelivered, PrivacyRecord, ThreadRecord};
use sealwire_wire::contract::{
    AccountSettings, Blocks, DeviceName, DirectMessages, ErrorCode, FailureReason, ThreadKind,
};
use sealwire_wire::limits::BLOCKS_MAX;
use sealwire_wire::{ThreadId, UserId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Users whose settings and blocks are kept in memory; beyond it all are read anew.
const KEPT_MAX: usize = 50_000;

/// Settings and blocks that were read before.
#[derive(Default)]
pub(super) struct KeptPrivacy(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    by_user: HashMap<UserId, Arc<PrivacyRecord>>,
    /// Rises with each change, so that what was read before it is not kept after it.
    changes: u64,
}

impl KeptPrivacy {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn forget(&self, user: &UserId) {
        let mut kept = self.lock();
        kept.changes += 1;
        kept.by_user.remove(user);
    }
}

impl Service {
    /// The caller's settings.
    pub async fn settings(&self, caller: &DeviceName) -> Answer<AccountSettings> {
        self.authorise(caller).await?;
        Ok(self.privacy(&caller.user_id).await?.settings)
    }

    /// Other settings; what holds from now on.
    pub async fn put_settings(
        &self,
        caller: &DeviceName,
        settings: AccountSettings,
    ) -> Answer<AccountSettings> {
        self.authorise(caller).await?;
        let _turn = self.list_locks.change(&caller.user_id).await;
        let stored = self
            .storage
            .put_settings(caller.user_id.clone(), settings)
            .await;
        self.kept_privacy.forget(&caller.user_id);
        stored?;
        Ok(settings)
    }

    /// Whom the caller has blocked.
    pub async fn blocks(&self, caller: &DeviceName) -> Answer<Blocks> {
        self.authorise(caller).await?;
        let privacy = self.privacy(&caller.user_id).await?;
        Ok(Blocks {
            users: privacy.blocked.iter().cloned().collect(),
        })
    }

    /// Blocks a user: from now on nothing goes either way in the 1:1 thread, and what waits there for the caller fails.
    pub async fn block(&self, caller: &DeviceName, other: &UserId) -> Answer<Wake> {
        self.authorise(caller).await?;
        if *other == caller.user_id {
            return Err(Refusal::new(
                ErrorCode::Unprocessable,
                "nobody blocks themselves",
            ));
        }
        self.existing_account(other).await?;
        // No send is half way between its look at blocks and its message while they change.
        let _turn = self.list_locks.change(&caller.user_id).await;
        let (user, now) = (caller.user_id.clone(), self.clock.now());
        let added = self
            .storage
            .block(user, other.clone(), now, BLOCKS_MAX)
            .await;
        self.kept_privacy.forget(&caller.user_id);
        match added? {
            BlockAdded::Blocked => {}
            BlockAdded::TooMany => {
                return Err(Refusal::new(
                    ErrorCode::Unprocessable,
                    format!("at most {BLOCKS_MAX} users are blocked"),
                ));
            }
        }
        let step = FailUndelivered {
            thread_id: ThreadId::direct(&caller.user_id, other),
            sender: other.clone(),
            recipient: caller.user_id.clone(),
            reason: FailureReason::Blocked,
            at: now,
        };
        let failures = self.storage.fail_undelivered(step).await?;
        Ok(Wake {
            live: tell_failures(failures),
            ..Wake::default()
        })
    }

    /// Takes a block back.
    pub async fn unblock(&self, caller: &DeviceName, other: &UserId) -> Answer<()> {
        self.authorise(caller).await?;
        let _turn = self.list_locks.change(&caller.user_id).await;
        let taken = self
            .storage
            .unblock(caller.user_id.clone(), other.clone())
            .await;
        self.kept_privacy.forget(&caller.user_id);
        Ok(taken?)
    }

    /// Whether either of two users has blocked the other.
    pub(crate) async fn are_blocked(&self, one: &UserId, other: &UserId) -> Answer<bool> {
        Ok(one != other
            && (self.privacy(one).await?.blocked.contains(other)
                || self.privacy(other).await?.blocked.contains(one)))
    }

    /// Whether one user may see when another is there: both let themselves be seen, and neither has blocked the other.
    pub(crate) async fn sees_presence(&self, viewer: &UserId, of: &UserId) -> Answer<bool> {
        Ok(self.privacy(viewer).await?.settings.presence
            && self.privacy(of).await?.settings.presence
            && !self.are_blocked(viewer, of).await?)
    }

    /// Refuses where either has blocked the other.
    pub(super) async fn refuse_blocked(&self, caller: &UserId, other: &UserId) -> Answer<()> {
        if self.are_blocked(caller, other).await? {
            return Err(Refusal::new(
                ErrorCode::Blocked,
                "one of you has blocked the other",
            ));
        }
        Ok(())
    }

    /// Whether the caller may send to a 1:1 thread: nobody is blocked, and the other takes messages from the caller. In a
    /// group a block hides on the client.
    pub(super) async fn check_welcome(&self, caller: &UserId, thread: &ThreadRecord) -> Answer<()> {
        let other = thread.participants.iter().find(|user| *user != caller);
        let (ThreadKind::Direct, Some(other)) = (thread.kind, other) else {
            return Ok(());
        };
        self.refuse_blocked(caller, other).await?;
        self.check_door(other, thread.id).await
    }

    /// Whom the platform counts as followers, or has verified, this relay is not told: such settings let nobody new through.
    async fn check_door(&self, other: &UserId, thread: ThreadId) -> Answer<()> {
        let door = self.privacy(other).await?.settings.direct_messages;
        if door == DirectMessages::Everyone
            || self.storage.has_written(other.clone(), thread).await?
        {
            return Ok(());
        }
        Err(Refusal::new(
            ErrorCode::DirectMessagesClosed,
            format!("{other} takes no direct messages from you"),
        ))
    }

    /// Settings and blocks of a user.
    pub(super) async fn privacy(&self, user: &UserId) -> Answer<Arc<PrivacyRecord>> {
        let changes = {
            let kept = self.kept_privacy.lock();
            if let Some(known) = kept.by_user.get(user) {
                return Ok(Arc::clone(known));
            }
            kept.changes
        };
        let read = Arc::new(self.storage.privacy(user.clone()).await?);
        let mut kept = self.kept_privacy.lock();
        if kept.changes == changes {
            if kept.by_user.len() >= KEPT_MAX {
                kept.by_user.clear();
            }
            kept.by_user.insert(user.clone(), Arc::clone(&read));
        }
        Ok(read)
    }
}
