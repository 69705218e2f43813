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

/// Signatures that are verified in a row, before whatever else is ready has its turn: a millisecond or so.
const SIGNATURES_AT_ONCE: usize = 8;

/// Every key is one, each id stands once, and the device signed its signed prekey and each KEM prekey.
///
/// What costs nothing is looked at first. The signatures of an upload are up to 202: in between it lets others run, on whatever it
/// runs itself.
pub(super) async fn check_prekeys(
    upload: &PrekeyUpload,
    identity: &IdentityKey,
) -> Result<(), Refusal> {
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
    let kem = || {
        let last_resort = upload.last_resort_kem_prekey.iter();
        last_resort.chain(&upload.one_time_kem_prekeys)
    };
    let ids = upload.one_time_prekeys.iter().map(|prekey| prekey.id);
    each_once("one-time", ids)?;
    each_once("KEM", kem().map(|prekey| prekey.id))?;
    if let Some(prekey) = &upload.signed_prekey {
        let key = SignedPreKey::from_bytes(prekey.key.as_slice())
            .map_err(|error| invalid(format!("signed prekey: {error}")))?;
        Signature::from_bytes(prekey.signature.as_slice())
            .and_then(|signature| identity.verify(&key.to_bytes(), &signature))
            .map_err(|_| invalid("the identity key did not sign the signed prekey".to_owned()))?;
    }
    for prekey in &upload.one_time_prekeys {
        OneTimePreKey::from_bytes(prekey.key.as_slice())
            .map_err(|error| invalid(format!("one-time prekey {}: {error}", prekey.id)))?;
    }
    for (nth, prekey) in kem().enumerate() {
        if nth % SIGNATURES_AT_ONCE == SIGNATURES_AT_ONCE - 1 {
            tokio::task::yield_now().await;
        }
        check_kem_prekey(prekey, identity)
            .map_err(|why| invalid(format!("KEM prekey {}: {why}", prekey.id)))?;
    }
    Ok(())
}

fn invalid(detail: String) -> Refusal {
    Refusal::new(ErrorCode::InvalidSignature, detail)
}

fn each_once(kind: &str, ids: impl Iterator<Item = u32>) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for id in ids {
        if !seen.insert(id) {
            return Err(Refusal::new(
                ErrorCode::Unprocessable,
                format!("{kind} prekey {id} stands twice"),
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

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng as _;
    use sealwire_crypto::keys::{IdentityKeyPair, KemKeyPair};
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[test]
    fn a_full_upload_lets_others_run_between_its_signatures() {
        let rng = &mut ChaCha20Rng::seed_from_u64(1);
        let identity = IdentityKeyPair::generate(rng);
        let key = KemKeyPair::generate(1, rng).public();
        let signature = identity.sign_kem_prekey(rng, &key);
        // A signature is of the key alone.
        let prekey = |id| PublicKemPrekey {
            id,
            key: key.to_bytes().into(),
            signature: signature.to_bytes().into(),
        };
        let upload = PrekeyUpload {
            last_resort_kem_prekey: Some(prekey(1)),
            one_time_kem_prekeys: (2..202).map(prekey).collect(),
            ..PrekeyUpload::default()
        };
        let public = identity.public();
        let mut checked = pin!(check_prekeys(&upload, &public));
        let mut turns = 1;
        let mut context = Context::from_waker(Waker::noop());
        while checked.as_mut().poll(&mut context).is_pending() {
            turns += 1;
        }
        assert_eq!(turns, 201 / SIGNATURES_AT_ONCE + 1);
    }
}
