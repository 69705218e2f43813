//! Uploading prekeys and giving them out, each one-time key once ever.

use super::lists::check_query;
use super::{Answer, Refusal, Service, public_data};
use crate::storage::{Account, DeviceRecord, PrekeysStored, RepeatedPrekeys};
use sealwire_crypto::keys::IdentityKey;
use sealwire_crypto::primitives::sha256;
use sealwire_wire::contract::{
    Bundle, BundlesAnswer, BundlesQuery, DeviceName, ErrorCode, PrekeyCheck, PrekeyCheckAnswer,
    PrekeyCount, PrekeyUpload, UserBundles,
};
use sealwire_wire::{Base64, DeviceId, UserId};
use tokio::sync::MutexGuard;

/// Unused one-time keys of each kind that one device may have with the relay: five full uploads. KEM keys are 1.7 MB then.
const UNUSED_MAX: u32 = 1_000;
const REPEATED_USE_LABEL: &[u8] = b"Sealwire v1 repeated-use keys";
/// A device that is online tops up within this time after it was told.
const EXHAUSTED_RETRY_MS: u64 = 60_000;

impl Service {
    /// Adds keys of the caller's device: all of them, or none.
    pub async fn upload_prekeys(&self, caller: &DeviceName, upload: &PrekeyUpload) -> Answer<()> {
        let account = self.live_account(caller).await?;
        let device = account
            .device(caller.device_id)
            .ok_or_else(not_registered)?;
        let identity = public_data::identity_key(&device.identity_key)?;
        self.check_signatures(upload, &identity).await?;
        let stored = self
            .storage
            .store_prekeys(caller.clone(), upload.clone(), UNUSED_MAX)
            .await?;
        match stored {
            PrekeysStored::Stored => Ok(()),
            PrekeysStored::Conflict(id) => Err(Refusal::new(
                ErrorCode::PrekeyIdConflict,
                format!("prekey {id} was another key: skip ahead with your ids; nothing was kept"),
            )),
            PrekeysStored::TooMany => Err(Refusal::new(
                ErrorCode::Unprocessable,
                format!(
                    "a device has at most {UNUSED_MAX} unused one-time prekeys of each kind; nothing was kept"
                ),
            )),
            PrekeysStored::NoDevice => Err(not_registered()),
        }
    }

    /// Whether these are prekeys of this device. One upload at a time: however many come at once, the rest of the relay has
    /// every other turn.
    pub(super) async fn check_signatures(
        &self,
        upload: &PrekeyUpload,
        identity: &IdentityKey,
    ) -> Answer<()> {
        let _turn = self.signatures_turn.lock().await;
        public_data::check_prekeys(upload, identity).await
    }

    /// How many one-time keys are left.
    pub async fn prekey_count(&self, caller: &DeviceName) -> Answer<PrekeyCount> {
        self.authorise(caller).await?;
        self.storage
            .prekey_count(caller.clone())
            .await?
            .ok_or_else(|| Refusal::new(ErrorCode::NotFound, "this device has no signed prekey"))
    }

    /// Whether the keys that bundles of this device carry again and again are those that it believes.
    pub async fn check_prekeys(
        &self,
        caller: &DeviceName,
        check: &PrekeyCheck,
    ) -> Answer<PrekeyCheckAnswer> {
        let account = self.live_account(caller).await?;
        let device = account
            .device(caller.device_id)
            .ok_or_else(not_registered)?;
        let count = self.prekey_count(caller).await?;
        let repeated = self.storage.repeated_prekeys(caller.clone()).await?;
        let digest = repeated.map(|repeated| repeated_use_digest(device, &repeated));
        Ok(PrekeyCheckAnswer {
            matches: digest.is_some_and(|digest| digest == check.digest.0),
            count,
        })
    }

    /// Bundles of one user's live devices, or of one of them. The caller's own device is left out.
    pub async fn user_bundles(
        &self,
        caller: &DeviceName,
        user: &UserId,
        device: Option<DeviceId>,
    ) -> Answer<UserBundles> {
        self.authorise(caller).await?;
        let account = self.existing_account(user).await?;
        let wanted = wanted_devices(caller, user, &account, device.as_slice());
        let _turn = self.demand_one_time([(user, &wanted[..])]).await?;
        let bundles = self.bundles_of(user, &wanted).await?;
        if device.is_some() && bundles.bundles.is_empty() {
            return Err(Refusal::new(ErrorCode::NotFound, "that device is not live"));
        }
        Ok(bundles)
    }

