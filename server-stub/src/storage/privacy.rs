//! What a user lets others do and see, and whom they have blocked.

use super::Pending;
use sealwire_wire::contract::AccountSettings;
use sealwire_wire::{ThreadId, Timestamp, UserId};
use std::collections::BTreeSet;

/// What one user lets others do and see.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PrivacyRecord {
    /// As set, or the defaults.
    pub settings: AccountSettings,
    /// Whom they have blocked.
    pub blocked: BTreeSet<UserId>,
}

/// What became of [`Privacy::block`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BlockAdded {
    /// Blocked, now or from before.
    Blocked,
    /// There are as many as there may be.
    TooMany,
}

/// Steps within one account.
pub trait Privacy {
    /// Settings and blocks of a user.
    fn privacy(&self, user: UserId) -> Pending<'_, PrivacyRecord>;

    /// Other settings.
    fn put_settings(&self, user: UserId, settings: AccountSettings) -> Pending<'_, ()>;

    /// Blocks somebody, unless `max` are.
    fn block(
        &self,
        user: UserId,
        other: UserId,
        at: Timestamp,
        max: usize,
    ) -> Pending<'_, BlockAdded>;

    /// Takes a block back.
    fn unblock(&self, user: UserId, other: UserId) -> Pending<'_, ()>;

    /// Whether the user has sent anything to the thread.
    fn has_written(&self, user: UserId, thread: ThreadId) -> Pending<'_, bool>;
}
