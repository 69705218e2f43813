//! From what travels to what crypto verifies, and from its verdicts to refusals.

use super::Refusal;
use sealwire_crypto::device::{
    DeviceListError, GrantError, SignedDeviceList, SignedRegistrationGrant,
};
use sealwire_crypto::keys::{IdentityKey, KemPublicKey, OneTimePreKey, SignedPreKey};
use sealwire_crypto::signature::Signature;
use sealwire_wire::contract::{ErrorCode, PrekeyUpload, PublicKemPrekey, SignedGrant, SignedList};
use sealwire_wire::limits::ONE_TIME_PREKEYS_MAX;
use std::collections::BTreeSet;

pub(super) fn list(list: &SignedList) -> SignedDeviceList {
    SignedDeviceList {
        payload: list.payload.0.clone(),
        account_signature: list.account_signature.0.clone(),
        signer_device_id: list.signer_device_id.get(),
        signer_signature: list.signer_signature.0.clone(),
    }
}

pub(super) fn grant(grant: &SignedGrant) -> SignedRegistrationGrant {
    SignedRegistrationGrant {
        payload: grant.payload.0.clone(),
        account_signature: grant.account_signature.0.clone(),
        signer_device_id: grant.signer_device_id.get(),
        device_signature: grant.device_signature.0.clone(),
    }
}

pub(super) fn identity_key(bytes: &[u8]) -> Result<IdentityKey, Refusal> {
    IdentityKey::from_bytes(bytes).map_err(|error| {
        Refusal::new(
            ErrorCode::InvalidSignature,
            format!("identity key: {error}"),
        )
    })
}

/// Every key is one, each id stands once, and the device signed its signed prekey and each KEM prekey.
pub(super) fn check_prekeys(upload: &PrekeyUpload, identity: &IdentityKey) -> Result<(), Refusal> {
    let invalid = |detail: String| Refusal::new(ErrorCode::InvalidSignature, detail);
    let one_time = [
        upload.one_time_prekeys.len(),
        upload.one_time_kem_prekeys.len(),
    ];
    if one_time.iter().any(|count| *count > ONE_TIME_PREKEYS_MAX) {
        return Err(Refusal::new(
            ErrorCode::Unprocessable,
            format!("at most {ONE_TIME_PREKEYS_MAX} one-time prekeys of each kind in one upload"),
        ));
    }
    if let Some(prekey) = &upload.signed_prekey {
        let key = SignedPreKey::from_bytes(prekey.key.as_slice())
            .map_err(|error| invalid(format!("signed prekey: {error}")))?;
        Signature::from_bytes(prekey.signature.as_slice())
            .and_then(|signature| identity.verify(&key.to_bytes(), &signature))
            .map_err(|_| invalid("the identity key did not sign the signed prekey".to_owned()))?;
    }
    let mut ids = BTreeSet::new();
    for prekey in &upload.one_time_prekeys {
        OneTimePreKey::from_bytes(prekey.key.as_slice())
            .map_err(|error| invalid(format!("one-time prekey {}: {error}", prekey.id)))?;
        if !ids.insert(prekey.id) {
            return Err(Refusal::new(
                ErrorCode::Unprocessable,
                format!("one-time prekey {} stands twice", prekey.id),
            ));
        }
    }
    check_kem_prekeys(upload, identity)
}

fn check_kem_prekeys(upload: &PrekeyUpload, identity: &IdentityKey) -> Result<(), Refusal> {
    let mut ids = BTreeSet::new();
    let last_resort = upload.last_resort_kem_prekey.iter();
    for prekey in last_resort.chain(&upload.one_time_kem_prekeys) {
        check_kem_prekey(prekey, identity).map_err(|why| {
            let detail = format!("KEM prekey {}: {why}", prekey.id);
            Refusal::new(ErrorCode::InvalidSignature, detail)
        })?;
        if !ids.insert(prekey.id) {
            return Err(Refusal::new(
                ErrorCode::Unprocessable,
                format!("KEM prekey {} stands twice", prekey.id),
            ));
        }
    }
    Ok(())
}

fn check_kem_prekey(prekey: &PublicKemPrekey, identity: &IdentityKey) -> Result<(), String> {
    let key = KemPublicKey::from_bytes(prekey.key.as_slice()).map_err(|error| error.to_string())?;
    Signature::from_bytes(prekey.signature.as_slice())
        .and_then(|signature| identity.verify(&key.to_bytes(), &signature))
        .map_err(|_| "the identity key did not sign it".to_owned())
}

impl From<DeviceListError> for Refusal {
    fn from(error: DeviceListError) -> Self {
        let code = match error {
            DeviceListError::Version { .. } | DeviceListError::PrevHash => {
                ErrorCode::DeviceListConflict
            }
            DeviceListError::TooManyDevices { .. } => ErrorCode::DeviceLimit,
            DeviceListError::TooLarge { .. } => ErrorCode::TooLarge,
            DeviceListError::IsRecovery | DeviceListError::NotRecovery => ErrorCode::Forbidden,
            _ => ErrorCode::InvalidSignature,
        };
        Self::new(code, error.to_string())
    }
}

impl From<GrantError> for Refusal {
    fn from(error: GrantError) -> Self {
        let code = match error {
            // Its device is in a list: the grant has done its work.
            GrantError::AlreadyListed { .. } => ErrorCode::GrantUsed,
            _ => ErrorCode::GrantInvalid,
        };
        Self::new(code, error.to_string())
    }
}
