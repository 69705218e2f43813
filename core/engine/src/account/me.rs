//! This device's own keys, held while the store is open.

use crate::EngineError;
use crate::engine::Random;
use rand_core::Rng as _;
use sealwire_crypto::device::NewDevice;
use sealwire_crypto::keys::{AccountKeyPair, IdentityKeyPair};
use sealwire_crypto::ratchet::{SessionPolicy, Version};
use sealwire_crypto::signature::Signature;
use sealwire_store::{Account, AccountState, Store};
use sealwire_wire::{DeviceId, Timestamp, UserId};

/// This device and its account.
#[derive(Clone)]
pub(crate) struct Me {
    pub(crate) user: UserId,
    pub(crate) device: DeviceId,
    pub(crate) registration_id: u32,
    pub(crate) identity: IdentityKeyPair,
    /// None until it came over the linking.
    pub(crate) account: Option<AccountKeyPair>,
    pub(crate) state: AccountState,
    /// What the app asks of new sessions.
    pub(crate) policy: SessionPolicy,
}

impl Me {
    /// As the store has it.
    pub(crate) fn restore(
        store: &Store,
        policy: SessionPolicy,
    ) -> Result<Option<Self>, EngineError> {
        Ok(store.account()?.map(|account| Self {
            identity: IdentityKeyPair::from_secret_bytes(&account.identity_secret),
            account: account
                .account_secret
                .as_ref()
                .map(|secret| AccountKeyPair::from_secret_bytes(secret)),
            user: account.user_id,
            device: account.device_id,
            registration_id: account.registration_id,
            state: account.state,
            policy,
        }))
    }

    /// A device that nobody knows yet.
    pub(crate) fn fresh(
        user: UserId,
        device: DeviceId,
        account: Option<AccountKeyPair>,
        policy: SessionPolicy,
        rng: &mut Random,
    ) -> Self {
        Self {
            user,
            device,
            registration_id: random_registration_id(rng),
            identity: IdentityKeyPair::generate(rng),
            account,
            state: AccountState::Registering,
            policy,
        }
    }

    /// As the store keeps it.
    pub(crate) fn to_row(&self, relay_origin: &str) -> Account {
        Account {
            user_id: self.user.clone(),
            device_id: self.device,
            registration_id: self.registration_id,
            identity_secret: self.identity.secret_bytes(),
            account_secret: self.account.as_ref().map(AccountKeyPair::secret_bytes),
            relay_origin: relay_origin.to_owned(),
            state: self.state,
        }
    }

    /// What the account signs when it lists this device.
    pub(crate) fn listing(&self, device_signature: Signature, now: Timestamp) -> NewDevice {
        NewDevice {
            device_id: self.device.get(),
            registration_id: self.registration_id,
            identity_key: self.identity.public(),
            added_at_ms: now.0,
            protocol_versions: self.protocol_versions(),
            features: Vec::new(),
            device_signature,
        }
    }

    /// The session protocol versions that this device begins sessions with, as its list entry is to say.
    pub(crate) fn protocol_versions(&self) -> Vec<u32> {
        let speaks = |version: Version| u32::from(version.number());
        if self.policy.allows_x3dh() {
            vec![speaks(Version::X3dh), speaks(Version::Pqxdh)]
        } else {
            vec![speaks(Version::Pqxdh)]
        }
    }

    pub(crate) fn is_registered(&self) -> bool {
        self.state == AccountState::Registered
    }

    pub(crate) fn is_revoked(&self) -> bool {
        self.state == AccountState::Revoked
    }

    pub(crate) fn is(&self, user: &UserId, device: DeviceId) -> bool {
        self.user == *user && self.device == device
    }
}

/// From 1, in 31 bits.
fn random_registration_id(rng: &mut Random) -> u32 {
    (rng.next_u32() >> 1).max(1)
}
