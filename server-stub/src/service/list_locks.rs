//! Sends and device lists take turns: between the look at the live devices and the accept of what was wrapped for them, no
//! list of a participant changes. Without it a device listed in just that moment would miss a message for good.
//!
//! Storage asks for no step across accounts and threads, so the turns are taken here, inside the one process that serves a
//! data folder.

use super::Service;
use sealwire_wire::UserId;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Users share locks, so that there is nothing to make or forget; two that share one wait for each other's lists now and then.
const LOCKS: usize = 64;

/// The locks of all users' lists.
pub(super) struct ListLocks([RwLock<()>; LOCKS]);

impl ListLocks {
    pub(super) fn new() -> Self {
        Self(std::array::from_fn(|_| RwLock::new(())))
    }

    /// While this is held, the lists of these users stay as they are.
    pub(super) async fn keep(&self, users: &[UserId]) -> Vec<RwLockReadGuard<'_, ()>> {
        // Always in the same order, and each once, so that no two sends wait for each other.
        let mut wanted: Vec<usize> = users.iter().map(place).collect();
        wanted.sort_unstable();
        wanted.dedup();
        let mut held = Vec::with_capacity(wanted.len());
        for lock in wanted.into_iter().filter_map(|place| self.0.get(place)) {
            held.push(lock.read().await);
        }
        held
    }

    /// While this is held, nothing is sent to or by this user. Nobody holds two of these.
    pub(super) async fn change(&self, user: &UserId) -> Option<RwLockWriteGuard<'_, ()>> {
        match self.0.get(place(user)) {
            Some(lock) => Some(lock.write().await),
            None => None,
        }
    }
}

/// A change of a user's list under way. At its end what is known of the user's live devices is forgotten, before anybody who
/// waited goes on.
pub(super) struct ListTurn<'a> {
    service: &'a Service,
    user: &'a UserId,
    _turn: Option<RwLockWriteGuard<'a, ()>>,
}

impl Service {
    /// Begins a change of what devices of this user are live. Every such change has to.
    pub(super) async fn change_list<'a>(&'a self, user: &'a UserId) -> ListTurn<'a> {
        ListTurn {
            service: self,
            user,
            _turn: self.list_locks.change(user).await,
        }
    }
}

impl Drop for ListTurn<'_> {
    fn drop(&mut self) {
        self.service.live_devices.forget(self.user);
    }
}

/// Who chooses a name that shares a lock with another's makes both wait for each other's lists now and then, and no more.
fn place(user: &UserId) -> usize {
    let mut hasher = DefaultHasher::new();
    user.hash(&mut hasher);
    (hasher.finish() % LOCKS as u64) as usize
}
