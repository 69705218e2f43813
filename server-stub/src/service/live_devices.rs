//! Which devices of a user are live, as last read: asked with every request, changed seldom.
//!
//! Kept inside the one process that serves a data folder. Whoever changes a list holds the user's [`super::list_locks`] lock for
//! it, and its end forgets what is kept here.

use sealwire_wire::{DeviceId, UserId};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// With more users than this all are forgotten, and read anew.
const USERS_MAX: usize = 100_000;

/// A live device and its registration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LiveDevice {
    pub(super) id: DeviceId,
    pub(super) registration_id: u32,
}

/// What is known of users' live devices.
#[derive(Default)]
pub(super) struct LiveDevices(Mutex<Known>);

#[derive(Default)]
struct Known {
    users: HashMap<UserId, Arc<[LiveDevice]>>,
    /// Rises whenever something is forgotten: what was read before may be older than that.
    forgotten: u64,
}

/// That nothing is known of a user. To be held while it is read.
pub(super) struct Unknown {
    forgotten: u64,
}

impl LiveDevices {
    pub(super) fn of(&self, user: &UserId) -> Result<Arc<[LiveDevice]>, Unknown> {
        let known = self.lock();
        known.users.get(user).map(Arc::clone).ok_or(Unknown {
            forgotten: known.forgotten,
        })
    }

    /// Keeps what was read, unless something was forgotten meanwhile.
    pub(super) fn keep(&self, before: Unknown, user: &UserId, devices: &Arc<[LiveDevice]>) {
        let mut known = self.lock();
        if known.forgotten != before.forgotten {
            return;
        }
        if known.users.len() >= USERS_MAX {
            known.users.clear();
        }
        known.users.insert(user.clone(), Arc::clone(devices));
    }

    pub(super) fn forget(&self, user: &UserId) {
        let mut known = self.lock();
        known.forgotten += 1;
        known.users.remove(user);
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_change_is_not_kept_after_it() {
        let (known, alice) = (LiveDevices::default(), "alice".parse().unwrap());
        let old: Arc<[LiveDevice]> = Arc::new([]);
        let Err(before) = known.of(&alice) else {
            panic!("nothing is known yet")
        };
        known.forget(&alice);
        known.keep(before, &alice, &old);
        assert!(known.of(&alice).is_err());
        let Err(before) = known.of(&alice) else {
            panic!("nothing is known yet")
        };
        known.keep(before, &alice, &old);
        assert!(known.of(&alice).is_ok());
    }
}
