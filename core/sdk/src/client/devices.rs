//! The account's own devices, and the sessions with those of others.

use super::{Client, OTHER_REPLY, user_id};
use crate::Error;
use sealwire_engine::{Call, Reply, session_protocol};
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

    /// The protocol version of the session that messages for a device go in: 4 is PQXDH, 3 X3DH; none where there is no session
    /// yet. Of this account's other devices too.
    pub async fn session_protocol(
        &self,
        user: &str,
        device_id: DeviceId,
    ) -> Result<Option<u8>, Error> {
        let user = user_id(user)?;
        self.shared
            .queries
            .run(move |rows| session_protocol(rows, &user, device_id))
            .await
    }

    /// Lets one of the account's devices do nothing any more at the relay, at once and for ever: a lost phone. Its sockets are
    /// closed within a second, it gets no token and no message, and what waited for it is dropped. What lies on it stays there.
    /// The account's last device may be disabled too: its user is locked out then. Needs the relay.
    ///
    /// Codes: `not_found` (no such device).
    pub async fn disable_device(&self, device_id: DeviceId) -> Result<(), Error> {
        self.call(Call::DisableDevice { device_id }).await.map(drop)
    }

    /// Takes one of the account's other devices out of its signed list: everybody who writes to the account leaves it out from
    /// then on, whatever the relay does, and it learns that it is removed. It counts towards no limit any more, and comes back
    /// only by being linked anew. Of a lost device this is what [`Client::disable_device`] cannot do; it needs the account key, which
    /// every linked device holds. Needs the relay. After a code that is retryable it may have happened: ask again.
    ///
    /// Codes: `unknown_device` (no such device in the list), `own_device` (this one), `account_key_missing`, `device_list_conflict`
    /// (other devices changed the list at the same time).
    pub async fn remove_device(&self, device_id: DeviceId) -> Result<(), Error> {
        self.call(Call::RemoveDevice { device_id }).await.map(drop)
    }
}
