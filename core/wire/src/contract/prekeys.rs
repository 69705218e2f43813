//! Prekeys: upload, counts, bundles.

use crate::{Base64, Bytes32, DeviceId, UserId};
use serde::{Deserialize, Serialize};

/// `PUT /v1/prekeys`: adds keys (204). Identical keys again are a success; another key under a known id is
/// 409 `prekey_id_conflict`, and nothing of the upload is kept.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Default)]
pub struct PrekeyUpload {
    /// Replaces the signed prekey that bundles carry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signed_prekey: Option<PublicSignedPrekey>,
    /// At most 200; each is given out once, ever.
    #[serde(default)]
    pub one_time_prekeys: Vec<PublicPrekey>,
    /// Replaces the KEM prekey that bundles carry when no one-time one is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_resort_kem_prekey: Option<PublicKemPrekey>,
    /// At most 200, some 450 KB of the 512 KiB that an upload may have; each is given out once, ever.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub one_time_kem_prekeys: Vec<PublicKemPrekey>,
}

/// A one-time prekey.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicPrekey {
    /// The device's own number for it, never used for another key.
    pub id: u32,
    /// 33 bytes.
    pub key: Base64,
}

/// A signed prekey.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicSignedPrekey {
    /// The device's own number for it, never used for another key.
    pub id: u32,
    /// 33 bytes.
    pub key: Base64,
    /// XEdDSA by the device's identity key over the 33 bytes.
    pub signature: Base64,
}

/// A KEM prekey, one-time or last resort. All KEM prekeys of a device are numbered together, so that an id in a message names
/// one key, and the device knows which kind it is.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKemPrekey {
    /// The device's own number for it, never used for another key.
    pub id: u32,
    /// 1,569 bytes: the type byte 0x0A (ML-KEM-1024), then the encapsulation key.
    pub key: Base64,
    /// XEdDSA by the device's identity key over the 1,569 bytes.
    pub signature: Base64,
}

/// `GET /v1/prekeys/count`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrekeyCount {
    /// One-time prekeys not yet given out.
    pub one_time_prekeys: u32,
    /// The signed prekey that bundles carry now.
    pub signed_prekey_id: u32,
    /// One-time KEM prekeys not yet given out.
    #[serde(default)]
    pub one_time_kem_prekeys: u32,
    /// The KEM prekey that bundles carry when no one-time one is left; none of a device that never uploaded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_resort_kem_prekey_id: Option<u32>,
}

/// `POST /v1/prekeys/check`: whether the relay gives out the keys that this device believes it does.
///
/// The digest is SHA-256(`Sealwire v1 repeated-use keys` ‖ identity key 33 ‖ registration id u32 ‖ signed prekey id u32 ‖
/// signed prekey 33 ‖ signature 64), integers big-endian; of a device that has a last-resort KEM prekey, its id u32 ‖ key 1,569 ‖
/// signature 64 follow.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrekeyCheck {
    /// Of the keys that are given out more than once.
    pub digest: Bytes32,
}

/// The answer to [`PrekeyCheck`] (200).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrekeyCheckAnswer {
    /// Whether the relay's keys have the same digest. Where not, the device uploads new ones.
    pub matches: bool,
    /// What the relay holds.
    pub count: PrekeyCount,
}

/// What a sender needs to begin a session with one device.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bundle {
    /// Which device.
    pub device_id: DeviceId,
    /// As registered.
    pub registration_id: u32,
    /// As registered, 33 bytes; the signed device list says whether it is right.
    pub identity_key: Base64,
    /// The current signed prekey.
    pub signed_prekey: PublicSignedPrekey,
    /// None when the device has run out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub one_time_prekey: Option<PublicPrekey>,
    /// A one-time one where there is one, else the last resort; none of a device that never uploaded one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kem_prekey: Option<PublicKemPrekey>,
}

/// `GET /v1/users/{id}/prekeys[?device_id=]`: bundles of one user's live devices.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserBundles {
    /// Whose devices.
    pub user_id: UserId,
    /// By device id.
    pub bundles: Vec<Bundle>,
}

/// `POST /v1/prekeys/query`: bundles for some devices of up to 50 users.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundlesQuery {
    /// Whose.
    pub users: Vec<WantedBundles>,
}

/// One user of a [`BundlesQuery`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WantedBundles {
    /// Whose devices.
    pub user_id: UserId,
    /// Which; empty for all live ones.
    #[serde(default)]
    pub device_ids: Vec<DeviceId>,
}

/// The answer to [`BundlesQuery`]. Users and devices that are not live are left out.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundlesAnswer {
    /// One entry a user found.
    pub users: Vec<UserBundles>,
}
