//! Who an account's devices are: entries, the signed chain of device lists, and the grant that lets a new device in.
//!
//! Everything here but the signing is public data: a relay verifies it with the same code as a client.

mod entry;
mod error;
mod grant;
mod list;
mod proto;
mod sign;
mod verify;

pub use entry::{DeviceEntry, NewDevice, SignedDeviceEntry, consent_to_listing};
pub(crate) use entry::{has_consented, within_bounds};
pub use error::DeviceListError;
pub use grant::{GrantError, RegistrationGrant, SignedRegistrationGrant};
pub use list::{DeviceList, SignedDeviceList};
pub use sign::ListChange;
pub use verify::RecoveredList;

/// Live devices that one account may have.
pub const MAX_DEVICES: usize = 10;
/// The longest signed list that is looked at; ten entries with every field at its bound are smaller.
pub const MAX_LIST_BYTES: usize = 32 * 1024;
/// The longest signed entry that is looked at.
pub const MAX_ENTRY_BYTES: usize = 4 * 1024;
/// Protocol versions that one entry may name.
pub const MAX_PROTOCOL_VERSIONS: usize = 16;
/// Features that one entry may name.
pub const MAX_FEATURES: usize = 32;
/// The longest name of a feature, in bytes.
pub const MAX_FEATURE_BYTES: usize = 64;

/// The device id of the first device of every account.
pub const FIRST_DEVICE_ID: u32 = 1;

/// A user id as the platform may give one: 1 to 64 of `A-Z a-z 0-9 _ . -`, but not `.` or `..` alone, which are steps in a path.
pub(crate) fn is_user_id(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && !matches!(text, "." | "..")
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-'))
}

#[cfg(test)]
mod tests;
