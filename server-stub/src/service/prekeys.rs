//! Uploading prekeys and giving them out, each one-time key once ever.

use super::{Answer, Refusal, Service};
use sealwire_wire::contract::{
    BundlesAnswer, BundlesQuery, DeviceName, ErrorCode, PrekeyCount, PrekeyUpload, UserBundles,
};
use sealwire_wire::{DeviceId, UserId};

impl Service {
    /// Adds keys of the caller's device: all of them, or none.
    pub async fn upload_prekeys(&self, caller: &DeviceName, upload: &PrekeyUpload) -> Answer<()> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// How many one-time keys are left.
    pub async fn prekey_count(&self, caller: &DeviceName) -> Answer<PrekeyCount> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// Bundles of one user's live devices, or of one of them. The caller's own device is left out.
    pub async fn user_bundles(
        &self,
        caller: &DeviceName,
        user: &UserId,
        device: Option<DeviceId>,
    ) -> Answer<UserBundles> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// Bundles of up to 50 users. Users and devices that are not live are left out.
    pub async fn query_bundles(
        &self,
        caller: &DeviceName,
        query: &BundlesQuery,
    ) -> Answer<BundlesAnswer> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }
}
