//! The list of an account's devices: as it travels, and as it is once verified.

use super::{
    DeviceEntry, DeviceListError, MAX_DEVICES, MAX_LIST_BYTES, SignedDeviceEntry, is_user_id, proto,
};
use crate::keys::AccountKey;
use crate::primitives::sha256;
use crate::protobuf::decode;
use crate::transcript::Transcript;
use prost::Message as _;

const ACCOUNT_LABEL: &str = "Sealwire v1 device list";
const SIGNER_LABEL: &str = "Sealwire v1 list signer";

/// A device list as it travels. Nothing in it is to be believed before it is verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedDeviceList {
    /// `DeviceListPayload`, as signed.
    pub payload: Vec<u8>,
    /// By the account key, over the payload.
    pub account_signature: Vec<u8>,
    /// The device that signed with it.
    pub signer_device_id: u32,
    /// By that device, over its id and the payload.
    pub signer_signature: Vec<u8>,
}

/// A verified device list: the pinned end of a user's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceList {
    /// Whose devices these are.
    pub user_id: String,
    /// The account key that the contacts compare in the safety number.
    pub account_key: AccountKey,
    /// From 1, one more for every change.
    pub version: u64,
    /// SHA-256 of the payload: what the next version must name, and what a fork would differ in.
    pub hash: [u8; 32],
    /// SHA-256 of the payload before; zeros in version 1.
    pub prev_hash: [u8; 32],
    /// When it was made, by the signer's clock.
    pub issued_at_ms: u64,
    /// Whether this version replaced a lost last device.
    pub recovery: bool,
    pub(super) entries: Vec<DeviceEntry>,
}

impl DeviceList {
    /// The devices, in the order of the list.
    pub fn devices(&self) -> &[DeviceEntry] {
        &self.entries
    }

    /// The device with this id, if it is listed.
    pub fn device(&self, device_id: u32) -> Option<&DeviceEntry> {
        self.entries
            .iter()
            .find(|entry| entry.device_id == device_id)
    }

    /// Whether exactly this entry stands in the list, byte for byte as it was signed.
    pub fn holds(&self, entry: &SignedDeviceEntry) -> bool {
        self.entries
            .iter()
            .any(|own| own.signed().payload == entry.payload)
    }

    /// Reads a list that was verified when it was stored, without checking a signature.
    ///
    /// Only for bytes from one's own store: anybody can make a list that this accepts.
    pub fn danger_restore_verified(stored: &SignedDeviceList) -> Result<Self, DeviceListError> {
        stored.parse()
    }
}

impl SignedDeviceList {
    /// The travelling form as protobuf (`SignedDeviceList`).
    pub fn to_bytes(&self) -> Vec<u8> {
        proto::SignedList {
            payload: self.payload.clone(),
            account_signature: self.account_signature.clone(),
            signer_device_id: self.signer_device_id,
            signer_signature: self.signer_signature.clone(),
        }
        .encode_to_vec()
    }

    /// Reads the travelling form; nothing is verified yet.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DeviceListError> {
        bounded(bytes)?;
        let list = decode::<proto::SignedList>(bytes).map_err(|_| DeviceListError::Malformed)?;
        Ok(Self {
            payload: list.payload,
            account_signature: list.account_signature,
            signer_device_id: list.signer_device_id,
            signer_signature: list.signer_signature,
        })
    }

    /// The version that the list claims to be, to order several before they are verified.
    pub fn claimed_version(&self) -> Result<u64, DeviceListError> {
        self.payload().map(|payload| payload.version)
    }

    /// Whether the list claims to be a recovery, to choose how to verify it.
    pub fn claims_recovery(&self) -> Result<bool, DeviceListError> {
        self.payload().map(|payload| payload.recovery)
    }

    fn payload(&self) -> Result<proto::ListPayload, DeviceListError> {
        bounded(&self.payload)?;
        decode::<proto::ListPayload>(&self.payload).map_err(|_| DeviceListError::Malformed)
    }

    /// The fields, within their bounds and consistent with each other, with no signature checked.
    pub(super) fn parse(&self) -> Result<DeviceList, DeviceListError> {
        let payload = self.payload()?;
        if !is_user_id(&payload.user_id) {
            return Err(DeviceListError::UserId);
        }
        if payload.entries.is_empty() {
            return Err(DeviceListError::Empty);
        }
        if payload.entries.len() > MAX_DEVICES {
            return Err(DeviceListError::TooManyDevices { max: MAX_DEVICES });
        }
        let list = DeviceList {
            account_key: AccountKey::from_bytes(&payload.account_key)
                .map_err(|_| DeviceListError::Malformed)?,
            version: payload.version,
            hash: sha256(&self.payload),
            prev_hash: payload
                .prev_hash
                .try_into()
                .map_err(|_| DeviceListError::Malformed)?,
            issued_at_ms: payload.issued_at_ms,
            recovery: payload.recovery,
            entries: payload
                .entries
                .into_iter()
                .map(|entry| SignedDeviceEntry::from_proto(entry).parse())
                .collect::<Result<_, _>>()?,
            user_id: payload.user_id,
        };
        list.check_entries_belong()?;
        Ok(list)
    }

    pub(super) fn account_text(payload: &[u8]) -> Result<Vec<u8>, DeviceListError> {
        Ok(Transcript::new(ACCOUNT_LABEL).bytes(payload).finish()?)
    }

    pub(super) fn signer_text(
        signer_device_id: u32,
        payload: &[u8],
    ) -> Result<Vec<u8>, DeviceListError> {
        Ok(Transcript::new(SIGNER_LABEL)
            .u32(signer_device_id)
            .bytes(payload)
            .finish()?)
    }
}

impl DeviceList {
    /// Every entry is of this account, and no id or key stands twice.
    fn check_entries_belong(&self) -> Result<(), DeviceListError> {
        for (index, entry) in self.entries.iter().enumerate() {
            let device_id = entry.device_id;
            let before = &self.entries[..index];
            if entry.user_id != self.user_id || entry.account_key != self.account_key {
                return Err(DeviceListError::EntryOfAnotherAccount { device_id });
            }
            if before.iter().any(|other| other.device_id == device_id) {
                return Err(DeviceListError::DuplicateDevice { device_id });
            }
            if before
                .iter()
                .any(|other| other.identity_key == entry.identity_key)
            {
                return Err(DeviceListError::DuplicateIdentityKey { device_id });
            }
        }
        Ok(())
    }
}

fn bounded(bytes: &[u8]) -> Result<(), DeviceListError> {
    if bytes.len() > MAX_LIST_BYTES {
        return Err(DeviceListError::TooLarge {
            max: MAX_LIST_BYTES,
        });
    }
    Ok(())
}
