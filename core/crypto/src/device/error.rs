//! Why a device list was refused.

use super::MAX_LIST_BYTES;
use crate::transcript::FieldTooLong;

/// Why a device list was refused, or could not be signed. What was pinned before stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeviceListError {
    /// Longer than [`MAX_LIST_BYTES`](super::MAX_LIST_BYTES); not parsed.
    #[error("the list is longer than {max} bytes")]
    TooLarge {
        /// The bound.
        max: usize,
    },
    /// Not a device list: bad protobuf, or a field of the wrong length or beyond its bound.
    #[error("not a well-formed device list")]
    Malformed,
    /// The user id has characters or a length that no user id has.
    #[error("the list names an impossible user id")]
    UserId,
    /// A valid-looking list of somebody else.
    #[error("the list belongs to another user")]
    OtherUser,
    /// Not the version that comes next: fetch the versions between, or refuse an older one.
    #[error("expected list version {expected}, found {found}")]
    Version {
        /// The version that would continue the chain.
        expected: u64,
        /// The version that the list carries.
        found: u64,
    },
    /// The list continues another version than the one that is pinned: the chain was forked.
    #[error("the list does not continue the pinned version")]
    PrevHash,
    /// Only a recovery may change the account key.
    #[error("the account key changed outside a recovery")]
    AccountKeyChanged,
    /// The account key did not sign this payload.
    #[error("the account signature does not verify")]
    AccountSignature,
    /// Signed by the account key alone: whoever holds a backup could extend the chain.
    #[error("no device of the version before signed the list")]
    NotSignedByDevice,
    /// The signer is no device of the version before (removed, or never there).
    #[error("device {device_id} may not sign this list")]
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
    /// A list without devices would end the chain.
    #[error("the list holds no device")]
    Empty,
    /// More than [`MAX_DEVICES`](super::MAX_DEVICES): remove one first.
    #[error("more than {max} devices")]
    TooManyDevices {
        /// The bound.
        max: usize,
    },
    /// Version 1 holds exactly one device, with id 1.
    #[error("the first list must hold device 1 alone")]
    FirstDevice,
    /// Device ids begin at 1.
    #[error("a device id of 0")]
    DeviceIdZero,
    /// The same device id twice.
    #[error("device {device_id} is listed twice")]
    DuplicateDevice {
        /// The id in question.
        device_id: u32,
    },
    /// Two devices with one identity key could not be told apart by their signatures.
    #[error("device {device_id} shares another device's identity key")]
    DuplicateIdentityKey {
        /// The later of the two.
        device_id: u32,
    },
    /// The entry was made for another user or under another account key.
    #[error("the entry of device {device_id} belongs to another account")]
    EntryOfAnotherAccount {
        /// The entry's device.
        device_id: u32,
    },
    /// The account key did not sign this entry.
    #[error("the account signature on the entry of device {device_id} does not verify")]
    EntryAccountSignature {
        /// The entry's device.
        device_id: u32,
    },
    /// The device never agreed to be listed for this account.
    #[error("device {device_id} did not sign that it belongs to this account")]
    EntryDeviceSignature {
        /// The entry's device.
        device_id: u32,
    },
    /// A device id stands for one key and one registration for ever; a device that lost them is a new device.
    #[error("device {device_id} changed its identity key or registration id")]
    DeviceChanged {
        /// The device in question.
        device_id: u32,
    },
    /// The device to remove is not in the list.
    #[error("device {device_id} is not in the list")]
    NoSuchDevice {
        /// The device in question.
        device_id: u32,
    },
    /// The list is a recovery: verify it as one, and ask before trusting it.
    #[error("the list is marked as a recovery")]
    IsRecovery,
    /// The list is not marked as a recovery.
    #[error("the list is not marked as a recovery")]
    NotRecovery,
    /// A recovery holds exactly one device.
    #[error("a recovery must hold exactly one device")]
    RecoveryDevices,
    /// A recovery drops every old device, by id and by key.
    #[error("the recovery keeps device {device_id}")]
    RecoveryKeepsDevice {
        /// The device that should be gone.
        device_id: u32,
    },
}

impl From<FieldTooLong> for DeviceListError {
    fn from(_: FieldTooLong) -> Self {
        Self::TooLarge {
            max: MAX_LIST_BYTES,
        }
    }
}
