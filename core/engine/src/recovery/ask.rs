//! Asking: one request for all that is due of a device, in a session begun for it, a few times and then ever more rarely.

use crate::account::Me;
use crate::backoff::Backoff;
use crate::control::{ASKING, free_at, may, seal_control};
use crate::engine::Random;
use crate::fanout::{BundleRefusal, begin_from_bundle, recipient};
use crate::prekeys::{make_kem_pair, secret32};
use crate::requests::{Answer, Outgoing, Purpose};
use crate::{Engine, EngineError, Event};
use sealwire_crypto::keys::{OneTimePreKeyPair, SignedPreKeyPair};
use sealwire_store::{PrekeyKind, Rows, Transaction};
use sealwire_wire::contract::{Bundle, BundlesAnswer, BundlesQuery, WantedBundles};
use sealwire_wire::control::{Control, FreshBundle, FreshKemPrekey, ResendRequest};
use sealwire_wire::limits::RESEND_IDS_MAX;
use sealwire_wire::{DeviceId, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};
use zeroize::Zeroizing;

/// While a catch-up goes on, more that cannot be read may come: how long to wait for it, in milliseconds.
const GATHER_MS: u64 = 2_000;
/// The first wait for an answer before the same is asked for again, in milliseconds: twice as long after each.
const ASK_AGAIN_MS: u64 = 6 * 60 * 60 * 1000;
/// How often the same is asked for.
const TRIES_MAX: u32 = 6;

/// A device.
type Name = (UserId, DeviceId);

/// What is under way, beside what the store holds.
#[derive(Default)]
pub(crate) struct Recovery {
    under_way: BTreeSet<Name>,
    backoff: BTreeMap<Name, Backoff>,
    /// Devices whose control messages cannot be read: they are told so by a new session.
    unheard: BTreeSet<Name>,
    /// Own devices to ask for the account key.
    key_holders: BTreeSet<Name>,
    fetching: bool,
}

impl Recovery {
    pub(crate) fn hurry(&mut self, now: Timestamp) {
        self.backoff
            .values_mut()
            .for_each(|backoff| backoff.hurry(now));
    }
}

impl Engine {
    /// A control message of this device did not open: it may have been the answer, so what was asked for is asked for again.
    pub(crate) fn cannot_hear(&mut self, user: UserId, device: DeviceId) {
        let now = self.now;
        // What cannot be noted now is asked for in its own time.
        let _ = self.store.transaction(|tx| -> Result<(), EngineError> {
            Ok(tx.ask_device_again(&user, device, now)?)
        });
        self.recovery.unheard.insert((user, device));
    }

    /// A device that missed the account key when it was linked asks the others for it.
    pub(crate) fn want_account_key(&mut self) {
        let Ok(me) = self.me() else { return };
        if me.account.is_some() {
            return self.recovery.key_holders.clear();
        }
        let (user, this) = (me.user.clone(), me.device);
        let list = crate::trust::newest_list(&self.store, &user).ok().flatten();
        let devices = list.iter().flat_map(|list| list.devices());
        self.recovery.key_holders = devices
            .filter_map(|entry| DeviceId::new(entry.device_id).ok())
            .filter(|device| *device != this)
            .map(|device| (user.clone(), device))
            .collect();
    }

    /// It came: this device can let others in from now on.
    pub(crate) fn restore_account_key(&mut self) {
        if let Ok(Some(me)) = Me::restore(&self.store, self.config.session_policy) {
            self.me = Some(me);
            self.recovery.key_holders.clear();
        }
    }

    pub(crate) fn ask_due(&mut self) {
        for (name, due) in self.to_ask() {
            if due <= self.now && !self.recovery.under_way.contains(&name) {
                self.recovery.under_way.insert(name.clone());
                let (user, device) = name;
                let ask = BundlesQuery {
                    users: vec![WantedBundles {
                        user_id: user.clone(),
                        device_ids: vec![device],
                    }],
                };
                let purpose = Purpose::RecoveryBundle { user, device };
                self.request(Outgoing::post("/v1/prekeys/query", purpose).json(&ask));
            }
        }
        self.fetch_true_rows();
    }

