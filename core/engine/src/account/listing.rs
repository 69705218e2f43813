//! What this device's entry in the list says that it speaks: published anew when that changed, as after an upgrade.
//!
//! Prekeys come first: whoever reads the entry must find in the bundle what it promises.

use super::publishing::publish;
use crate::backoff::Backoff;
use crate::requests::{Answer, Purpose};
use crate::{Engine, EngineError, trust};
use sealwire_crypto::device::{ListChange, NewDevice, consent_to_listing};
use sealwire_crypto::ratchet::Version;
use sealwire_store::PrekeyKind;
use sealwire_wire::Timestamp;
use sealwire_wire::contract::ErrorCode;

/// How the publication stands.
pub(crate) struct Listing {
    /// Whether the entry is to be looked at.
    wanted: bool,
    under_way: bool,
    backoff: Backoff,
}

impl Default for Listing {
    fn default() -> Self {
        Self {
            wanted: true,
            under_way: false,
            backoff: Backoff::default(),
        }
    }
}

impl Listing {
    /// Something that it depends on changed.
    pub(crate) fn look(&mut self) {
        self.wanted = true;
    }
}

impl Engine {
    pub(crate) fn list_versions_due(&mut self) {
        let listing = &self.listing;
        // Another list of this account may be about to come out.
        let busy = self.linking.is_some() || self.removal.is_some();
        if !listing.wanted || listing.under_way || busy || !listing.backoff.is_due(self.now) {
            return;
        }
        match self.list_what_it_speaks() {
            Ok(under_way) => {
                self.listing.wanted = false;
                self.listing.under_way = under_way;
            }
            Err(_) => self.listing_failed(None),
        }
    }

    pub(crate) fn on_versions_listed(&mut self, answer: Answer) {
        self.listing.under_way = false;
        match answer.done() {
            Ok(())
            | Err(EngineError::Relay {
                code: ErrorCode::DeviceListConflict,
                ..
            }) => {
                self.listing.backoff.succeeded();
                // What the relay shows decides.
                if let Ok(me) = self.me() {
                    let user = me.user.clone();
                    self.want_lists(user);
                }
            }
            Err(error) => self.listing_failed(error.retry_after_ms()),
        }
    }

    pub(crate) fn listing_wakes_at(&self) -> Option<Timestamp> {
        let listing = &self.listing;
        let due = listing.backoff.due_at();
        due.filter(|at| listing.wanted && !listing.under_way && *at > self.now)
    }

    /// The highest version that this device's entry in the newest list names; before it is in any list, that which it will.
    pub(crate) fn listed_version(&self) -> Result<u32, EngineError> {
        let me = self.me()?;
        let list = trust::newest_list(&self.store, &me.user)?;
        let entry = list.as_ref().and_then(|list| list.device(me.device.get()));
        let versions = match entry {
            Some(entry) => entry.protocol_versions.clone(),
            None => me.protocol_versions(),
        };
        Ok(versions.into_iter().max().unwrap_or_default())
    }

    /// Whether a list was sent.
    fn list_what_it_speaks(&mut self) -> Result<bool, EngineError> {
        let me = self.me()?.clone();
        let Some(account) = &me.account else {
            return Ok(false);
        };
        let Some(list) = trust::newest_list(&self.store, &me.user)? else {
            return Ok(false);
        };
        let Some(entry) = list.device(me.device.get()) else {
            return Ok(false);
        };
        if entry.protocol_versions == me.protocol_versions() {
            self.renew_prekeys_when_listed()?;
            return Ok(false);
        }
        if self.trust.awaits(&me.user) || !self.has_uploaded_kem_prekeys()? {
            return Ok(false);
        }
        let consent = consent_to_listing(
            &me.identity,
            me.user.as_str(),
            &account.public(),
            &mut self.rng,
        );
        let change = ListChange {
            put: vec![NewDevice {
                added_at_ms: entry.added_at_ms,
                features: entry.features.clone(),
                ..me.listing(consent.map_err(super::internal)?, self.now)
            }],
            remove: Vec::new(),
        };
        let next = self.next_list(&change)?;
        self.request(publish(&next, Purpose::ListVersions));
        Ok(true)
    }

    /// Whether the relay has what others begin sessions of version 4 with.
    fn has_uploaded_kem_prekeys(&self) -> Result<bool, EngineError> {
        let uploaded = self.store.prekey_ids(PrekeyKind::Kem)?.first_not_uploaded;
        let held = self.store.last_resort_kem_prekeys()?;
        Ok(held.iter().any(|row| row.id < uploaded))
    }

    fn listing_failed(&mut self, wish: Option<u64>) {
        let Self {
            listing, rng, now, ..
        } = self;
        listing.wanted = true;
        listing.backoff.failed(*now, wish, rng);
    }
}

/// Whether a list's entry says that the device speaks PQXDH.
pub(crate) fn speaks_pqxdh(versions: &[u32]) -> bool {
    versions.contains(&u32::from(Version::Pqxdh.number()))
}
