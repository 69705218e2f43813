//! What a new device and a new account show the relay.

use super::{Account, rng};
use sealwire_crypto::device::{NewDevice, SignedDeviceList, consent_to_listing};
use sealwire_crypto::keys::{
    AccountKeyPair, IdentityKeyPair, KemKeyPair, OneTimePreKeyPair, SignedPreKeyPair,
};
use sealwire_wire::DeviceId;
use sealwire_wire::contract::{
    PrekeyUpload, PublicKemPrekey, PublicPrekey, PublicSignedPrekey, RegisterDevice, SignedList,
};

/// A device's registration before it is sent, so that a test can spoil it.
pub(crate) struct Unregistered {
    pub(crate) identity: IdentityKeyPair,
    pub(crate) request: RegisterDevice,
}

pub(crate) fn new_device(user: &str, device_id: DeviceId) -> Unregistered {
    let identity = IdentityKeyPair::generate(&mut rng());
    let request = RegisterDevice {
        user_id: user.parse().unwrap(),
        device_id,
        identity_key: identity.public().to_bytes().into(),
        registration_id: 1000 + device_id.get(),
        prekeys: prekeys(&identity, 1, 1..=20),
        list: None,
        grant: None,
    };
    Unregistered { identity, request }
}

/// A first device with list version 1, and its account.
pub(crate) fn new_account(user: &str) -> (Account, Unregistered) {
    let mut first = new_device(user, DeviceId::FIRST);
    let key = AccountKeyPair::generate(&mut rng());
    let entry = entry(&first, &key);
    let signed =
        SignedDeviceList::sign_first(&key, &first.identity, user, &entry, 1, &mut rng()).unwrap();
    let list = signed.verify_first(user).unwrap();
    first.request.list = Some(wire_list(&signed));
    let user_id = user.parse().unwrap();
    (Account { user_id, key, list }, first)
}

pub(crate) fn entry(device: &Unregistered, account: &AccountKeyPair) -> NewDevice {
    let user = device.request.user_id.as_str();
    NewDevice {
        device_id: device.request.device_id.get(),
        registration_id: device.request.registration_id,
        identity_key: device.identity.public(),
        added_at_ms: 1,
        protocol_versions: vec![3],
        features: Vec::new(),
        device_signature: consent_to_listing(&device.identity, user, &account.public(), &mut rng())
            .unwrap(),
    }
}

/// A last-resort KEM prekey and one-time ones.
pub(crate) fn kem_prekeys(
    identity: &IdentityKeyPair,
    last_resort: u32,
    one_time: impl IntoIterator<Item = u32>,
) -> PrekeyUpload {
    let signed = |id| {
        let key = KemKeyPair::generate(id, &mut rng()).public();
        let signature = identity.sign_kem_prekey(&mut rng(), &key);
        PublicKemPrekey {
            id,
            key: key.to_bytes().into(),
            signature: signature.to_bytes().into(),
        }
    };
    PrekeyUpload {
        last_resort_kem_prekey: Some(signed(last_resort)),
        one_time_kem_prekeys: one_time.into_iter().map(signed).collect(),
        ..PrekeyUpload::default()
    }
}

pub(crate) fn prekeys(
    identity: &IdentityKeyPair,
    signed_id: u32,
    one_time: impl IntoIterator<Item = u32>,
) -> PrekeyUpload {
    let mut rng = rng();
    let signed = SignedPreKeyPair::generate(signed_id, &mut rng)
        .public()
        .to_bytes();
    PrekeyUpload {
        signed_prekey: Some(PublicSignedPrekey {
            id: signed_id,
            key: signed.into(),
            signature: identity.sign(&mut rng, &signed).to_bytes().into(),
        }),
        one_time_prekeys: one_time
            .into_iter()
            .map(|id| PublicPrekey {
                id,
                key: OneTimePreKeyPair::generate(id, &mut rng)
                    .public()
                    .to_bytes()
                    .into(),
            })
            .collect(),
        ..PrekeyUpload::default()
    }
}

pub(crate) fn wire_list(list: &SignedDeviceList) -> SignedList {
    SignedList {
        payload: list.payload.clone().into(),
        account_signature: list.account_signature.clone().into(),
        signer_device_id: DeviceId::new(list.signer_device_id).unwrap(),
        signer_signature: list.signer_signature.clone().into(),
    }
}
