//! The rules of the chain: what makes a list the first, the next, or a recovery.

use super::{DeviceList, DeviceListError, FIRST_DEVICE_ID, SignedDeviceList};
use crate::keys::IdentityKey;
use crate::signature::Signature;

/// A verified recovery: true to the chain, but whether to believe it is for people to decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveredList {
    /// The new end of the chain.
    pub list: DeviceList,
    /// Whether the account key is a new one: sending stops until the user accepts it.
    pub account_key_changed: bool,
}

impl SignedDeviceList {
    /// Verifies version 1 of `user_id`: signed by the account key and by its only device, id 1.
    ///
    /// Nothing before it vouches for the account key: that is what the safety number is for.
    pub fn verify_first(&self, user_id: &str) -> Result<DeviceList, DeviceListError> {
        let list = self.parse()?;
        if list.user_id != user_id {
            return Err(DeviceListError::OtherUser);
        }
        if list.version != 1 {
            return Err(DeviceListError::Version {
                expected: 1,
                found: list.version,
            });
        }
        if list.prev_hash != [0; 32] {
            return Err(DeviceListError::PrevHash);
        }
        if list.recovery {
            return Err(DeviceListError::IsRecovery);
        }
        let [only] = list.devices() else {
            return Err(DeviceListError::FirstDevice);
        };
        if only.device_id != FIRST_DEVICE_ID {
            return Err(DeviceListError::FirstDevice);
        }
        self.check_account_signature(&list)?;
        self.check_signer_signature(only.device_id, &only.identity_key)?;
        check_entry_signatures(&list)?;
        Ok(list)
    }
}

impl DeviceList {
    /// Verifies the version after this one: same account key, signed by it and by a device of this version.
    pub fn verify_next(&self, next: &SignedDeviceList) -> Result<Self, DeviceListError> {
        let list = self.parse_successor(next)?;
        if list.recovery {
            return Err(DeviceListError::IsRecovery);
        }
        if list.account_key != self.account_key {
            return Err(DeviceListError::AccountKeyChanged);
        }
        next.check_account_signature(&list)?;
        // The signer's key is the one that *this* version holds, whatever the new one says.
        let device_id = next.signer_device_id;
        if next.signer_signature.is_empty() {
            return Err(DeviceListError::NotSignedByDevice);
        }
        let signer = self
            .device(device_id)
            .ok_or(DeviceListError::SignerUnknown { device_id })?;
        next.check_signer_signature(device_id, &signer.identity_key)?;
        for entry in &list.entries {
            let changed = self.device(entry.device_id).is_some_and(|known| {
                known.identity_key != entry.identity_key
                    || known.registration_id != entry.registration_id
            });
            if changed {
                return Err(DeviceListError::DeviceChanged {
                    device_id: entry.device_id,
                });
            }
        }
        check_entry_signatures(&list)?;
        Ok(list)
    }

    /// Verifies a recovery: one new device in place of all the old ones, vouched for by the account key, old or new.
    ///
    /// The relay lets one pass only by the platform's own token; a contact treats it as a change of the account key.
    pub fn verify_recovery(
        &self,
        next: &SignedDeviceList,
    ) -> Result<RecoveredList, DeviceListError> {
        let list = self.parse_successor(next)?;
        if !list.recovery {
            return Err(DeviceListError::NotRecovery);
        }
        let [only] = list.devices() else {
            return Err(DeviceListError::RecoveryDevices);
        };
        let kept = self
            .entries
            .iter()
            .any(|old| old.device_id == only.device_id || old.identity_key == only.identity_key);
        if kept {
            return Err(DeviceListError::RecoveryKeepsDevice {
                device_id: only.device_id,
            });
        }
        next.check_account_signature(&list)?;
        next.check_signer_signature(only.device_id, &only.identity_key)?;
        check_entry_signatures(&list)?;
        Ok(RecoveredList {
            account_key_changed: list.account_key != self.account_key,
            list,
        })
    }

    /// Same user, next version, continuing exactly this one.
    fn parse_successor(&self, next: &SignedDeviceList) -> Result<Self, DeviceListError> {
        let list = next.parse()?;
        if list.user_id != self.user_id {
            return Err(DeviceListError::OtherUser);
        }
        let expected = self.version.saturating_add(1);
        if list.version != expected || list.version == self.version {
            return Err(DeviceListError::Version {
                expected,
                found: list.version,
            });
        }
        if list.prev_hash != self.hash {
            return Err(DeviceListError::PrevHash);
        }
        Ok(list)
    }
}

impl SignedDeviceList {
    fn check_account_signature(&self, list: &DeviceList) -> Result<(), DeviceListError> {
        let text = Self::account_text(&self.payload)?;
        Signature::from_bytes(&self.account_signature)
            .and_then(|signature| list.account_key.verify(&text, &signature))
            .map_err(|_| DeviceListError::AccountSignature)
    }

    fn check_signer_signature(
        &self,
        device_id: u32,
        key: &IdentityKey,
    ) -> Result<(), DeviceListError> {
        if self.signer_signature.is_empty() {
            return Err(DeviceListError::NotSignedByDevice);
        }
        if self.signer_device_id != device_id {
            return Err(DeviceListError::SignerUnknown {
                device_id: self.signer_device_id,
            });
        }
        let text = Self::signer_text(device_id, &self.payload)?;
        Signature::from_bytes(&self.signer_signature)
            .and_then(|signature| key.verify(&text, &signature))
            .map_err(|_| DeviceListError::SignerSignature { device_id })
    }
}

fn check_entry_signatures(list: &DeviceList) -> Result<(), DeviceListError> {
    list.entries
        .iter()
        .try_for_each(|entry| entry.check_signatures())
}
