//! What somebody who holds an account's keys can sign, and what somebody who does not can make up.

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng as _, SeedableRng as _};
use sealwire::UserId;
use sealwire_crypto::device::{
    DeviceList, ListChange, NewDevice, RegistrationGrant, SignedDeviceList,
    SignedRegistrationGrant, consent_to_listing,
};
use sealwire_crypto::keys::{AccountKeyPair, IdentityKeyPair, KemKeyPair, SignedPreKeyPair};
use sealwire_store::Store;
use sealwire_wire::contract::{
    Bundle, PublicKemPrekey, PublicSignedPrekey, SignedGrant, SignedList, UserDeviceLists,
};
use sealwire_wire::{DeviceId, UserId as User};
use std::time::{SystemTime, UNIX_EPOCH};

/// The keys of one device and its account, and the newest list that it holds of itself.
pub struct Keys {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub device: DeviceId,
    /// The device's key.
    pub identity: IdentityKeyPair,
    /// The account's.
    pub account: AccountKeyPair,
    /// The newest list.
    pub list: DeviceList,
    /// As signed.
    pub signed: SignedDeviceList,
}

impl Keys {
    /// As a store holds them.
    pub fn of(store: &Store) -> Self {
        let account = store.account().unwrap().unwrap();
        let row = store.newest_list(&account.user_id).unwrap().unwrap();
        let signed = SignedDeviceList::from_bytes(&row.bytes).unwrap();
        Self {
            identity: IdentityKeyPair::from_secret_bytes(&account.identity_secret),
            account: AccountKeyPair::from_secret_bytes(&account.account_secret.unwrap()),
            list: DeviceList::danger_restore_verified(&signed).unwrap(),
            signed,
            user: account.user_id,
            device: account.device_id,
        }
    }

    /// The next version with these changes, signed as it should be.
    pub fn next(&self, put: Vec<NewDevice>, remove: Vec<u32>) -> SignedDeviceList {
        let change = ListChange { put, remove };
        let (account, device) = (&self.account, self.device.get());
        self.list
            .sign_next(account, device, &self.identity, &change, now(), &mut rng())
            .unwrap()
    }

    /// A device with keys of its own that agrees to be listed in this account.
    pub fn newcomer(&self, device_id: u32) -> (NewDevice, IdentityKeyPair) {
        newcomer(&self.user, &self.account, device_id)
    }

    /// The same keys at the end of another chain.
    pub fn at(self, signed: SignedDeviceList) -> Self {
        Self {
            list: DeviceList::danger_restore_verified(&signed).unwrap(),
            signed,
            ..self
        }
    }

    /// The right to register a device.
    pub fn grant(&self, device_id: u32) -> SignedGrant {
        let mut nonce = [0; 16];
        rng().fill_bytes(&mut nonce);
        let grant = RegistrationGrant {
            user_id: self.user.to_string(),
            device_id,
            nonce,
            expires_at_ms: now() + 60_000,
        };
        let signed: SignedRegistrationGrant = grant
            .sign(&self.account, self.device.get(), &self.identity, &mut rng())
            .unwrap();
        SignedGrant {
            payload: signed.payload.into(),
            account_signature: signed.account_signature.into(),
            signer_device_id: DeviceId::new(signed.signer_device_id).unwrap(),
            device_signature: signed.device_signature.into(),
        }
    }

    /// What follows if every device was lost: one new device under a new account key.
    pub fn recovery(&self, device_id: u32) -> (SignedDeviceList, AccountKeyPair, IdentityKeyPair) {
        let account = AccountKeyPair::generate(&mut rng());
        let (device, identity) = newcomer(&self.user, &account, device_id);
        let signed = self
            .list
            .sign_recovery(&account, &identity, &device, now(), &mut rng())
            .unwrap();
        (signed, account, identity)
    }
}

/// A bundle of keys that a stranger signed, for a device of this number and registration.
pub fn strangers_bundle(device_id: u32, registration_id: u32) -> Bundle {
    let identity = IdentityKeyPair::generate(&mut rng());
    bundle(device_id, registration_id, &identity)
}

/// The bundle of a device whose keys are known.
pub fn bundle(device_id: u32, registration_id: u32, identity: &IdentityKeyPair) -> Bundle {
    let prekey = SignedPreKeyPair::generate(1, &mut rng());
    let signature = identity.sign_prekey(&mut rng(), &prekey.public());
    Bundle {
        device_id: DeviceId::new(device_id).unwrap(),
        registration_id,
        identity_key: identity.public().to_bytes().into(),
        signed_prekey: PublicSignedPrekey {
            id: 1,
            key: prekey.public().to_bytes().into(),
            signature: signature.to_bytes().into(),
        },
        one_time_prekey: None,
        kem_prekey: Some(kem_prekey(1, identity)),
    }
}

/// A KEM prekey whose secret nobody keeps.
pub(crate) fn kem_prekey(id: u32, identity: &IdentityKeyPair) -> PublicKemPrekey {
    let key = KemKeyPair::generate(id, &mut rng()).public();
    PublicKemPrekey {
        id,
        signature: identity.sign_kem_prekey(&mut rng(), &key).to_bytes().into(),
        key: key.to_bytes().into(),
    }
}

/// The first list of somebody else under the same name.
pub fn stranger(user: &UserId) -> SignedDeviceList {
    let account = AccountKeyPair::generate(&mut rng());
    let (device, identity) = newcomer(user, &account, 1);
    SignedDeviceList::sign_first(
        &account,
        &identity,
        user.as_str(),
        &device,
        now(),
        &mut rng(),
    )
    .unwrap()
}

/// Lists as the relay shows them, the last being the newest.
pub fn lists_of(user: &User, lists: &[&SignedDeviceList]) -> UserDeviceLists {
    UserDeviceLists {
        user_id: user.clone(),
        version: lists.last().unwrap().claimed_version().unwrap(),
        lists: lists.iter().map(|list| as_sent(list)).collect(),
    }
}

/// As it travels.
pub(crate) fn as_sent(list: &SignedDeviceList) -> SignedList {
    SignedList {
        payload: list.payload.clone().into(),
        account_signature: list.account_signature.clone().into(),
        signer_device_id: DeviceId::new(list.signer_device_id).unwrap(),
        signer_signature: list.signer_signature.clone().into(),
    }
}

pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    u64::try_from(since.as_millis()).unwrap()
}

/// Keys of tests need to be apart from each other, not secret.
pub(crate) fn rng() -> ChaCha20Rng {
    use std::sync::atomic::{AtomicU64, Ordering};
    static SEED: AtomicU64 = AtomicU64::new(1);
    ChaCha20Rng::seed_from_u64(SEED.fetch_add(1, Ordering::Relaxed))
}

fn newcomer(user: &UserId, account: &AccountKeyPair, id: u32) -> (NewDevice, IdentityKeyPair) {
    let identity = IdentityKeyPair::generate(&mut rng());
    let consent =
        consent_to_listing(&identity, user.as_str(), &account.public(), &mut rng()).unwrap();
    let device = NewDevice {
        device_id: id,
        registration_id: 77,
        identity_key: identity.public(),
        added_at_ms: now(),
        protocol_versions: vec![4],
        features: Vec::new(),
        device_signature: consent,
    };
    (device, identity)
}
