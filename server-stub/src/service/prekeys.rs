//! Uploading prekeys and giving them out, each one-time key once ever.

use super::lists::check_query;
use super::{Answer, Refusal, Service, public_data};
use crate::storage::{Account, DeviceRecord, PrekeysStored};
use sealwire_wire::contract::{
    Bundle, BundlesAnswer, BundlesQuery, DeviceName, ErrorCode, PrekeyCount, PrekeyUpload,
    UserBundles,
};
use sealwire_wire::{Base64, DeviceId, UserId};

/// Unused one-time keys that one device may have with the relay: five full uploads.
const UNUSED_MAX: u32 = 1_000;
/// A device that is online tops up within this time after it was told.
const EXHAUSTED_RETRY_MS: u64 = 60_000;

impl Service {
    /// Adds keys of the caller's device: all of them, or none.
    pub async fn upload_prekeys(&self, caller: &DeviceName, upload: &PrekeyUpload) -> Answer<()> {
        let account = self.live_account(caller).await?;
        let device = account
            .device(caller.device_id)
            .ok_or_else(not_registered)?;
        public_data::check_prekeys(upload, &public_data::identity_key(&device.identity_key)?)?;
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
                    "a device has at most {UNUSED_MAX} unused one-time prekeys; nothing was kept"
                ),
            )),
            PrekeysStored::NoDevice => Err(not_registered()),
        }
    }

    /// How many one-time keys are left.
    pub async fn prekey_count(&self, caller: &DeviceName) -> Answer<PrekeyCount> {
        self.authorise(caller).await?;
        self.storage
            .prekey_count(caller.clone())
            .await?
            .ok_or_else(|| Refusal::new(ErrorCode::NotFound, "this device has no signed prekey"))
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
        let wanted = Vec::from_iter(device);
        let bundles = self.bundles_of(caller, user, &account, &wanted).await?;
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
        let mut users = Vec::new();
        for wanted in &query.users {
            if let Some(account) = self.storage.account(wanted.user_id.clone()).await? {
                users.push(
                    self.bundles_of(caller, &wanted.user_id, &account, &wanted.device_ids)
                        .await?,
                );
            }
        }
        Ok(BundlesAnswer { users })
    }

    /// Bundles of the wanted devices (of all, if none is named) that are live.
    async fn bundles_of(
        &self,
        caller: &DeviceName,
        user: &UserId,
        account: &Account,
        wanted: &[DeviceId],
    ) -> Answer<UserBundles> {
        let mut bundles = Vec::new();
        for device in account.live() {
            let is_caller = caller.user_id == *user && caller.device_id == device.device_id;
            let is_wanted = wanted.is_empty() || wanted.contains(&device.device_id);
            if is_wanted && !is_caller {
                bundles.extend(self.bundle(user, device).await?);
            }
        }
        Ok(UserBundles {
            user_id: user.clone(),
            bundles,
        })
    }

    async fn bundle(&self, user: &UserId, device: &DeviceRecord) -> Answer<Option<Bundle>> {
        let name = DeviceName {
            user_id: user.clone(),
            device_id: device.device_id,
        };
        let Some(taken) = self.storage.take_prekeys(name).await? else {
            return Ok(None);
        };
        if taken.one_time.is_none() && self.rules.demand_one_time_prekeys {
            return Err(Refusal::new(
                ErrorCode::PrekeysExhausted,
                format!(
                    "device {} of {user} has no one-time prekey left",
                    device.device_id
                ),
            )
            .retry_after_ms(EXHAUSTED_RETRY_MS));
        }
        Ok(Some(Bundle {
            device_id: device.device_id,
            registration_id: device.registration_id,
            identity_key: Base64(device.identity_key.to_vec()),
            signed_prekey: taken.signed,
            one_time_prekey: taken.one_time,
        }))
    }
}

fn not_registered() -> Refusal {
    Refusal::new(ErrorCode::DeviceRevoked, "this device is not registered")
}