    pub(crate) fn recovery_wakes_at(&self) -> Option<Timestamp> {
        if !self.online || self.account().is_none() {
            return None;
        }
        let asks = self.to_ask().into_iter();
        let asks = asks.filter(|(name, _)| !self.recovery.under_way.contains(name));
        let fetch = self.store.row_to_fetch().ok().flatten();
        asks.map(|(_, due)| due)
            .chain(fetch.map(|(_, _, due)| due))
            .filter(|due| *due > self.now)
            .min()
    }

    /// The devices to ask, each with the time from which on it may be.
    fn to_ask(&self) -> Vec<(Name, Timestamp)> {
        let rows = self.store.devices_to_ask().unwrap_or_default().into_iter();
        let mut due: BTreeMap<Name, Timestamp> = rows
            .map(|(user, device, due)| {
                let gathered = if self.is_catching_up() {
                    due.plus_ms(GATHER_MS)
                } else {
                    due
                };
                ((user, device), gathered)
            })
            .collect();
        for name in self
            .recovery
            .unheard
            .iter()
            .chain(&self.recovery.key_holders)
        {
            due.entry(name.clone()).or_insert(self.now);
        }
        due.into_iter()
            .filter_map(|(name, due)| {
                let (user, device) = &name;
                let pinned = self.store.pinned_account(user).ok()?;
                let disputed = pinned.is_some_and(|pinned| pinned.offered_key.is_some());
                if disputed || self.trust.distrusts(user) || self.trust.awaits(user) {
                    return None;
                }
                // Whoever is in no list any more has nothing to say.
                recipient(&self.store, user, *device).ok().flatten()?;
                let free = free_at(&self.store, ASKING, user, *device, self.now).ok()?;
                let backoff = self.recovery.backoff.get(&name);
                let retry = backoff.and_then(Backoff::due_at).unwrap_or_default();
                Some((name, due.max(free).max(retry)))
            })
            .collect()
    }

    pub(crate) fn on_recovery_bundle(&mut self, user: UserId, device: DeviceId, answer: Answer) {
        let name = (user.clone(), device);
        self.recovery.under_way.remove(&name);
        let asked = answer.read::<BundlesAnswer>().and_then(|answer| {
            let served = answer
                .users
                .into_iter()
                .filter(|served| served.user_id == user)
                .flat_map(|served| served.bundles)
                .find(|bundle| bundle.device_id == device);
            match served {
                Some(bundle) => self.ask_with(&name, &bundle),
                None => Ok(false),
            }
        });
        match asked {
            Ok(true) => {
                self.recovery.backoff.remove(&name);
                self.recovery.unheard.remove(&name);
                self.recovery.key_holders.remove(&name);
            }
            Ok(false) => self.ask_later(name, None),
            Err(error) => self.ask_later(name, error.retry_after_ms()),
        }
    }

    fn ask_later(&mut self, name: Name, wish: Option<u64>) {
        let Self {
            recovery, rng, now, ..
        } = self;
        let backoff = recovery.backoff.entry(name).or_default();
        backoff.failed(*now, wish, rng);
    }

    /// Session, request, and what was asked for: in one commit. Whether anything of it could be done.
    fn ask_with(&mut self, name: &Name, bundle: &Bundle) -> Result<bool, EngineError> {
        let me = self.me()?.clone();
        let (user, device) = name;
        let asks_key = self.recovery.key_holders.contains(name);
        let renews = self.recovery.unheard.contains(name);
        let Self {
            store, rng, now, ..
        } = self;
        let now = *now;
        let mut refused = None;
        let begun = store.transaction(|tx| -> Result<bool, EngineError> {
            // In no list any more: there is nobody to ask.
            let Some(to) = recipient(tx, user, *device)? else {
                return Ok(true);
            };
            let wanted = tx.rows_to_ask_for(user, *device, now, RESEND_IDS_MAX as u32)?;
            let free = free_at(tx, ASKING, user, *device, now)? <= now;
            if !free || (wanted.is_empty() && !asks_key && !renews) {
                return Ok(true);
            }
            if let Err(refusal) = begin_from_bundle(tx, &me, &to, bundle, now, rng)? {
                refused = Some(refusal);
                return Ok(false);
            }
            may(tx, ASKING, user, *device, now)?;
            if !wanted.is_empty() || renews {
                let request = ResendRequest {
                    messages: wanted.iter().map(|(_, name)| *name).collect(),
                    bundle: fresh_bundle(tx, &me, now, rng)?,
                };
                seal_control(tx, &to, &Control::ResendRequest(request), now, rng)?;
            }
            if asks_key {
                seal_control(tx, &to, &Control::AccountKeyRequest, now, rng)?;
            }
            for (id, _) in &wanted {
                let tries = tx.unread_row(*id)?.map_or(0, |row| row.tries);
                let again = (tries + 1 < TRIES_MAX)
                    .then(|| now.plus_ms(ASK_AGAIN_MS.saturating_mul(1 << tries.min(16))));
                tx.note_unread_try(*id, again)?;
            }
            Ok(true)
        })?;
        if refused.is_some_and(BundleRefusal::speaks_against_relay) {
            self.event(Event::RelayInconsistent {
                user_id: user.clone(),
                device_id: *device,
            });
        }
        Ok(begun)
    }

