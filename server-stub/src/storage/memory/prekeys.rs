//! Prekeys in memory.

use super::state::{KemUse, PrekeyState, Taken};
use super::{Memory, Pending};
use crate::storage::{DeviceState, Prekeys, PrekeysStored, RepeatedPrekeys, TakenPrekeys};
use sealwire_wire::contract::{DeviceName, PrekeyCount, PrekeyUpload, PublicKemPrekey};

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
            if let Some(id) = kem_conflict(keys, &upload) {
                return PrekeysStored::Conflict(id);
            }
            upload
                .last_resort_kem_prekey
                .take_if(|offered| keys.kem.contains_key(&offered.id));
            upload
                .one_time_kem_prekeys
                .retain(|offered| !keys.kem.contains_key(&offered.id));
            let after = unused_kem(keys) + upload.one_time_kem_prekeys.len();
            if !upload.one_time_kem_prekeys.is_empty() && after > max_unused as usize {
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
                one_time_kem_prekeys: u32::try_from(unused_kem(keys)).unwrap_or(u32::MAX),
                last_resort_kem_prekey_id: keys.last_resort_kem,
            })
        })
    }

    fn repeated_prekeys(&self, device: DeviceName) -> Pending<'_, Option<RepeatedPrekeys>> {
        self.step(|state| {
            let keys = state.prekeys.get(&device)?;
            Some(RepeatedPrekeys {
                signed: keys.signed.get(&keys.current?)?.clone(),
                last_resort_kem: last_resort_kem(keys),
            })
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
            let left = keys
                .kem
                .values_mut()
                .find(|(_, used)| *used == KemUse::Once(Taken(false)));
            let one_time_kem = left.map(|(key, used)| {
                *used = KemUse::Once(Taken(true));
                key.clone()
            });
            let kem = one_time_kem.or_else(|| last_resort_kem(keys));
            Some(TakenPrekeys {
                signed,
                one_time,
                kem,
            })
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
    if let Some(kem) = upload.last_resort_kem_prekey {
        keys.last_resort_kem = Some(kem.id);
        keys.kem.insert(kem.id, (kem, KemUse::LastResort));
    }
    for kem in upload.one_time_kem_prekeys {
        keys.kem.insert(kem.id, (kem, KemUse::Once(Taken(false))));
    }
}

/// The first id of an upload that stands for another KEM prekey, or for the same of the other kind.
fn kem_conflict(keys: &PrekeyState, upload: &PrekeyUpload) -> Option<u32> {
    let differs = |offered: &PublicKemPrekey, last_resort: bool| {
        keys.kem.get(&offered.id).is_some_and(|(known, used)| {
            known.key != offered.key || (*used == KemUse::LastResort) != last_resort
        })
    };
    let last_resort = upload.last_resort_kem_prekey.iter();
    let one_time = upload.one_time_kem_prekeys.iter();
    last_resort
        .filter(|offered| differs(offered, true))
        .chain(one_time.filter(|offered| differs(offered, false)))
        .map(|offered| offered.id)
        .next()
}

fn last_resort_kem(keys: &PrekeyState) -> Option<PublicKemPrekey> {
    let (kem, _) = keys.kem.get(&keys.last_resort_kem?)?;
    Some(kem.clone())
}

fn unused_kem(keys: &PrekeyState) -> usize {
    let left = |used: &KemUse| *used == KemUse::Once(Taken(false));
    keys.kem.values().filter(|(_, used)| left(used)).count()
}

fn unused(keys: &PrekeyState) -> usize {
    keys.one_time.values().filter(|(_, taken)| !taken.0).count()
}
