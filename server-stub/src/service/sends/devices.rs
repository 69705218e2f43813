//! Whether the envelopes of a send are those of the live devices.

use crate::service::registration::not_live;
use crate::service::{Answer, Refusal, Service};
use crate::storage::ThreadRecord;
use sealwire_wire::UserId;
use sealwire_wire::contract::{DeviceEnvelope, DeviceMismatch, DeviceName, SendMessage};
use std::collections::BTreeMap;

impl Service {
    /// One envelope for each live device of all participants but the sending one, which must be live too, under its
    /// registration. Devices that are listed but disabled may have one or not: senders need not know of it.
    pub(super) async fn check_devices(
        &self,
        caller: &DeviceName,
        thread: &ThreadRecord,
        message: &SendMessage,
    ) -> Answer<()> {
        let mut live = self.registrations(&thread.participants).await?;
        if live.remove(caller).is_none() {
            return Err(not_live());
        }
        self.match_devices(live, &thread.participants, &message.envelopes)
            .await
    }

    /// The same for the devices of these users alone.
    pub(super) async fn check_devices_of(
        &self,
        users: &[UserId],
        envelopes: &[DeviceEnvelope],
    ) -> Answer<()> {
        let live = self.registrations(users).await?;
        self.match_devices(live, users, envelopes).await
    }

    async fn registrations(&self, users: &[UserId]) -> Answer<BTreeMap<DeviceName, u32>> {
        let mut live = BTreeMap::new();
        for user in users {
            for device in self.live_devices(user).await?.iter() {
                let name = DeviceName {
                    user_id: user.clone(),
                    device_id: device.id,
                };
                live.insert(name, device.registration_id);
            }
        }
        Ok(live)
    }

    async fn match_devices(
        &self,
        mut live: BTreeMap<DeviceName, u32>,
        users: &[UserId],
        envelopes: &[DeviceEnvelope],
    ) -> Answer<()> {
        let mut mismatch = DeviceMismatch::default();
        for envelope in envelopes {
            let name = DeviceName {
                user_id: envelope.user_id.clone(),
                device_id: envelope.device_id,
            };
            match live.remove(&name) {
                Some(registration_id) if registration_id == envelope.registration_id => {}
                Some(_) => mismatch.stale.push(name),
                None => mismatch.extra.push(name),
            }
        }
        mismatch.missing = live.into_keys().collect();
        self.forgive_disabled(users, &mut mismatch.extra).await?;
        if mismatch == DeviceMismatch::default() {
            Ok(())
        } else {
            Err(Refusal::mismatch(mismatch))
        }
    }

    /// Takes out the devices that are listed, but disabled.
    async fn forgive_disabled(&self, users: &[UserId], extra: &mut Vec<DeviceName>) -> Answer<()> {
        for user in users {
            if extra.iter().any(|device| device.user_id == *user)
                && let Some(account) = self.storage.account(user.clone()).await?
            {
                let disabled: Vec<_> = account
                    .listed()
                    .filter(|device| !device.is_live())
                    .map(|device| device.device_id)
                    .collect();
                extra.retain(|device| {
                    device.user_id != *user || !disabled.contains(&device.device_id)
                });
            }
        }
        Ok(())
    }
}