    /// What opens these is here, and the row that the relay delivered was not the true one, or is not held: one after
    /// the other.
    fn fetch_true_rows(&mut self) {
        let due = match self.store.row_to_fetch() {
            Ok(Some((id, message, due))) if due <= self.now && !self.recovery.fetching => {
                Some((id, message))
            }
            _ => None,
        };
        let Some((id, message)) = due else { return };
        let tries = match self.store.unread_row(id) {
            Ok(Some(row)) => row.tries,
            _ => return,
        };
        let again = (tries + 1 < TRIES_MAX).then(|| {
            self.now
                .plus_ms(60_000u64.saturating_mul(1 << (2 * tries.min(8))))
        });
        let noted = self
            .store
            .transaction(|tx| -> Result<(), EngineError> { Ok(tx.note_unread_try(id, again)?) });
        if noted.is_ok() {
            self.recovery.fetching = true;
            let path = format!("/v1/messages/{message}");
            self.request(Outgoing::get(path, Purpose::TrueRow));
        }
    }

    pub(crate) fn on_true_row(&mut self, answer: Answer) {
        self.recovery.fetching = false;
        // Whatever it is, it is judged as if it had been delivered; what does not come is fetched again.
        if let Ok(row) = answer.read() {
            let _ = self.receive(&[row]);
        }
    }
}

/// One-time prekeys that only this request names, and the signed one that the relay has.
fn fresh_bundle(
    tx: &mut Transaction<'_>,
    me: &Me,
    now: Timestamp,
    rng: &mut Random,
) -> Result<FreshBundle, EngineError> {
    let signed = newest_signed(tx)?;
    let id = tx.take_prekey_ids(PrekeyKind::OneTime, 1)?;
    let one_time = OneTimePreKeyPair::generate(id, rng);
    let secret = Zeroizing::new(one_time.secret_bytes().to_vec());
    tx.keep_back_one_time_prekey(id, &secret, now)?;
    let kem_id = tx.take_prekey_ids(PrekeyKind::Kem, 1)?;
    let (kem, row) = make_kem_pair(kem_id, &me.identity, now, rng);
    tx.keep_back_kem_prekey(&row, now)?;
    Ok(FreshBundle {
        registration_id: me.registration_id,
        signed_prekey_id: signed.0.id(),
        signed_prekey: signed.0.public().to_bytes(),
        signed_prekey_signature: signed.1,
        one_time_prekey_id: id,
        one_time_prekey: one_time.public().to_bytes(),
        kem_prekey: Some(Box::new(FreshKemPrekey {
            id: kem_id,
            key: kem.public().to_bytes(),
            signature: row.signature,
        })),
    })
}

fn newest_signed(rows: &Rows) -> Result<(SignedPreKeyPair, [u8; 64]), EngineError> {
    let newest = rows.signed_prekeys()?.into_iter().next();
    let row = newest.ok_or_else(|| EngineError::Internal("no signed prekey is held".to_owned()))?;
    let pair = SignedPreKeyPair::from_secret_bytes(row.id, &*secret32(&row.secret)?);
    Ok((pair, row.signature))
}
