//! One device of an account: what the account key says of it, and its own word that it belongs there.

use super::{
    DeviceListError, MAX_ENTRY_BYTES, MAX_FEATURE_BYTES, MAX_FEATURES, MAX_PROTOCOL_VERSIONS,
    is_user_id, proto,
};
use crate::keys::{AccountKey, AccountKeyPair, IdentityKey, IdentityKeyPair};
use crate::protobuf::decode;
use crate::signature::Signature;
use crate::transcript::Transcript;
use prost::Message as _;
use rand_core::CryptoRng;

const ENTRY_LABEL: &str = "Sealwire v1 device entry";
const CONSENT_LABEL: &str = "Sealwire v1 device consent";

/// One device as a verified list holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceEntry {
    /// The user whose device it is.
    pub user_id: String,
    /// The account key that the entry was signed with.
    pub account_key: AccountKey,
    /// From 1, never given twice to the same user.
    pub device_id: u32,
    /// The device's registration id: changes when the device is set up anew.
    pub registration_id: u32,
    /// The device's long-term key: sessions are opened with it, changes and challenges signed.
    pub identity_key: IdentityKey,
    /// When the account added it, by the clock of the device that signed.
    pub added_at_ms: u64,
    /// Protocol versions that the device speaks.
    pub protocol_versions: Vec<u32>,
    /// Optional abilities of the device, by name.
    pub features: Vec<String>,
    signed: SignedDeviceEntry,
}

/// An entry as it travels: alone it proves a device of the account key that it names, no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedDeviceEntry {
    /// `DeviceEntryPayload`, as signed.
    pub payload: Vec<u8>,
    /// By the account key, over the payload.
    pub account_signature: Vec<u8>,
    /// By the device, over (user id, account key).
    pub device_signature: Vec<u8>,
}

/// A device about to be listed.
#[derive(Debug, Clone)]
pub struct NewDevice {
    /// The id that the relay reserved for it.
    pub device_id: u32,
    /// Its registration id.
    pub registration_id: u32,
    /// Its identity key.
    pub identity_key: IdentityKey,
    /// Now, by the signer's clock.
    pub added_at_ms: u64,
    /// Protocol versions that the device speaks, at most [`MAX_PROTOCOL_VERSIONS`].
    pub protocol_versions: Vec<u32>,
    /// Optional abilities, at most [`MAX_FEATURES`].
    pub features: Vec<String>,
    /// The device's agreement: [`consent_to_listing`].
    pub device_signature: Signature,
}

/// A device's word that it belongs to this account: no device is listed against its will.
pub fn consent_to_listing(
    identity: &IdentityKeyPair,
    user_id: &str,
    account_key: &AccountKey,
    rng: &mut impl CryptoRng,
) -> Result<Signature, DeviceListError> {
    if !is_user_id(user_id) {
        return Err(DeviceListError::UserId);
    }
    Ok(identity.sign(rng, &consent_text(user_id, account_key)?))
}

/// Whether `device_signature` is the word of `identity_key` that it belongs to this account.
pub(crate) fn has_consented(
    identity_key: &IdentityKey,
    user_id: &str,
    account_key: &AccountKey,
    device_signature: &Signature,
) -> bool {
    consent_text(user_id, account_key)
        .is_ok_and(|text| identity_key.verify(&text, device_signature).is_ok())
}

/// Whether versions and features are within the bounds of an entry.
pub(crate) fn within_bounds(protocol_versions: &[u32], features: &[String]) -> bool {
    protocol_versions.len() <= MAX_PROTOCOL_VERSIONS
        && features.len() <= MAX_FEATURES
        && features
            .iter()
            .all(|name| (1..=MAX_FEATURE_BYTES).contains(&name.len()))
}

impl DeviceEntry {
    /// The entry as it travels, with the bytes that were verified.
    pub fn signed(&self) -> &SignedDeviceEntry {
        &self.signed
    }
}

impl SignedDeviceEntry {
    /// The account key's word for `device`.
    pub(super) fn sign(
        account: &AccountKeyPair,
        user_id: &str,
        device: &NewDevice,
        rng: &mut impl CryptoRng,
    ) -> Result<Self, DeviceListError> {
        let payload = proto::EntryPayload {
            user_id: user_id.to_owned(),
            account_key: account.public().to_bytes().to_vec(),
            device_id: device.device_id,
            registration_id: device.registration_id,
            identity_key: device.identity_key.to_bytes().to_vec(),
            added_at_ms: device.added_at_ms,
            protocol_versions: device.protocol_versions.clone(),
            features: device.features.clone(),
        }
        .encode_to_vec();
        let account_signature = account.sign(rng, &entry_text(&payload)?);
        Ok(Self {
            account_signature: account_signature.to_bytes().to_vec(),
            device_signature: device.device_signature.to_bytes().to_vec(),
            payload,
        })
    }

