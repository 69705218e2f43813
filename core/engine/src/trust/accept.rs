//! Taking in what the relay shows of a user's lists: the whole chain is verified before any of it counts.

use super::{from_wire, lists, newest_list, undisputed_list};
use crate::{Engine, EngineError, Event};
use sealwire_crypto::device::{DeviceList, SignedDeviceList};
use sealwire_store::Rows;
use sealwire_wire::contract::UserDeviceLists;
use sealwire_wire::limits::LISTS_PER_ANSWER;
use sealwire_wire::{DeviceId, UserId, hexadecimal};

/// A version that was verified, and whether people have to say that they believe it: a recovery is signed by no device that they
/// knew, under another account key or under a copy of the one they know, which every removed device has.
pub(super) struct Link {
    pub(super) signed: SignedDeviceList,
    pub(super) list: DeviceList,
    pub(super) asks: bool,
}

impl Engine {
    /// Commits every version after the newest one held, or none; how many were shown, if any of them was new.
    pub(super) fn take_lists(
        &mut self,
        user: &UserId,
        shown: &UserDeviceLists,
    ) -> Result<usize, EngineError> {
        let held = undisputed_list(&self.store, user)?;
        let newest_held = newest_list(&self.store, user)?;
        #[cfg(feature = "planted")]
        if crate::planted::has(crate::planted::Planted::DeviceListRollbackAccepted)
            && held
                .as_ref()
                .is_some_and(|held| shown.version < held.version)
        {
            self.store
                .transaction(|tx| tx.withdraw_lists_after(user, shown.version))?;
            self.event(Event::DevicesChanged {
                user_id: user.clone(),
                version: shown.version,
            });
            return Ok(0);
        }
        let mut chain = match &held {
            Some(_) => verify_chain(user, held.clone(), shown, false)?,
            // It counts once it is whole, wherever the relay cuts its answers.
            None => {
                let begun = self.trust.first_contacts.take(user);
                let last = begun.last().map(|link| link.list.clone());
                let mut chain = begun;
                chain.extend(verify_chain(user, last, shown, true)?);
                if shown.lists.len() >= LISTS_PER_ANSWER {
                    self.trust.first_contacts.put(user, chain)?;
                    return Ok(shown.lists.len());
                }
                chain
            }
        };
        let is_listed = self.is_listed_in(user, held.as_ref());
        self.check_own_account(user, &chain, is_listed)?;
        let disputed = Disputed::of(
            &self.store,
            user,
            held.as_ref(),
            newest_held.as_ref(),
            &chain,
        )?;
        let before = match disputed {
            Disputed::Shown { versions } => {
                chain.drain(..versions);
                newest_held
            }
            Disputed::MadeUp => held,
        };
        let Some(newest) = chain.last().map(|link| link.list.clone()) else {
            // What follows is asked for from the newest that is undisputed: nothing follows until the app accepts these.
            return Ok(0);
        };
        // A device that was just let in was told its account's key by the one that let it in: what lies before needs nobody's word.
        let own_key = self
            .me
            .as_ref()
            .filter(|me| me.user == *user && !is_listed)
            .and_then(|me| Some(me.account.as_ref()?.public()));
        self.store.transaction(|tx| -> Result<(), EngineError> {
            tx.step("lists.kept");
            let mut previous = before.as_ref();
            if let (Disputed::MadeUp, Some(undisputed)) = (&disputed, previous) {
                tx.withdraw_lists_after(user, undisputed.version)?;
            }
            for link in &chain {
                match previous {
                    None => lists::keep_first(tx, user, &link.signed, &link.list)?,
                    Some(previous) => {
                        lists::keep(tx, user, &link.signed, &link.list)?;
                        for gone in removed(previous, &link.list) {
                            tx.note_removal(user, gone, link.list.version)?;
                        }
                        if link.asks {
                            let key = link.list.account_key.to_bytes();
                            tx.offer_account(user, &key, link.list.version)?;
                            if own_key == Some(link.list.account_key) {
                                tx.accept_account(user, &key)?;
                            }
                        }
                    }
                }
                previous = Some(&link.list);
            }
            Ok(())
        })?;
        self.event(Event::DevicesChanged {
            user_id: user.clone(),
            version: newest.version,
        });
        self.tell_of_offer(user);
        self.lists_changed(user, &newest);
        Ok(shown.lists.len())
    }

