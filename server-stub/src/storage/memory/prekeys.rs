//! Prekeys in memory.

use super::state::{PrekeyState, Taken};
use super::{Memory, Pending};
use crate::storage::{DeviceState, Prekeys, PrekeysStored, TakenPrekeys};
use sealwire_wire::contract::{DeviceName, PrekeyCount, PrekeyUpload, PublicSignedPrekey};

impl Prekeys for Memory {
    fn store_prekeys(
        &self,
        device: DeviceName,
        mut upload: PrekeyUpload,
        max_unused: u32,
    ) -> Pending<'_, PrekeysStored> {
        self.step(|state| {
            let registered = state
                .accounts
                .get(&device.user_id)
                .and_then(|account| account.devices.get(&device.device_id))
                .is_some_and(|known| known.state != DeviceState::Removed);
            if !registered {
                return PrekeysStored::NoDevice;
            }
            let keys = state.prekeys.entry(device).or_default();
            if let Some(offered) = &upload.signed_prekey
                && let Some(known) = keys.signed.get(&offered.id)
            {
                if known.key != offered.key {
                    return PrekeysStored::Conflict(offered.id);
                }
                upload.signed_prekey = None;
            }
            for offered in &upload.one_time_prekeys {
                if keys
                    .one_time
                    .get(&offered.id)
                    .is_some_and(|(known, _)| known.key != offered.key)
                {
                    return PrekeysStored::Conflict(offered.id);
                }
            }
            upload
                .one_time_prekeys
                .retain(|offered| !keys.one_time.contains_key(&offered.id));
            let after = unused(keys) + upload.one_time_prekeys.len();
            if !upload.one_time_prekeys.is_empty() && after > max_unused as usize {
                return PrekeysStored::TooMany;
            }
            insert_new(keys, upload);
            PrekeysStored::Stored
        })
    }

    fn prekey_count(&self, device: DeviceName) -> Pending<'_, Option<PrekeyCount>> {
        self.step(|state| {
            let keys = state.prekeys.get(&device)?;
            Some(PrekeyCount {
                one_time_prekeys: u32::try_from(unused(keys)).unwrap_or(u32::MAX),
                signed_prekey_id: keys.current?,
            })
        })
    }

    fn signed_prekey(&self, device: DeviceName) -> Pending<'_, Option<PublicSignedPrekey>> {
        self.step(|state| {
            let keys = state.prekeys.get(&device)?;
            keys.signed.get(&keys.current?).cloned()
        })
    }

    fn take_prekeys(&self, device: DeviceName) -> Pending<'_, Option<TakenPrekeys>> {
        self.step(|state| {
            let keys = state.prekeys.get_mut(&device)?;
            let signed = keys.signed.get(&keys.current?)?.clone();
            let left = keys.one_time.values_mut().find(|(_, taken)| !taken.0);
            let one_time = left.map(|(key, taken)| {
                *taken = Taken(true);
                key.clone()
            });
            Some(TakenPrekeys { signed, one_time })
        })
    }
}

/// Stores keys whose ids are known to be free.
pub(super) fn insert_new(keys: &mut PrekeyState, upload: PrekeyUpload) {
    if let Some(signed) = upload.signed_prekey {
        keys.current = Some(signed.id);
        keys.signed.insert(signed.id, signed);
    }
    for key in upload.one_time_prekeys {
        keys.one_time.insert(key.id, (key, Taken(false)));
    }
}

fn unused(keys: &PrekeyState) -> usize {
    keys.one_time.values().filter(|(_, taken)| !taken.0).count()
}
