//! Prekeys of each device.

use super::Pending;
use sealwire_wire::contract::{
    DeviceName, PrekeyCount, PrekeyUpload, PublicPrekey, PublicSignedPrekey,
};

/// What became of [`Prekeys::store_prekeys`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PrekeysStored {
    /// All are there, now or from before.
    Stored,
    /// Another key has this id. Nothing of the upload was kept.
    Conflict(u32),
    /// More unused one-time keys than a device may have. Nothing of the upload was kept.
    TooMany,
    /// The device is not registered.
    NoDevice,
}

/// Keys for one new session with a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenPrekeys {
    /// The current signed prekey.
    pub signed: PublicSignedPrekey,
    /// Given out now, and never again; none when the device has run out.
    pub one_time: Option<PublicPrekey>,
}

/// Steps within one device's prekeys.
pub trait Prekeys {
    /// Adds keys: all or none. An id stands for one key for ever, also after that key was given out; a signed prekey that
    /// is new becomes the current one. A device may have `max_unused` one-time keys.
    fn store_prekeys(
        &self,
        device: DeviceName,
        upload: PrekeyUpload,
        max_unused: u32,
    ) -> Pending<'_, PrekeysStored>;

    /// What is left; none for a device that has no signed prekey.
    fn prekey_count(&self, device: DeviceName) -> Pending<'_, Option<PrekeyCount>>;

    /// The signed prekey that bundles carry now.
    fn signed_prekey(&self, device: DeviceName) -> Pending<'_, Option<PublicSignedPrekey>>;

    /// Takes a one-time key, if one is left; none for a device that has no signed prekey.
    fn take_prekeys(&self, device: DeviceName) -> Pending<'_, Option<TakenPrekeys>>;
}
