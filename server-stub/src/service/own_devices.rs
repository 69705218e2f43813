//! An account's own devices, and disabling one of them.

use super::{Answer, Publisher, Refusal, Service, Wake, Woken};
use crate::storage::{Account, DeviceState};
use sealwire_wire::contract::{DeviceName, ErrorCode, OwnDevice, OwnDevices};
use sealwire_wire::{DeviceId, UserId};

impl Service {
    /// The devices of the account that no list has removed.
    pub async fn own_devices(&self, holder: &Publisher) -> Answer<OwnDevices> {
        let devices = self
            .account_of(holder)
            .await?
            .devices
            .iter()
            .filter(|device| device.state != DeviceState::Removed)
            .map(|device| OwnDevice {
                device_id: device.device_id,
                registration_id: device.registration_id,
                active: device.state == DeviceState::Live,
                registered_at: device.registered_at,
                disabled_at: device.disabled_at,
            })
            .collect();
        Ok(OwnDevices { devices })
    }

    /// Disables a device at once and for ever: it gets no token, its sockets are closed, its queue is dropped. The lists stay
    /// as they are signed. The account's last device may be disabled too: its user is locked out until they recover.
    pub async fn disable_device(
        &self,
        holder: &Publisher,
        device_id: DeviceId,
    ) -> Answer<Woken<()>> {
        let user = user_of(holder);
        // What is on its way to the device is stored before, or finds it gone.
        let _turn = self.change_list(user).await;
        let account = self.account_of(holder).await?;
        if account.device(device_id).is_none() {
            return Err(Refusal::new(ErrorCode::NotFound, "no such device"));
        }
        let device = DeviceName {
            user_id: user.clone(),
            device_id,
        };
        self.storage
            .disable_device(device.clone(), self.clock.now())
            .await?;
        Ok(Woken {
            answer: (),
            wake: Wake {
                revoked: vec![device],
                ..Wake::default()
            },
        })
    }

    /// A device has to be live to speak for its account; the platform does not.
    async fn account_of(&self, holder: &Publisher) -> Answer<Account> {
        match holder {
            Publisher::Device(caller) => self.live_account(caller).await,
            Publisher::Platform(user) => self.existing_account(user).await,
        }
    }
}

fn user_of(holder: &Publisher) -> &UserId {
    match holder {
        Publisher::Device(caller) => &caller.user_id,
        Publisher::Platform(user) => user,
    }
}
