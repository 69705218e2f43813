//! A session with every recipient device: held, or begun from a bundle that its account vouches for.

use super::{Recipient, recipient};
use crate::account::Me;
use crate::backoff::Backoff;
use crate::engine::Random;
use crate::requests::{Answer, Outgoing, Purpose};
use crate::{Engine, EngineError, Event};
use sealwire_crypto::bundle::PreKeyBundle;
use sealwire_crypto::keys::{KemPublicKey, OneTimePreKey, SignedPreKey};
use sealwire_crypto::ratchet::{self, AgreementError, SessionRecord, Version};
use sealwire_crypto::signature::Signature;
use sealwire_store::{Rows, StoreError, Transaction};
use sealwire_wire::contract::{Bundle, BundlesAnswer, BundlesQuery, DeviceName, WantedBundles};
use sealwire_wire::limits::QUERY_USERS_MAX;
use sealwire_wire::{DeviceId, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// A device whose bundle was not to be had is left out for this long, in milliseconds: one bad device blocks nobody.
const LEFT_OUT_MS: u64 = 60_000;

/// Bundles being fetched, and devices that have none.
#[derive(Default)]
pub(crate) struct Bundles {
    under_way: BTreeSet<UserId>,
    /// Of users whose bundles were not to be had: they hold nobody else up.
    backoff: BTreeMap<UserId, Backoff>,
    left_out_until: BTreeMap<(UserId, DeviceId), Timestamp>,
    /// Devices whose last bundle was of X3DH alone where the app asks for more.
    below_policy: BTreeSet<(UserId, DeviceId)>,
}

impl Bundles {
    /// Whether this device is passed over for now.
    pub(crate) fn leaves_out(&self, device: &Recipient, now: Timestamp) -> bool {
        self.left_out_until
            .get(&(device.user.clone(), device.device))
            .is_some_and(|until| now < *until)
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

    /// Whether no session may begin with one of these devices, as they are, under the app's policy.
    pub(crate) fn refuses_any<'a>(
        &self,
        devices: impl IntoIterator<Item = &'a DeviceName>,
    ) -> bool {
        devices.into_iter().any(|device| {
            let name = (device.user_id.clone(), device.device_id);
            self.below_policy.contains(&name)
        })
    }

    /// Their devices may have other keys by now: none is passed over.
    pub(crate) fn look_again(&mut self, users: &[&UserId]) {
        self.left_out_until
            .retain(|(left_out, _), _| !users.contains(&left_out));
        self.below_policy
            .retain(|(refused, _)| !users.contains(&refused));
    }

    /// Pass this device over for a while.
    pub(crate) fn leave_out(&mut self, user: UserId, device: DeviceId, now: Timestamp) {
        self.left_out_until
            .insert((user, device), now.plus_ms(LEFT_OUT_MS));
    }
}

/// Why no session was begun from a bundle. What was held is as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BundleRefusal {
    /// Its keys are not those that the account and the device signed, or none at all.
    #[error("the bundle is not vouched for by its account and its device")]
    NotVouchedFor,
    /// The account's list says that the device speaks PQXDH: somebody took the KEM prekey away.
    #[error("the bundle lacks the KEM prekey that the device's list entry promises")]
    Downgraded,
    /// The device speaks X3DH alone, and this app wants more.
    #[error("the bundle is of a device without PQXDH, and the policy asks for it")]
    X3dhRefused,
}

/// Whether a session must be begun before anything can be wrapped for this device: also where the one that is held was begun
/// before the device spoke PQXDH.
pub(crate) fn lacks_session(
    rows: &Rows,
    device: &Recipient,
    now: Timestamp,
) -> Result<bool, EngineError> {
    let Some(row) = rows.session(&device.user, device.device)? else {
        return Ok(true);
    };
    // A record that cannot be read is of no use: a new one takes its place.
    let Ok(record) = SessionRecord::from_bytes(&row.record) else {
        return Ok(true);
    };
    Ok(record.their_identity() != device.identity
        || record.current_registration_id() != Some(device.registration_id)
        || (device.speaks_pqxdh && record.current_version() == Some(Version::X3dh))
        || !record.is_usable_for_sending(now.0))
}

