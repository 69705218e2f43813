//! Whose devices are whose: signed lists fetched, every version between verified, the highest one seen kept.

mod accept;
mod first_contact;
mod lists;
mod travel;

pub(crate) use lists::{is_disputed, keep_first, list_at, newest_list, undisputed_list};
pub(crate) use travel::{from_wire, grant_to_wire, to_wire};

use self::first_contact::FirstContacts;
use crate::backoff::Backoff;
use crate::requests::{Answer, Outgoing, Purpose};
use crate::{Engine, EngineError};
use sealwire_wire::contract::{ErrorCode, UserDeviceLists};
use sealwire_wire::{Timestamp, UserId, limits};
use std::collections::{BTreeMap, BTreeSet};

/// Lists that are fetched at one time: after a long absence all of them are wanted.
const AT_ONCE: usize = 16;

/// How the lists of others stand, beside what the store holds.
#[derive(Default)]
pub(crate) struct Trust {
    wanted: BTreeSet<UserId>,
    /// Those of whom the store holds that their list changed.
    changed: BTreeSet<UserId>,
    under_way: BTreeSet<UserId>,
    backoff: BTreeMap<UserId, Backoff>,
    /// Those whose lists came and could not be kept here: the disk was full, or failed.
    unkept: BTreeSet<UserId>,
    /// The relay showed something that does not hold: nothing is sent to them until it shows what does.
    distrusted: BTreeSet<UserId>,
    /// List versions that a message proved and the relay has not shown yet.
    proven: BTreeMap<UserId, u64>,
    first_contacts: FirstContacts,
    /// Those whose parked frames may be opened by the list that is held.
    pub(crate) retake: BTreeSet<UserId>,
}

impl Trust {
    /// Whether what the relay shows of this user does not hold.
    pub(crate) fn distrusts(&self, user: &UserId) -> bool {
        self.distrusted.contains(user) || self.proven.contains_key(user)
    }

    /// All of whom that is so.
    pub(crate) fn distrusted_users(&self) -> impl Iterator<Item = &UserId> {
        self.distrusted.iter().chain(self.proven.keys())
    }

    /// Whether a list is on its way, or asked for as soon as may be.
    pub(crate) fn is_fetching(&self) -> bool {
        let asked_now = |user: &UserId| !self.backoff.contains_key(user);
        !self.under_way.is_empty() || self.wanted.iter().any(asked_now)
    }

    pub(crate) fn hurry(&mut self, now: Timestamp) {
        self.backoff
            .values_mut()
            .for_each(|backoff| backoff.hurry(now));
    }

    pub(crate) fn hurry_for(&mut self, user: &UserId, now: Timestamp) {
        if let Some(backoff) = self.backoff.get_mut(user) {
            backoff.hurry(now);
        }
    }

    /// Whether a newer list may be on its way.
    pub(crate) fn awaits(&self, user: &UserId) -> bool {
        self.wanted.contains(user) || self.under_way.contains(user)
    }
}

