//! Whether the envelopes of a send are those of the live devices.

use crate::service::{Answer, Refusal, Service};
use crate::storage::ThreadRecord;
use sealwire_wire::contract::{DeviceMismatch, DeviceName, SendMessage};
use std::collections::BTreeMap;

impl Service {
    /// One envelope for each live device of all participants but the sending one, which must be live too, under its
    /// registration.
    pub(super) async fn check_devices(
        &self,
        caller: &DeviceName,
        thread: &ThreadRecord,
        message: &SendMessage,
    ) -> Answer<()> {
        let mut live = BTreeMap::new();
        for user in &thread.participants {
            let account = if *user == caller.user_id {
                self.live_account(caller).await?
            } else {
                match self.storage.account(user.clone()).await? {
                    Some(account) => account,
                    None => continue,
                }
            };
            for device in account.live() {
                let name = DeviceName {
                    user_id: user.clone(),
                    device_id: device.device_id,
                };
                live.insert(name, device.registration_id);
            }
        }
        live.remove(caller);
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
        if mismatch == DeviceMismatch::default() {
            Ok(())
        } else {
            Err(Refusal::mismatch(mismatch))
        }
    }
}
