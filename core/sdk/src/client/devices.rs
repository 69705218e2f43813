//! The account's own devices.

use super::{Client, OTHER_REPLY};
use crate::Error;
use sealwire_engine::{Call, Reply};
use sealwire_wire::DeviceId;
use sealwire_wire::contract::OwnDevice;

impl Client {
    /// The registered devices of this account by id, as the relay knows them, this one among them; also those that are
    /// disabled, until a list removes them. Needs the relay.
    pub async fn own_devices(&self) -> Result<Vec<OwnDevice>, Error> {
        match self.call(Call::OwnDevices).await? {
            Reply::Devices(devices) => Ok(devices),
            _ => Err(OTHER_REPLY),
        }
    }

    /// Lets one of the account's devices do nothing any more at the relay, at once and for ever: a lost phone. Its sockets are
    /// closed within a second, it gets no token and no message, and what waited for it is dropped. What lies on it stays there.
    /// The account's last device may be disabled too: its user is locked out then. Needs the relay.
    ///
    /// Codes: `not_found` (no such device).
    pub async fn disable_device(&self, device_id: DeviceId) -> Result<(), Error> {
        self.call(Call::DisableDevice { device_id }).await.map(drop)
    }
}
