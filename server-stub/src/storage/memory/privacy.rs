//! Settings and blocks in memory.

use super::{Memory, Pending};
use crate::storage::{BlockAdded, Privacy, PrivacyRecord};
use sealwire_wire::contract::AccountSettings;
use sealwire_wire::{ThreadId, Timestamp, UserId};

impl Privacy for Memory {
    fn privacy(&self, user: UserId) -> Pending<'_, PrivacyRecord> {
        self.step(|state| state.privacy.get(&user).cloned().unwrap_or_default())
    }

    fn put_settings(&self, user: UserId, settings: AccountSettings) -> Pending<'_, ()> {
        self.step(|state| state.privacy.entry(user).or_default().settings = settings)
    }

    fn block(
        &self,
        user: UserId,
        other: UserId,
        _: Timestamp,
        max: usize,
    ) -> Pending<'_, BlockAdded> {
        self.step(|state| {
            let blocked = &mut state.privacy.entry(user).or_default().blocked;
            if !blocked.contains(&other) && blocked.len() >= max {
                return BlockAdded::TooMany;
            }
            blocked.insert(other);
            BlockAdded::Blocked
        })
    }

    fn unblock(&self, user: UserId, other: UserId) -> Pending<'_, ()> {
        self.step(|state| {
            if let Some(privacy) = state.privacy.get_mut(&user) {
                privacy.blocked.remove(&other);
            }
        })
    }

    fn has_written(&self, user: UserId, thread: ThreadId) -> Pending<'_, bool> {
        self.step(|state| {
            let thread = state.threads.get(&thread);
            thread.is_some_and(|thread| {
                let mut messages = thread.messages.values();
                messages.any(|message| message.row.sender_id == user)
            })
        })
    }
}
