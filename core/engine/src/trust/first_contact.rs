//! Lists of people never seen before, until all that the relay has of them is here: nothing is judged by a part.

use super::accept::Link;
use crate::EngineError;
use sealwire_wire::UserId;
use std::collections::BTreeMap;

/// Signed lists that wait for those after them, whosoever: some thousand versions of an account with ten devices. They are in memory,
/// and the relay says how many there are.
const BYTES_MAX: usize = 4 * 1024 * 1024;

/// Verified versions from the first on, by user.
#[derive(Default)]
pub(super) struct FirstContacts(BTreeMap<UserId, Vec<Link>>);

impl FirstContacts {
    /// The version that the next one asked for comes after.
    pub(super) fn last_version(&self, user: &UserId) -> u64 {
        let last = self.0.get(user).and_then(|chain| chain.last());
        last.map_or(0, |link| link.list.version)
    }

    /// What is here of this user. Whoever gives nothing back begins with the first list again.
    pub(super) fn take(&mut self, user: &UserId) -> Vec<Link> {
        self.0.remove(user).unwrap_or_default()
    }

    /// Until the next answer. More than there is room for is refused, and gone.
    pub(super) fn put(&mut self, user: &UserId, chain: Vec<Link>) -> Result<(), EngineError> {
        let held = self.0.values().flatten().chain(&chain);
        if held.map(|link| link.signed.payload.len()).sum::<usize>() > BYTES_MAX {
            return Err(EngineError::RelayGarbage { status: 200 });
        }
        self.0.insert(user.clone(), chain);
        Ok(())
    }
}
