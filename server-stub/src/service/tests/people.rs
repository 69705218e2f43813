//! People with devices, and what they sign.

use super::world::START;
use crate::service::public_data;
use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use sealwire_crypto::device::{
    DeviceList, ListChange, NewDevice, RegistrationGrant, SignedDeviceList, consent_to_listing,
};
use sealwire_crypto::keys::{
    AccountKeyPair, IdentityKeyPair, KemKeyPair, OneTimePreKeyPair, SignedPreKeyPair,
};
use sealwire_wire::contract::{
    DeviceName, PrekeyUpload, PublicKemPrekey, PublicPrekey, PublicSignedPrekey, RegisterDevice,
    SignedGrant, SignedList,
};
use sealwire_wire::{Base64, DeviceId, UserId};
use std::collections::BTreeMap;

/// One person with all devices, and the keys of each.
pub(crate) struct Account {
    pub(crate) user: UserId,
    pub(crate) key: AccountKeyPair,
    pub(crate) list: DeviceList,
    pub(crate) devices: BTreeMap<u32, Device>,
    pub(crate) rng: ChaCha20Rng,
}

pub(crate) struct Device {
    pub(crate) identity: IdentityKeyPair,
    pub(crate) registration_id: u32,
}

impl Account {
    /// An account that is not opened yet, and the registration that opens it.
    pub(crate) fn new(name: &str) -> (Self, RegisterDevice) {
        let seed = name
            .bytes()
            .fold(7, |seed: u64, byte| seed * 31 + u64::from(byte));
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let key = AccountKeyPair::generate(&mut rng);
        let first = Device {
            identity: IdentityKeyPair::generate(&mut rng),
            registration_id: 1_001,
        };
        let entry = new_device(&first, 1, name, &key, &mut rng);
        let signed =
            SignedDeviceList::sign_first(&key, &first.identity, name, &entry, START, &mut rng)
                .unwrap();
        let mut account = Self {
            user: name.parse().unwrap(),
            list: signed.verify_first(name).unwrap(),
            key,
            devices: BTreeMap::from([(1, first)]),
            rng,
        };
        let mut request = account.registration(1);
        request.list = Some(travelling(&signed));
        (account, request)
    }

    pub(crate) fn name(&self, device: u32) -> DeviceName {
        DeviceName {
            user_id: self.user.clone(),
            device_id: DeviceId::new(device).unwrap(),
        }
    }

    /// The registration of a device, made if there is none, without list or grant.
    pub(crate) fn registration(&mut self, device: u32) -> RegisterDevice {
        if !self.devices.contains_key(&device) {
            let identity = IdentityKeyPair::generate(&mut self.rng);
            self.devices.insert(
                device,
                Device {
                    identity,
                    registration_id: 1_000 + device,
                },
            );
        }
        let prekeys = self.prekeys(device, 1, 1..=3);
        let keys = &self.devices[&device];
        RegisterDevice {
            user_id: self.user.clone(),
            device_id: DeviceId::new(device).unwrap(),
            identity_key: Base64(keys.identity.public().to_bytes().to_vec()),
            registration_id: keys.registration_id,
            prekeys,
            list: None,
            grant: None,
        }
    }

    pub(crate) fn prekeys(
        &mut self,
        device: u32,
        signed_id: u32,
        one_time: std::ops::RangeInclusive<u32>,
    ) -> PrekeyUpload {
        let signed = SignedPreKeyPair::generate(signed_id, &mut self.rng)
            .public()
            .to_bytes();
        let identity = &self.devices[&device].identity;
        let signature = identity.sign(&mut self.rng, &signed);
        let one_time_prekeys = one_time
            .map(|id| PublicPrekey {
                id,
                key: Base64(
                    OneTimePreKeyPair::generate(id, &mut self.rng)
                        .public()
                        .to_bytes()
                        .to_vec(),
                ),
            })
            .collect();
        PrekeyUpload {
            signed_prekey: Some(PublicSignedPrekey {
                id: signed_id,
                key: Base64(signed.to_vec()),
                signature: Base64(signature.to_bytes().to_vec()),
            }),
            one_time_prekeys,
            ..PrekeyUpload::default()
        }
    }

    /// A last-resort KEM prekey, and one-time ones.
    pub(crate) fn kem_prekeys(
        &mut self,
        device: u32,
        last_resort: u32,
        one_time: std::ops::RangeInclusive<u32>,
    ) -> PrekeyUpload {
        let identity = &self.devices[&device].identity;
        let rng = &mut self.rng;
        let mut signed = |id| {
            let key = KemKeyPair::generate(id, rng).public();
            PublicKemPrekey {
                id,
                key: key.to_bytes().into(),
                signature: identity.sign_kem_prekey(rng, &key).to_bytes().into(),
            }
        };
        PrekeyUpload {
            last_resort_kem_prekey: Some(signed(last_resort)),
            one_time_kem_prekeys: one_time.map(signed).collect(),
            ..PrekeyUpload::default()
        }
    }

    /// A grant of device 1.
    pub(crate) fn grant(&mut self, device: u32, expires_at_ms: u64) -> SignedGrant {
        let mut nonce = [0; 16];
        self.rng.fill_bytes(&mut nonce);
        let grant = RegistrationGrant {
            user_id: self.user.to_string(),
            device_id: device,
            nonce,
            expires_at_ms,
        };
        let signed = grant
            .sign(&self.key, 1, &self.devices[&1].identity, &mut self.rng)
            .unwrap();
        SignedGrant {
            payload: Base64(signed.payload),
            account_signature: Base64(signed.account_signature),
            signer_device_id: DeviceId::FIRST,
            device_signature: Base64(signed.device_signature),
        }
    }

    /// The next list, signed by device 1.
    pub(crate) fn list_with(&mut self, add: &[u32], remove: &[u32]) -> SignedList {
        let put = add
            .iter()
            .map(|id| {
                new_device(
                    &self.devices[id],
                    *id,
                    self.user.as_str(),
                    &self.key,
                    &mut self.rng,
                )
            })
            .collect();
        let change = ListChange {
            put,
            remove: remove.to_vec(),
        };
        let signer = &self.devices[&1].identity;
        let signed = self
            .list
            .sign_next(&self.key, 1, signer, &change, START, &mut self.rng)
            .unwrap();
        travelling(&signed)
    }

    /// Goes on from a list that was published.
    pub(crate) fn take(&mut self, list: &SignedList) {
        self.list = self.list.verify_next(&public_data::list(list)).unwrap();
    }
}

pub(crate) fn new_device(
    device: &Device,
    id: u32,
    user: &str,
    account: &AccountKeyPair,
    rng: &mut ChaCha20Rng,
) -> NewDevice {
    NewDevice {
        device_id: id,
        registration_id: device.registration_id,
        identity_key: device.identity.public(),
        added_at_ms: START,
        protocol_versions: vec![3],
        features: Vec::new(),
        device_signature: consent_to_listing(&device.identity, user, &account.public(), rng)
            .unwrap(),
    }
}

pub(crate) fn travelling(list: &SignedDeviceList) -> SignedList {
    SignedList {
        payload: Base64(list.payload.clone()),
        account_signature: Base64(list.account_signature.clone()),
        signer_device_id: DeviceId::new(list.signer_device_id).unwrap(),
        signer_signature: Base64(list.signer_signature.clone()),
    }
}
