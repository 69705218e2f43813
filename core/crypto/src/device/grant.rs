//! The grant that lets one new device of an existing account register at the relay, once.

use super::{DeviceList, is_user_id, proto};
use crate::keys::{AccountKey, AccountKeyPair, IdentityKeyPair};
use crate::protobuf::decode;
use crate::signature::Signature;
use crate::transcript::{FieldTooLong, Transcript};
use prost::Message as _;
use rand_core::CryptoRng;

const ACCOUNT_LABEL: &str = "Sealwire v1 registration grant";
const SIGNER_LABEL: &str = "Sealwire v1 grant signer";

/// The longest signed grant that is looked at.
pub(crate) const MAX_GRANT_BYTES: usize = 512;

/// What a grant says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationGrant {
    /// The user whose account the device joins.
    pub user_id: String,
    /// The id reserved for the device.
    pub device_id: u32,
    /// Spent at the first registration that shows it.
    pub nonce: [u8; 16],
    /// From this time on the grant is void (milliseconds since 1970, by the relay's clock).
    pub expires_at_ms: u64,
}

/// A grant as it travels: signed by the account key and by a device of the newest list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRegistrationGrant {
    /// `RegistrationGrantPayload`, as signed.
    pub payload: Vec<u8>,
    /// By the account key, over the payload.
    pub account_signature: Vec<u8>,
    /// The device that signed with it.
    pub signer_device_id: u32,
    /// By that device, over its id and the payload.
    pub device_signature: Vec<u8>,
}

/// Why a grant was refused. Nothing was registered; ask the granting device for a new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GrantError {
    /// Not a grant: too long, bad protobuf, or a field of the wrong length.
    #[error("not a well-formed registration grant")]
    Malformed,
    /// Made for another user than the list's.
    #[error("the grant belongs to another user")]
    OtherUser,
    /// The device id is listed already.
    #[error("device {device_id} is listed already")]
    AlreadyListed {
        /// The id in question.
        device_id: u32,
    },
    /// Its time has passed.
    #[error("the grant has expired")]
    Expired,
    /// The account key did not sign it.
    #[error("the account signature does not verify")]
    AccountSignature,
    /// The signer is no device of the list.
    #[error("device {device_id} may not grant registrations")]
    SignerUnknown {
        /// The device that claims to have signed.
        device_id: u32,
    },
    /// The device that claims to have signed did not.
    #[error("the signature of device {device_id} does not verify")]
    SignerSignature {
        /// The device that claims to have signed.
        device_id: u32,
    },
}

impl RegistrationGrant {
    /// Signs the grant with the account key and as `signer_device_id`.
    pub fn sign(
        &self,
        account: &AccountKeyPair,
        signer_device_id: u32,
        identity: &IdentityKeyPair,
        rng: &mut impl CryptoRng,
    ) -> Result<SignedRegistrationGrant, GrantError> {
        if !is_user_id(&self.user_id) || self.device_id == 0 {
            return Err(GrantError::Malformed);
        }
        let payload = proto::GrantPayload {
            user_id: self.user_id.clone(),
            device_id: self.device_id,
            nonce: self.nonce.to_vec(),
            expires_at_ms: self.expires_at_ms,
        }
        .encode_to_vec();
        let by_account = account.sign(rng, &account_text(&payload)?);
        let by_device = identity.sign(rng, &signer_text(signer_device_id, &payload)?);
        Ok(SignedRegistrationGrant {
            account_signature: by_account.to_bytes().to_vec(),
            signer_device_id,
            device_signature: by_device.to_bytes().to_vec(),
            payload,
        })
    }
}

impl SignedRegistrationGrant {
    /// Checks the grant against the user's newest list. That the nonce is unspent is for the relay to know.
    pub fn verify(&self, list: &DeviceList, now_ms: u64) -> Result<RegistrationGrant, GrantError> {
        let grant = self.check_account(&list.account_key)?;
        if grant.user_id != list.user_id {
            return Err(GrantError::OtherUser);
        }
        let device_id = self.signer_device_id;
        let signer = list
            .device(device_id)
            .ok_or(GrantError::SignerUnknown { device_id })?;
        let text = signer_text(device_id, &self.payload)?;
        Signature::from_bytes(&self.device_signature)
            .and_then(|signature| signer.identity_key.verify(&text, &signature))
            .map_err(|_| GrantError::SignerSignature { device_id })?;
        if list.device(grant.device_id).is_some() {
            return Err(GrantError::AlreadyListed {
                device_id: grant.device_id,
            });
        }
        if now_ms >= grant.expires_at_ms {
            return Err(GrantError::Expired);
        }
        Ok(grant)
    }

    /// What the new device can check, which holds no list yet: the account key signed this.
    pub(crate) fn check_account(
        &self,
        account_key: &AccountKey,
    ) -> Result<RegistrationGrant, GrantError> {
        let grant = self.parse()?;
        let text = account_text(&self.payload)?;
        Signature::from_bytes(&self.account_signature)
            .and_then(|signature| account_key.verify(&text, &signature))
            .map_err(|_| GrantError::AccountSignature)?;
        Ok(grant)
    }

    /// The travelling form as protobuf (`SignedRegistrationGrant`).
    pub fn to_bytes(&self) -> Vec<u8> {
        proto::SignedGrant {
            payload: self.payload.clone(),
            account_signature: self.account_signature.clone(),
            signer_device_id: self.signer_device_id,
            device_signature: self.device_signature.clone(),
        }
        .encode_to_vec()
    }

    /// Reads the travelling form; nothing is verified yet.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, GrantError> {
        if bytes.len() > MAX_GRANT_BYTES {
            return Err(GrantError::Malformed);
        }
        let grant = decode::<proto::SignedGrant>(bytes).map_err(|_| GrantError::Malformed)?;
        Ok(Self {
            payload: grant.payload,
            account_signature: grant.account_signature,
            signer_device_id: grant.signer_device_id,
            device_signature: grant.device_signature,
        })
    }

    fn parse(&self) -> Result<RegistrationGrant, GrantError> {
        if self.payload.len() > MAX_GRANT_BYTES {
            return Err(GrantError::Malformed);
        }
        let payload =
            decode::<proto::GrantPayload>(&self.payload).map_err(|_| GrantError::Malformed)?;
        if !is_user_id(&payload.user_id) || payload.device_id == 0 {
            return Err(GrantError::Malformed);
        }
        Ok(RegistrationGrant {
            user_id: payload.user_id,
            device_id: payload.device_id,
            nonce: payload
                .nonce
                .try_into()
                .map_err(|_| GrantError::Malformed)?,
            expires_at_ms: payload.expires_at_ms,
        })
    }
}

impl From<FieldTooLong> for GrantError {
    fn from(_: FieldTooLong) -> Self {
        Self::Malformed
    }
}

fn account_text(payload: &[u8]) -> Result<Vec<u8>, FieldTooLong> {
    Transcript::new(ACCOUNT_LABEL).bytes(payload).finish()
}

fn signer_text(signer_device_id: u32, payload: &[u8]) -> Result<Vec<u8>, FieldTooLong> {
    Transcript::new(SIGNER_LABEL)
        .u32(signer_device_id)
        .bytes(payload)
        .finish()
}
