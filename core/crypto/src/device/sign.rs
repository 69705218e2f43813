//! Making lists: the first, the next, and a recovery. Each is verified before it is handed out.

use super::{
    DeviceEntry, DeviceList, DeviceListError, FIRST_DEVICE_ID, NewDevice, SignedDeviceEntry,
    SignedDeviceList, is_user_id, proto,
};
use crate::keys::{AccountKeyPair, IdentityKeyPair};
use crate::signature::Signature;
use prost::Message as _;
use rand_core::CryptoRng;

/// What the next version changes.
#[derive(Debug, Clone, Default)]
pub struct ListChange {
    /// Devices to add, or to list anew under the same id with other versions or features.
    pub put: Vec<NewDevice>,
    /// Device ids to remove.
    pub remove: Vec<u32>,
}

impl SignedDeviceList {
    /// Version 1 of an account: its first device, which signs beside the account key.
    pub fn sign_first(
        account: &AccountKeyPair,
        identity: &IdentityKeyPair,
        user_id: &str,
        device: &NewDevice,
        issued_at_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, DeviceListError> {
        if !is_user_id(user_id) {
            return Err(DeviceListError::UserId);
        }
        let payload = proto::ListPayload {
            user_id: user_id.to_owned(),
            account_key: account.public().to_bytes().to_vec(),
            version: 1,
            prev_hash: vec![0; 32],
            issued_at_ms,
            entries: vec![SignedDeviceEntry::sign(account, user_id, device, rng)?.to_proto()],
            recovery: false,
        };
        let signed = Self::sign(account, FIRST_DEVICE_ID, identity, &payload, rng)?;
        signed.verify_first(user_id)?;
        Ok(signed)
    }

    fn sign(
        account: &AccountKeyPair,
        signer_device_id: u32,
        identity: &IdentityKeyPair,
        payload: &proto::ListPayload,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, DeviceListError> {
        let payload = payload.encode_to_vec();
        let by_account = account.sign(rng, &Self::account_text(&payload)?);
        let by_device = identity.sign(rng, &Self::signer_text(signer_device_id, &payload)?);
        Ok(Self {
            account_signature: by_account.to_bytes().to_vec(),
            signer_device_id,
            signer_signature: by_device.to_bytes().to_vec(),
            payload,
        })
    }
}

impl DeviceList {
    /// The version after this one, signed by the account key and by `signer_device_id` of this version.
    pub fn sign_next(
        &self,
        account: &AccountKeyPair,
        signer_device_id: u32,
        identity: &IdentityKeyPair,
        change: &ListChange,
        issued_at_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<SignedDeviceList, DeviceListError> {
        if let Some(&device_id) = change
            .remove
            .iter()
            .find(|&&device_id| self.device(device_id).is_none())
        {
            return Err(DeviceListError::NoSuchDevice { device_id });
        }
        let is_put = |id: u32| change.put.iter().any(|device| device.device_id == id);
        let mut entries: Vec<_> = self
            .devices()
            .iter()
            .filter(|entry| !change.remove.contains(&entry.device_id) && !is_put(entry.device_id))
            .map(|entry| entry.signed().to_proto())
            .collect();
        for device in &change.put {
            entries.push(SignedDeviceEntry::sign(account, &self.user_id, device, rng)?.to_proto());
        }
        let payload = self.successor(account, entries, issued_at_ms, false);
        let signed = SignedDeviceList::sign(account, signer_device_id, identity, &payload, rng)?;
        self.verify_next(&signed)?;
        Ok(signed)
    }

    /// The version after this one when no device of it is left: one new device, the account key from a backup or new.
    pub fn sign_recovery(
        &self,
        account: &AccountKeyPair,
        identity: &IdentityKeyPair,
        device: &NewDevice,
        issued_at_ms: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<SignedDeviceList, DeviceListError> {
        let entry = SignedDeviceEntry::sign(account, &self.user_id, device, rng)?;
        let payload = self.successor(account, vec![entry.to_proto()], issued_at_ms, true);
        let signed = SignedDeviceList::sign(account, device.device_id, identity, &payload, rng)?;
        self.verify_recovery(&signed)?;
        Ok(signed)
    }

    fn successor(
        &self,
        account: &AccountKeyPair,
        entries: Vec<proto::SignedEntry>,
        issued_at_ms: u64,
        recovery: bool,
    ) -> proto::ListPayload {
        proto::ListPayload {
            user_id: self.user_id.clone(),
            account_key: account.public().to_bytes().to_vec(),
            version: self.version.saturating_add(1),
            prev_hash: self.hash.to_vec(),
            issued_at_ms,
            entries,
            recovery,
        }
    }
}

impl DeviceEntry {
    /// This device again with other versions or features, for [`ListChange::put`].
    ///
    /// The agreement that the device gave once stands for as long as the account key does.
    pub fn relist(
        &self,
        protocol_versions: Vec<u32>,
        features: Vec<String>,
    ) -> Result<NewDevice, DeviceListError> {
        Ok(NewDevice {
            device_id: self.device_id,
            registration_id: self.registration_id,
            identity_key: self.identity_key,
            added_at_ms: self.added_at_ms,
            protocol_versions,
            features,
            device_signature: Signature::from_bytes(&self.signed().device_signature)
                .map_err(|_| DeviceListError::Malformed)?,
        })
    }
}