impl Engine {
    /// Somebody waits for what needs their lists or bundles: those that were not to be had are asked for now.
    pub(crate) fn hurry_for<'a>(&mut self, users: impl IntoIterator<Item = &'a UserId>) {
        for user in users {
            self.trust.hurry_for(user, self.now);
            self.bundles.hurry_for(user, self.now);
        }
    }

    /// A frame waits for this user's lists, and was kept: if the store did not take the lists before, it may now.
    pub(crate) fn want_lists_for_parked(&mut self, user: UserId) {
        if self.trust.unkept.remove(&user) {
            self.trust.hurry_for(&user, self.now);
        }
        self.want_lists(user);
    }

    /// Fetches what this user's list became.
    pub(crate) fn want_lists(&mut self, user: UserId) {
        self.trust.wanted.insert(user);
    }

    pub(crate) fn fetch_lists_due(&mut self) {
        let free = AT_ONCE.saturating_sub(self.trust.under_way.len());
        let due: Vec<_> = self
            .trust
            .wanted
            .iter()
            .filter(|user| !self.trust.under_way.contains(*user))
            .filter(|user| {
                self.trust
                    .backoff
                    .get(*user)
                    .is_none_or(|backoff| backoff.is_due(self.now))
            })
            .take(free)
            .cloned()
            .collect();
        for user in due {
            // What is under a key that nobody accepted is asked for again: it may have been made up.
            let known = match undisputed_list(&self.store, &user) {
                Ok(list) => list.map_or(0, |list| list.version),
                Err(_) => {
                    self.ask_again_later(&user, None);
                    continue;
                }
            };
            let known = self.trust.first_contacts.last_version(&user).max(known);
            self.trust.wanted.remove(&user);
            self.trust.under_way.insert(user.clone());
            let path = format!("/v1/users/{user}/devices?since={known}");
            self.request(Outgoing::get(path, Purpose::Lists { user }));
        }
    }

    pub(crate) fn on_lists(&mut self, user: UserId, answer: Answer) {
        self.trust.under_way.remove(&user);
        let taken = match answer.read::<UserDeviceLists>() {
            Ok(lists) if lists.user_id == user && lists.lists.len() <= limits::LISTS_PER_ANSWER => {
                self.take_lists(&user, &lists)
            }
            Ok(_) => Err(EngineError::RelayGarbage { status: 200 }),
            Err(error) => Err(error),
        };
        match taken {
            // The answer was cut off where the contract says: what follows has to be here before anything is judged by it.
            Ok(shown) if shown >= limits::LISTS_PER_ANSWER => {
                self.trust.retake.insert(user.clone());
                self.want_lists(user);
            }
            Ok(_) => {
                self.trust.distrusted.remove(&user);
                if self.me.as_ref().is_some_and(|me| me.user == user) {
                    self.listing.look();
                    self.own_list_is_fresh();
                    self.removal_sees_own_list();
                    self.own_list_was_asked_for();
                }
                self.lists_are_settled(&user);
                self.note_list_is_new(&user);
            }
            Err(EngineError::Relay {
                code: ErrorCode::UserUnknown,
                ..
            }) if !self.knows_lists_of(&user) => {
                self.trust.first_contacts.take(&user);
                self.give_up_for_unknown(&user);
                self.lists_are_settled(&user);
            }
            Err(error) => {
                // Lists are kept for ever: who was known once stays known.
                let denied = matches!(&error, EngineError::Relay { code, .. } if *code == ErrorCode::UserUnknown);
                if denied || matches!(error, EngineError::DeviceList(..)) {
                    self.distrust(&user);
                }
                if matches!(error, EngineError::Store(_)) {
                    self.trust.unkept.insert(user.clone());
                }
                self.ask_again_later(&user, error.retry_after_ms());
                self.cannot_wrap_for(&user);
                if self.me.as_ref().is_some_and(|me| me.user == user) {
                    self.give_up_removal(error);
                    self.own_list_was_asked_for();
                }
            }
        }
    }

    /// The relay has shown what it shows: what waited for that is judged by it, and what is still missing is asked for.
    fn lists_are_settled(&mut self, user: &UserId) {
        // What came since this was asked for may be of a newer list: what this one does not open is judged by the next.
        if self.trust.wanted.contains(user) {
            self.trust.retake.insert(user.clone());
            // What it does open need not wait for that one. What fails now is done with what is received next.
            let _ = self.retake_parked();
            return;
        }
        if self.unpark(user).is_ok() && self.shows_what_is_proven(user) {
            self.trust.backoff.remove(user);
            self.trust.unkept.remove(user);
            self.trust.proven.remove(user);
        } else if !self.trust.awaits(user) {
            self.ask_again_later(user, None);
        }
    }

    /// Unless its list changed again since it was asked for.
    fn note_list_is_new(&mut self, user: &UserId) {
        if !self.trust.awaits(user) && self.trust.changed.contains(user) {
            let noted = self.store.transaction(|tx| tx.list_is_new(user));
            // What could not be noted costs one more look after a restart.
            if noted.is_ok() {
                self.trust.changed.remove(user);
            }
        }
    }

    fn knows_lists_of(&self, user: &UserId) -> bool {
        // What cannot be read now is not absent.
        newest_list(&self.store, user).map_or(true, |list| list.is_some())
    }

    /// The relay says that this user's list changed: of no interest if it was never needed.
    pub(crate) fn lists_may_be_old(&mut self, user: UserId) {
        if self.knows_lists_of(&user) {
            self.trust.changed.insert(user.clone());
            self.want_lists(user);
        } else if self.trust.awaits(&user) {
            self.want_lists(user);
        }
    }

    /// Goes on with what was said before a restart.
    pub(crate) fn restore_changed_lists(&mut self) -> Result<(), EngineError> {
        for user in self.store.changed_lists()? {
            self.trust.changed.insert(user.clone());
            self.want_lists(user);
        }
        Ok(())
    }

    /// Told once, until the relay shows a chain that holds.
    pub(crate) fn distrust(&mut self, user: &UserId) {
        if self.trust.distrusted.insert(user.clone()) {
            self.event(crate::Event::DeviceListRollback {
                user_id: user.clone(),
            });
        }
    }

    /// A message named a list version that the relay does not show: nothing is sent to that user until it does.
    pub(crate) fn distrust_below(&mut self, user: &UserId, version: u64) {
        let proven = self.trust.proven.entry(user.clone()).or_default();
        *proven = version.max(*proven);
        self.distrust(user);
        if !self.trust.awaits(user) {
            self.ask_again_later(user, None);
        }
    }

    /// What proved a version waits as a parked frame, until that version is shown or the device is gone that said so.
    fn shows_what_is_proven(&self, user: &UserId) -> bool {
        let proven = self.trust.proven.get(user).copied().unwrap_or(0);
        let newest = newest_list(&self.store, user).map(|list| list.map_or(0, |list| list.version));
        newest.is_ok_and(|newest| newest >= proven)
            || self
                .store
                .count_parked_for(user)
                .is_ok_and(|parked| parked == 0)
    }

    fn ask_again_later(&mut self, user: &UserId, at_least_ms: Option<u64>) {
        let Self {
            trust, rng, now, ..
        } = self;
        let backoff = trust.backoff.entry(user.clone()).or_default();
        backoff.failed(*now, at_least_ms, rng);
        trust.wanted.insert(user.clone());
    }

    /// Whoever waited before a restart waits again.
    pub(crate) fn resume_parked_users(&mut self) -> Result<(), EngineError> {
        for (user, version) in self.store.parked_for()? {
            let known = newest_list(&self.store, &user)?.map_or(0, |list| list.version);
            if let Some(version) = version.filter(|version| *version > known) {
                self.trust.proven.insert(user.clone(), version);
            }
            self.trust.retake.insert(user.clone());
            self.want_lists(user);
        }
        Ok(())
    }

    pub(crate) fn trust_wakes_at(&self) -> Option<Timestamp> {
        let waiting = self
            .trust
            .wanted
            .iter()
            .filter(|user| !self.trust.under_way.contains(*user));
        waiting
            .filter_map(|user| self.trust.backoff.get(user)?.due_at())
            .filter(|at| *at > self.now)
            .min()
    }
}
