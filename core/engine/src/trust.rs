//! Whose devices are whose: signed lists fetched, every version between verified, the highest one seen kept.

mod accept;
mod lists;
mod travel;

pub(crate) use lists::{keep_first, list_at, newest_list};
pub(crate) use travel::{from_wire, grant_to_wire, to_wire};

use crate::backoff::Backoff;
use crate::requests::{Answer, Outgoing, Purpose};
use crate::{Engine, EngineError};
use sealwire_wire::contract::{ErrorCode, UserDeviceLists};
use sealwire_wire::{Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// For how long a user that the relay does not know is not asked for again, in milliseconds.
const UNKNOWN_FOR_MS: u64 = 5_000;

/// How the lists of others stand, beside what the store holds.
#[derive(Default)]
pub(crate) struct Trust {
    wanted: BTreeSet<UserId>,
    under_way: BTreeSet<UserId>,
    backoff: BTreeMap<UserId, Backoff>,
    /// The relay showed something that does not hold: nothing is sent to them until it shows what does.
    distrusted: BTreeSet<UserId>,
    /// When the relay last said that it knows no such user.
    unknown: BTreeMap<UserId, Timestamp>,
}

impl Trust {
    /// Whether what the relay shows of this user does not hold.
    pub(crate) fn distrusts(&self, user: &UserId) -> bool {
        self.distrusted.contains(user)
    }

    /// Whether a newer list may be on its way.
    pub(crate) fn awaits(&self, user: &UserId) -> bool {
        self.wanted.contains(user) || self.under_way.contains(user)
    }

    /// Whether the relay just said that it knows no such user.
    pub(crate) fn is_unknown(&self, user: &UserId, now: Timestamp) -> bool {
        self.unknown
            .get(user)
            .is_some_and(|at| now.since_ms(*at) < UNKNOWN_FOR_MS)
    }
}

impl Engine {
    /// Fetches what this user's list became.
    pub(crate) fn want_lists(&mut self, user: UserId) {
        self.trust.wanted.insert(user);
    }

    pub(crate) fn fetch_lists_due(&mut self) {
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
            .cloned()
            .collect();
        for user in due {
            let known = match newest_list(&self.store, &user) {
                Ok(list) => list.map_or(0, |list| list.version),
                Err(_) => continue,
            };
            self.trust.wanted.remove(&user);
            self.trust.under_way.insert(user.clone());
            let path = format!("/v1/users/{user}/devices?since={known}");
            self.request(Outgoing::get(path, Purpose::Lists { user }));
        }
    }

    pub(crate) fn on_lists(&mut self, user: UserId, answer: Answer) {
        self.trust.under_way.remove(&user);
        let taken = match answer.read::<UserDeviceLists>() {
            Ok(lists) if lists.user_id == user => self.take_lists(&user, &lists),
            Ok(_) => Err(EngineError::RelayGarbage { status: 200 }),
            Err(error) => Err(error),
        };
        match taken {
            Ok(()) => {
                self.trust.backoff.remove(&user);
                self.trust.distrusted.remove(&user);
                if self.me.as_ref().is_some_and(|me| me.user == user) {
                    self.own_list_is_fresh();
                }
                self.unpark(&user);
            }
            Err(EngineError::Relay {
                code: ErrorCode::UserUnknown,
                ..
            }) => {
                self.trust.backoff.remove(&user);
                self.trust.unknown.insert(user.clone(), self.now);
                self.unpark(&user);
            }
            Err(error) => {
                if matches!(error, EngineError::DeviceList(..)) {
                    self.distrust(&user);
                }
                let Self {
                    trust, rng, now, ..
                } = self;
                trust.backoff.entry(user.clone()).or_default().failed(
                    *now,
                    error.retry_after_ms(),
                    rng,
                );
                trust.wanted.insert(user);
            }
        }
    }

    /// Told once, until the relay shows a chain that holds.
    pub(crate) fn distrust(&mut self, user: &UserId) {
        if self.trust.distrusted.insert(user.clone()) {
            self.event(crate::Event::DeviceListRollback {
                user_id: user.clone(),
            });
        }
    }

    /// Whoever waited before a restart waits again.
    pub(crate) fn resume_parked_users(&mut self) -> Result<(), EngineError> {
        for (user, _) in self.store.parked_for()? {
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