    /// Bundles of up to 50 users. Users and devices that are not live are left out.
    pub async fn query_bundles(
        &self,
        caller: &DeviceName,
        query: &BundlesQuery,
    ) -> Answer<BundlesAnswer> {
        self.authorise(caller).await?;
        check_query(query.users.iter().map(|wanted| &wanted.user_id))?;
        let mut accounts = Vec::new();
        for wanted in &query.users {
            if let Some(account) = self.storage.account(wanted.user_id.clone()).await? {
                accounts.push((wanted, account));
            }
        }
        let wanted: Vec<(&UserId, Vec<&DeviceRecord>)> = accounts
            .iter()
            .map(|(wanted, account)| {
                let user = &wanted.user_id;
                let devices = wanted_devices(caller, user, account, &wanted.device_ids);
                (user, devices)
            })
            .collect();
        let all = wanted.iter().map(|(user, devices)| (*user, &devices[..]));
        let _turn = self.demand_one_time(all).await?;
        let mut users = Vec::new();
        for (user, devices) in &wanted {
            users.push(self.bundles_of(user, devices).await?);
        }
        Ok(BundlesAnswer { users })
    }

    /// Where the deployment demands one-time keys: refuses if one of these devices has none, before any key is taken from the
    /// others. While the turn is held, nobody else takes one.
    async fn demand_one_time<'a>(
        &self,
        wanted: impl IntoIterator<Item = (&'a UserId, &'a [&'a DeviceRecord])> + Send,
    ) -> Answer<Option<MutexGuard<'_, ()>>> {
        if !self.rules.demand_one_time_prekeys {
            return Ok(None);
        }
        let names: Vec<DeviceName> = wanted
            .into_iter()
            .flat_map(|(user, devices)| devices.iter().map(|device| name(user, device)))
            .collect();
        let turn = self.prekey_turn.lock().await;
        for device in names {
            let count = self.storage.prekey_count(device.clone()).await?;
            if count.is_some_and(|count| count.one_time_prekeys == 0) {
                return Err(exhausted(&device));
            }
        }
        Ok(Some(turn))
    }

    async fn bundles_of(&self, user: &UserId, devices: &[&DeviceRecord]) -> Answer<UserBundles> {
        let mut bundles = Vec::new();
        for device in devices {
            bundles.extend(self.bundle(user, device).await?);
        }
        Ok(UserBundles {
            user_id: user.clone(),
            bundles,
        })
    }

    async fn bundle(&self, user: &UserId, device: &DeviceRecord) -> Answer<Option<Bundle>> {
        let name = name(user, device);
        let Some(taken) = self.storage.take_prekeys(name.clone()).await? else {
            return Ok(None);
        };
        if taken.one_time.is_none() && self.rules.demand_one_time_prekeys {
            return Err(exhausted(&name));
        }
        Ok(Some(Bundle {
            device_id: device.device_id,
            registration_id: device.registration_id,
            identity_key: Base64(device.identity_key.to_vec()),
            signed_prekey: taken.signed,
            one_time_prekey: taken.one_time,
            kem_prekey: taken.kem,
        }))
    }
}

/// The wanted devices (all, if none is named) that are live, without the caller's own.
fn wanted_devices<'a>(
    caller: &DeviceName,
    user: &UserId,
    account: &'a Account,
    wanted: &[DeviceId],
) -> Vec<&'a DeviceRecord> {
    let is_wanted = |device: &&DeviceRecord| {
        let is_caller = caller.user_id == *user && caller.device_id == device.device_id;
        !is_caller && (wanted.is_empty() || wanted.contains(&device.device_id))
    };
    account.live().filter(is_wanted).collect()
}

/// As [`PrekeyCheck`] has it.
fn repeated_use_digest(device: &DeviceRecord, repeated: &RepeatedPrekeys) -> [u8; 32] {
    let signed = &repeated.signed;
    let mut text = REPEATED_USE_LABEL.to_vec();
    text.extend_from_slice(&device.identity_key);
    text.extend_from_slice(&device.registration_id.to_be_bytes());
    text.extend_from_slice(&signed.id.to_be_bytes());
    text.extend_from_slice(signed.key.as_slice());
    text.extend_from_slice(signed.signature.as_slice());
    if let Some(kem) = &repeated.last_resort_kem {
        text.extend_from_slice(&kem.id.to_be_bytes());
        text.extend_from_slice(kem.key.as_slice());
        text.extend_from_slice(kem.signature.as_slice());
    }
    sha256(&text)
}

fn name(user: &UserId, device: &DeviceRecord) -> DeviceName {
    DeviceName {
        user_id: user.clone(),
        device_id: device.device_id,
    }
}

fn exhausted(device: &DeviceName) -> Refusal {
    Refusal::new(
        ErrorCode::PrekeysExhausted,
        format!(
            "device {} of {} has no one-time prekey left",
            device.device_id, device.user_id
        ),
    )
    .retry_after_ms(EXHAUSTED_RETRY_MS)
}

fn not_registered() -> Refusal {
    Refusal::new(ErrorCode::DeviceRevoked, "this device is not registered")
}