/// The protocol version of the session that messages for this device go in; none where there is no session yet.
pub fn session_protocol(
    rows: &Rows,
    user: &UserId,
    device: DeviceId,
) -> Result<Option<u8>, StoreError> {
    let row = rows.session(user, device)?;
    let record = row.and_then(|row| SessionRecord::from_bytes(&row.record).ok());
    let version = record.and_then(|record| record.current_version());
    Ok(version.map(Version::number))
}

impl Engine {
    /// Fetches bundles for these devices, unless that is under way or was just tried.
    pub(crate) fn want_bundles(&mut self, devices: &[Recipient]) {
        let mut wanted: BTreeMap<UserId, Vec<DeviceId>> = BTreeMap::new();
        for device in devices
            .iter()
            .filter(|device| !self.bundles.under_way.contains(&device.user))
        {
            wanted
                .entry(device.user.clone())
                .or_default()
                .push(device.device);
        }
        let (failed, fresh): (Vec<_>, Vec<_>) = wanted
            .into_iter()
            .map(|(user_id, device_ids)| WantedBundles {
                user_id,
                device_ids,
            })
            .partition(|wanted| self.bundles.backoff.contains_key(&wanted.user_id));
        for wanted in fresh.chunks(QUERY_USERS_MAX) {
            self.query_bundles(wanted.to_vec());
        }
        // One who failed before is asked for alone.
        for wanted in failed {
            let backoff = self.bundles.backoff.get(&wanted.user_id);
            if backoff.is_some_and(|backoff| backoff.is_due(self.now)) {
                self.query_bundles(vec![wanted]);
            }
        }
    }

    fn query_bundles(&mut self, wanted: Vec<WantedBundles>) {
        let users = wanted.iter().map(|wanted| wanted.user_id.clone());
        self.bundles.under_way.extend(users);
        let query = BundlesQuery { users: wanted };
        let ask = Outgoing::post("/v1/prekeys/query", Purpose::Bundles(query.clone()));
        self.request(ask.json(&query));
    }

    pub(crate) fn on_bundles(&mut self, asked: BundlesQuery, answer: Answer) {
        for wanted in &asked.users {
            self.bundles.under_way.remove(&wanted.user_id);
        }
        let begun = answer
            .read::<BundlesAnswer>()
            .and_then(|answer| self.begin_sessions(&asked, &answer));
        let users: Vec<_> = asked.users.into_iter().map(|of| of.user_id).collect();
        let Self {
            bundles, rng, now, ..
        } = self;
        match begun {
            Ok(()) => bundles.backoff.retain(|user, _| !users.contains(user)),
            Err(error) => {
                // Of several, one may be what failed: each is asked for alone, and only then waited for as long as it wants.
                let wish = error.retry_after_ms().filter(|_| users.len() == 1);
                for user in &users {
                    let backoff = bundles.backoff.entry(user.clone()).or_default();
                    backoff.failed(*now, wish, rng);
                }
                for user in &users {
                    self.cannot_wrap_for(user);
                }
            }
        }
    }

    pub(crate) fn bundles_wake_at(&self) -> Option<Timestamp> {
        let due = self.bundles.backoff.values().filter_map(Backoff::due_at);
        due.filter(|at| *at > self.now).min()
    }

    /// A new list may hold what was left out.
    pub(crate) fn fanout_knows_new_list(&mut self, user: &UserId) {
        self.bundles.look_again(&[user]);
        self.outbox_knows_new_list(user);
    }

