//! Whether the envelopes of a send are those of the live devices.

use crate::service::registration::not_live;
use crate::service::{Answer, Refusal, Service};
use crate::storage::ThreadRecord;
use sealwire_wire::contract::{DeviceMismatch, DeviceName, SendMessage};
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
        let mut live = BTreeMap::new();
        for user in &thread.participants {
            for device in self.live_devices(user).await?.iter() {
                let name = DeviceName {
                    user_id: user.clone(),
                    device_id: device.id,
                };
                live.insert(name, device.registration_id);
            }
        }
        if live.remove(caller).is_none() {
            return Err(not_live());
        }
        let mut mismatch = DeviceMismatch::default();
        for envelope in &message.envelopes {
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
        self.forgive_disabled(thread, &mut mismatch.extra).await?;
        if mismatch == DeviceMismatch::default() {
            Ok(())
        } else {
            Err(Refusal::mismatch(mismatch))
        }
    }

    /// Takes out the devices that are listed, but disabled.
    async fn forgive_disabled(
        &self,
        thread: &ThreadRecord,
        extra: &mut Vec<DeviceName>,
    ) -> Answer<()> {
        for user in &thread.participants {
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
