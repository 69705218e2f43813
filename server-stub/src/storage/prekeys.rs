//! Prekeys of each device.

use super::Pending;
use sealwire_wire::contract::{
    DeviceName, PrekeyCount, PrekeyUpload, PublicKemPrekey, PublicPrekey, PublicSignedPrekey,
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
    /// A one-time one, given out now and never again, or the last resort; none of a device that never uploaded one.
    pub kem: Option<PublicKemPrekey>,
}

/// The keys that bundles carry again and again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepeatedPrekeys {
    /// The current signed prekey.
    pub signed: PublicSignedPrekey,
    /// The current last-resort KEM prekey; none of a device that never uploaded one.
    pub last_resort_kem: Option<PublicKemPrekey>,
}

/// Steps within one device's prekeys.
pub trait Prekeys {
    /// Adds keys: all or none. An id stands for one key for ever, also after that key was given out; a signed prekey, or a
    /// last-resort KEM one, that is new becomes the current one. A device may have `max_unused` one-time keys of each kind.
    /// All KEM prekeys share their ids: one that is stored stays what it is, one-time or last resort.
    fn store_prekeys(
        &self,
        device: DeviceName,
        upload: PrekeyUpload,
        max_unused: u32,
    ) -> Pending<'_, PrekeysStored>;

    /// What is left; none for a device that has no signed prekey.
    fn prekey_count(&self, device: DeviceName) -> Pending<'_, Option<PrekeyCount>>;

    /// The keys that bundles carry again and again; none for a device that has no signed prekey.
    fn repeated_prekeys(&self, device: DeviceName) -> Pending<'_, Option<RepeatedPrekeys>>;

    /// Takes a one-time key of each kind, if one is left; none for a device that has no signed prekey.
    fn take_prekeys(&self, device: DeviceName) -> Pending<'_, Option<TakenPrekeys>>;
}
