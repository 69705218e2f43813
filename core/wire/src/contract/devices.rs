//! Registering devices, publishing and reading signed device lists.

use super::PrekeyUpload;
use crate::{Base64, DeviceId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// `POST /v1/devices`: registers a device.
///
/// The first device of an account (id 1) brings `list` (version 1) and a platform token; every other one brings `grant`
/// and stays inactive (no token, no queue) until a list holds it. The same registration again gets the same answer.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterDevice {
    /// Whose device.
    pub user_id: UserId,
    /// 1, or the id that an own device reserved.
    pub device_id: DeviceId,
    /// The device's public identity key, 33 bytes.
    pub identity_key: Base64,
    /// Random, chosen by the device; a device that starts anew chooses another.
    pub registration_id: u32,
    /// The device's prekeys; the signed one is required here.
    pub prekeys: PrekeyUpload,
    /// List version 1, with the first device of an account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list: Option<SignedList>,
    /// The grant of an existing device, with every other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<SignedGrant>,
}

/// The answer to [`RegisterDevice`] (201).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisteredDevice {
    /// Whose device.
    pub user_id: UserId,
    /// Which device.
    pub device_id: DeviceId,
    /// Whether a published list holds it.
    pub active: bool,
}

/// A device list as it travels: the payload's bytes are hashed and verified as received.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedList {
    /// Protobuf `DeviceList`.
    pub payload: Base64,
    /// By the account key.
    pub account_signature: Base64,
    /// The device that signed: one of the version before, or device 1 for version 1.
    pub signer_device_id: DeviceId,
    /// By that device's identity key.
    pub signer_signature: Base64,
}

/// The right to register one device once, as it travels.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedGrant {
    /// Protobuf `RegistrationGrant`.
    pub payload: Base64,
    /// By the account key.
    pub account_signature: Base64,
    /// A device of the current list.
    pub signer_device_id: DeviceId,
    /// By that device's identity key.
    pub device_signature: Base64,
}

/// The answer to `POST /v1/me/devices/reserve` (201).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReservedDevice {
    /// The next id; never given out again.
    pub device_id: DeviceId,
}

/// `PUT /v1/me/devices/list`: publishes version v+1 (204). 409 `device_list_conflict` when another came first.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublishDeviceList {
    /// The new version.
    pub list: SignedList,
}

/// `GET /v1/users/{id}/devices?since=v`: every version after the known one, oldest first.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserDeviceLists {
    /// Whose lists.
    pub user_id: UserId,
    /// The newest version that the relay holds, or the last one of a full answer.
    pub version: u64,
    /// Versions `since + 1 ..= version`, at most [`crate::limits::LISTS_PER_ANSWER`]: after so many, ask for the rest.
    pub lists: Vec<SignedList>,
}

/// `POST /v1/devices/query`: lists of up to 50 users.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceListsQuery {
    /// Whose lists, and from which version on.
    pub users: Vec<KnownDeviceList>,
}

/// One user of a [`DeviceListsQuery`].
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownDeviceList {
    /// Whose lists.
    pub user_id: UserId,
    /// The newest version already held; 0 for none.
    #[serde(default)]
    pub known_version: u64,
}

/// The answer to [`DeviceListsQuery`]. Users that have no account are left out.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceListsAnswer {
    /// One entry a user found.
    pub users: Vec<UserDeviceLists>,
}

/// `GET /v1/me/devices`: the relay's view of the caller's own devices.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnDevices {
    /// Registered devices, by id.
    pub devices: Vec<OwnDevice>,
}

/// One registered device.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnDevice {
    /// Which device.
    pub device_id: DeviceId,
    /// As registered.
    pub registration_id: u32,
    /// Whether the newest list holds it.
    pub active: bool,
    /// When it registered.
    pub registered_at: Timestamp,
    /// Since when it is disabled (`DELETE /v1/devices/{id}`, 204): no token, no socket, no queue; senders leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<Timestamp>,
}
