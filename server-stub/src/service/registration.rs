//! Registering devices: the first one of an account, and those that a grant lets in.

use super::{Answer, Refusal, Service};
use sealwire_wire::UserId;
use sealwire_wire::contract::{
    DeviceName, ErrorCode, RegisterDevice, RegisteredDevice, ReservedDevice,
};

impl Service {
    /// Registers a device. `platform_user` is the user that a valid platform token names, if one was shown.
    pub async fn register_device(
        &self,
        request: &RegisterDevice,
        platform_user: Option<&UserId>,
    ) -> Answer<RegisteredDevice> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// The next device id of the caller's account, never given out again.
    pub async fn reserve_device_id(&self, caller: &DeviceName) -> Answer<ReservedDevice> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// Whether the device is live: in the newest list of its user, and registered. 403 `device_revoked` else.
    ///
    /// Every method that takes a caller asks this itself; sockets ask it again when they are woken.
    pub async fn authorise(&self, caller: &DeviceName) -> Answer<()> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }
}