    /// Every session in one commit, before anything is sealed in it. Only what was asked for is judged: a device that was listed
    /// meanwhile has its bundle in another answer.
    fn begin_sessions(
        &mut self,
        asked: &BundlesQuery,
        answer: &BundlesAnswer,
    ) -> Result<(), EngineError> {
        let me = self.me()?.clone();
        let mut unvouched = Vec::new();
        let Self {
            store,
            rng,
            now,
            bundles,
            ..
        } = self;
        store.transaction(|tx| -> Result<(), EngineError> {
            tx.step("send.sessions");
            for WantedBundles {
                user_id: user,
                device_ids,
            } in &asked.users
            {
                let served: BTreeMap<_, _> = answer
                    .users
                    .iter()
                    .filter(|served| served.user_id == *user)
                    .flat_map(|served| &served.bundles)
                    .map(|bundle| (bundle.device_id, bundle))
                    .collect();
                let list = crate::trust::newest_list(tx, user)?;
                for entry in list.iter().flat_map(|list| list.devices()) {
                    let Ok(device) = DeviceId::new(entry.device_id) else {
                        continue;
                    };
                    let Some(wanted) = recipient(tx, user, device)? else {
                        continue;
                    };
                    let is_asked_for = device_ids.contains(&device) && !me.is(user, device);
                    if !is_asked_for || !lacks_session(tx, &wanted, *now)? {
                        continue;
                    }
                    let bundle = served.get(&device);
                    let begun = match bundle {
                        Some(bundle) => begin_from_bundle(tx, &me, &wanted, bundle, *now, rng)?,
                        None => {
                            bundles.leave_out(user.clone(), device, *now);
                            continue;
                        }
                    };
                    bundles.below_policy.remove(&(user.clone(), device));
                    let Err(refusal) = begun else { continue };
                    bundles.leave_out(user.clone(), device, *now);
                    if refusal.speaks_against_relay() {
                        unvouched.push((user.clone(), device));
                    } else {
                        bundles.below_policy.insert((user.clone(), device));
                    }
                }
            }
            Ok::<_, EngineError>(())
        })?;
        for (user_id, device_id) in unvouched {
            self.event(Event::RelayInconsistent { user_id, device_id });
        }
        Ok(())
    }
}

impl BundleRefusal {
    /// Whether an honest relay shows no such bundle.
    pub(crate) fn speaks_against_relay(self) -> bool {
        self != Self::X3dhRefused
    }
}

/// Begins a session beside those held, to be the one to send on, with the highest version that both devices speak.
pub(crate) fn begin_from_bundle(
    tx: &mut Transaction<'_>,
    me: &Me,
    wanted: &Recipient,
    bundle: &Bundle,
    now: Timestamp,
    rng: &mut Random,
) -> Result<Result<(), BundleRefusal>, EngineError> {
    let vouched = bundle.identity_key.as_slice() == wanted.identity.to_bytes()
        && bundle.registration_id == wanted.registration_id;
    let Some(bundle) = verified(wanted, bundle).filter(|_| vouched) else {
        return Ok(Err(BundleRefusal::NotVouchedFor));
    };
    if wanted.speaks_pqxdh && bundle.version() == Version::X3dh {
        return Ok(Err(BundleRefusal::Downgraded));
    }
    let row = tx.session(&wanted.user, wanted.device)?;
    let held = row
        .as_ref()
        .and_then(|row| SessionRecord::from_bytes(&row.record).ok())
        .filter(|record| record.their_identity() == wanted.identity);
    match ratchet::begin(
        held.as_ref(),
        &me.identity,
        me.registration_id,
        &bundle,
        me.policy,
        now.0,
        rng,
    ) {
        Ok(record) => {
            let version = row.map(|row| row.version);
            tx.save_session(&wanted.user, wanted.device, version, &record.to_bytes())?;
            Ok(Ok(()))
        }
        Err(AgreementError::X3dhRefused) => Ok(Err(BundleRefusal::X3dhRefused)),
        Err(_) => Ok(Err(BundleRefusal::NotVouchedFor)),
    }
}

/// The bundle with its signatures checked.
fn verified(wanted: &Recipient, bundle: &Bundle) -> Option<PreKeyBundle> {
    let one_time = match &bundle.one_time_prekey {
        Some(prekey) => Some((
            prekey.id,
            OneTimePreKey::from_bytes(prekey.key.as_slice()).ok()?,
        )),
        None => None,
    };
    let checked = PreKeyBundle::new(
        bundle.registration_id,
        bundle.device_id.get(),
        wanted.identity,
        bundle.signed_prekey.id,
        SignedPreKey::from_bytes(bundle.signed_prekey.key.as_slice()).ok()?,
        &Signature::from_bytes(bundle.signed_prekey.signature.as_slice()).ok()?,
        one_time,
    )
    .ok()?;
    let Some(kem) = &bundle.kem_prekey else {
        return Some(checked);
    };
    let key = KemPublicKey::from_bytes(kem.key.as_slice()).ok()?;
    let signature = Signature::from_bytes(kem.signature.as_slice()).ok()?;
    checked.with_kem_prekey(kem.id, key, &signature).ok()
}