    /// Checks both signatures against the account key that the entry itself names.
    ///
    /// Whether that key is the user's is for the pinned list to say: see [`super::DeviceList::holds`].
    pub fn verify(&self) -> Result<DeviceEntry, DeviceListError> {
        let entry = self.parse()?;
        entry.check_signatures()?;
        Ok(entry)
    }

    /// The travelling form as protobuf (`SignedDeviceEntry`).
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_proto().encode_to_vec()
    }

    /// Reads the travelling form; nothing is verified yet.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DeviceListError> {
        if bytes.len() > MAX_ENTRY_BYTES {
            return Err(DeviceListError::TooLarge {
                max: MAX_ENTRY_BYTES,
            });
        }
        decode::<proto::SignedEntry>(bytes)
            .map(Self::from_proto)
            .map_err(|_| DeviceListError::Malformed)
    }

    pub(super) fn to_proto(&self) -> proto::SignedEntry {
        proto::SignedEntry {
            payload: self.payload.clone(),
            account_signature: self.account_signature.clone(),
            device_signature: self.device_signature.clone(),
        }
    }

    pub(super) fn from_proto(entry: proto::SignedEntry) -> Self {
        Self {
            payload: entry.payload,
            account_signature: entry.account_signature,
            device_signature: entry.device_signature,
        }
    }

    /// The fields, within their bounds, with no signature checked.
    pub(super) fn parse(&self) -> Result<DeviceEntry, DeviceListError> {
        if self.payload.len() > MAX_ENTRY_BYTES {
            return Err(DeviceListError::TooLarge {
                max: MAX_ENTRY_BYTES,
            });
        }
        let payload =
            decode::<proto::EntryPayload>(&self.payload).map_err(|_| DeviceListError::Malformed)?;
        if !is_user_id(&payload.user_id) {
            return Err(DeviceListError::UserId);
        }
        if payload.device_id == 0 {
            return Err(DeviceListError::DeviceIdZero);
        }
        if !within_bounds(&payload.protocol_versions, &payload.features) {
            return Err(DeviceListError::Malformed);
        }
        Ok(DeviceEntry {
            user_id: payload.user_id,
            account_key: AccountKey::from_bytes(&payload.account_key)
                .map_err(|_| DeviceListError::Malformed)?,
            device_id: payload.device_id,
            registration_id: payload.registration_id,
            identity_key: IdentityKey::from_bytes(&payload.identity_key)
                .map_err(|_| DeviceListError::Malformed)?,
            added_at_ms: payload.added_at_ms,
            protocol_versions: payload.protocol_versions,
            features: payload.features,
            signed: self.clone(),
        })
    }
}

impl DeviceEntry {
    pub(super) fn check_signatures(&self) -> Result<(), DeviceListError> {
        let device_id = self.device_id;
        let text = entry_text(&self.signed.payload)?;
        let by_account = Signature::from_bytes(&self.signed.account_signature)
            .and_then(|signature| self.account_key.verify(&text, &signature))
            .is_ok();
        if !by_account {
            return Err(DeviceListError::EntryAccountSignature { device_id });
        }
        let by_device =
            Signature::from_bytes(&self.signed.device_signature).is_ok_and(|signature| {
                has_consented(
                    &self.identity_key,
                    &self.user_id,
                    &self.account_key,
                    &signature,
                )
            });
        if !by_device {
            return Err(DeviceListError::EntryDeviceSignature { device_id });
        }
        Ok(())
    }
}

fn entry_text(payload: &[u8]) -> Result<Vec<u8>, DeviceListError> {
    Ok(Transcript::new(ENTRY_LABEL).bytes(payload).finish()?)
}

fn consent_text(user_id: &str, account_key: &AccountKey) -> Result<Vec<u8>, DeviceListError> {
    Ok(Transcript::new(CONSENT_LABEL)
        .bytes(user_id.as_bytes())
        .fixed(&account_key.to_bytes())
        .finish()?)
}