    /// Tells of what the app is to accept, if there is anything. What cannot be read now is told when the app accepts something else.
    fn tell_of_offer(&mut self, user: &UserId) {
        let is_offered = |pinned: sealwire_store::PinnedAccount| pinned.offered_key.is_some();
        if let Ok(Some(newest)) = newest_list(&self.store, user)
            && let Ok(pinned) = self.store.pinned_account(user)
            && pinned.is_some_and(is_offered)
        {
            self.event(Event::AccountKeyChanged {
                user_id: user.clone(),
                list_hash: hexadecimal(&newest.hash),
            });
        }
    }

    /// The app has compared: the changed account key is the one that counts from now on, if the newest list is the one that the app was
    /// told of. The relay may have put another one there meanwhile, under a key of its own.
    pub(crate) fn accept_account_key(
        &mut self,
        user: &UserId,
        list_hash: &str,
    ) -> Result<(), EngineError> {
        let pinned = self.store.pinned_account(user)?;
        let newest = newest_list(&self.store, user)?;
        if newest
            .as_ref()
            .is_none_or(|newest| hexadecimal(&newest.hash) != list_hash)
        {
            self.tell_of_offer(user);
            return Err(EngineError::ListNotOffered);
        }
        let version = |list: Option<DeviceList>| list.map_or(0, |list| list.version);
        let undisputed = version(undisputed_list(&self.store, user)?);
        let waited = version(newest).saturating_sub(undisputed);
        match pinned.and_then(|pinned| pinned.offered_key) {
            Some(offered) => {
                self.store
                    .transaction(|tx| tx.accept_account(user, &offered))?;
                // What no longer fit into the relay's answer was not asked for.
                if waited >= LISTS_PER_ANSWER as u64 {
                    self.trust.retake.insert(user.clone());
                    self.want_lists(user.clone());
                }
                // What waited for this is opened with the list, should it fail now.
                else if self.unpark(user).is_err() {
                    self.want_lists(user.clone());
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether it is this device's own account, and the list held names it.
    fn is_listed_in(&self, user: &UserId, held: Option<&DeviceList>) -> bool {
        self.me.as_ref().is_some_and(|me| {
            let names_it = |list: &DeviceList| list.device(me.device.get()).is_some();
            me.user == *user && me.is_registered() && held.is_some_and(names_it)
        })
    }

    /// This device knows its own account key: nobody can show it a chain under another. Nor one that goes through a recovery, which
    /// keeps no device and is for accounts that have lost all of theirs: anybody with a copy of the key can make it up, and list this
    /// device again behind it. If either is true, this device gets no token any more.
    fn check_own_account(
        &self,
        user: &UserId,
        chain: &[Link],
        is_listed: bool,
    ) -> Result<(), EngineError> {
        let (Some(me), Some(newest)) = (
            self.me.as_ref().filter(|me| me.user == *user),
            chain.last().map(|link| &link.list),
        ) else {
            return Ok(());
        };
        let wrong = |why: &str| Err(EngineError::DeviceList(user.to_string(), why.to_owned()));
        if is_listed && chain.iter().any(|link| link.asks) {
            return wrong("a recovery would drop this device");
        }
        // Versions before a recovery may be under another key.
        match &me.account {
            Some(account) if newest.account_key != account.public() => {
                wrong("it is not under this account's key")
            }
            _ => Ok(()),
        }
    }

    /// A crash may have come between a list that removes this device and what follows from it.
    pub(crate) fn look_at_own_list(&mut self) -> Result<(), EngineError> {
        let Some(me) = self.me.as_ref() else {
            return Ok(());
        };
        let user = me.user.clone();
        if let Some(newest) = newest_list(&self.store, &user)? {
            self.lists_changed(&user, &newest);
        }
        Ok(())
    }

    fn lists_changed(&mut self, user: &UserId, newest: &DeviceList) {
        self.fanout_knows_new_list(user);
        let revoked = self.me.as_ref().is_some_and(|me| {
            me.is_registered() && me.user == *user && newest.device(me.device.get()).is_none()
        });
        if revoked {
            self.device_is_revoked();
        }
    }
}

/// What became of the versions held under an account key that nobody accepted yet.
enum Disputed {
    /// The relay shows them still: so many at the chain's beginning.
    Shown { versions: usize },
    /// The relay shows another chain under the key that was pinned: they were made up.
    MadeUp,
}

impl Disputed {
    fn of(
        rows: &Rows,
        user: &UserId,
        undisputed: Option<&DeviceList>,
        newest: Option<&DeviceList>,
        chain: &[Link],
    ) -> Result<Self, EngineError> {
        let version = |list: Option<&DeviceList>| list.map_or(0, |list| list.version);
        let (from, to) = (version(undisputed), version(newest));
        for (at, disputed) in (from + 1..=to).enumerate() {
            let held = rows.list(user, disputed)?.map(|row| row.hash);
            match chain.get(at) {
                Some(link) if Some(link.list.hash) == held => {}
                Some(_) => return Ok(Self::MadeUp),
                None => {
                    let older = "it is older than the one held".to_owned();
                    return Err(EngineError::DeviceList(user.to_string(), older));
                }
            }
        }
        let versions = usize::try_from(to - from).unwrap_or(usize::MAX);
        Ok(Self::Shown { versions })
    }
}

/// Every version shown, in order, each verified against the one before.
fn verify_chain(
    user: &UserId,
    held: Option<DeviceList>,
    shown: &UserDeviceLists,
    is_first_contact: bool,
) -> Result<Vec<Link>, EngineError> {
    let wrong =
        |why: &dyn std::fmt::Display| EngineError::DeviceList(user.to_string(), why.to_string());
    if held
        .as_ref()
        .is_some_and(|held| shown.version < held.version)
    {
        return Err(wrong(&"it is older than the one held"));
    }
    // Nothing vouches for the account key of a first contact: what happened under the same one before is no change.
    let mut chain: Vec<Link> = Vec::with_capacity(shown.lists.len());
    let mut newest = held;
    for list in &shown.lists {
        let signed = from_wire(list);
        let link = match &newest {
            None => signed.verify_first(user.as_str()).map(|list| (list, false)),
            Some(held) if signed.claims_recovery().map_err(|error| wrong(&error))? => {
                held.verify_recovery(&signed).map(|recovered| {
                    let asks = recovered.account_key_changed || !is_first_contact;
                    (recovered.list, asks)
                })
            }
            Some(held) => held.verify_next(&signed).map(|list| (list, false)),
        }
        .map(|(list, asks)| Link { signed, list, asks })
        .map_err(|error| wrong(&error))?;
        newest = Some(link.list.clone());
        chain.push(link);
    }
    match newest {
        Some(newest) if newest.version == shown.version => Ok(chain),
        Some(_) => Err(wrong(&"versions are missing")),
        None => Err(wrong(&"it is empty")),
    }
}

/// Devices of `before` that `after` no longer holds.
fn removed(before: &DeviceList, after: &DeviceList) -> Vec<DeviceId> {
    before
        .devices()
        .iter()
        .filter(|entry| after.device(entry.device_id).is_none())
        .filter_map(|entry| DeviceId::new(entry.device_id).ok())
        .collect()
}
