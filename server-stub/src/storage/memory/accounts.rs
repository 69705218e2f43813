//! Accounts in memory.

use super::queues::retire;
use super::state::{AccountState, PrekeyState};
use super::{Memory, Pending, inbox, prekeys};
use crate::storage::{
    Account, Accounts, AdmitDevice, Admitted, AppendList, Appended, DeviceState, ListRecord,
    OpenAccount, Opened,
};
use sealwire_wire::contract::DeviceName;
use sealwire_wire::{DeviceId, Timestamp, UserId};
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

impl Accounts for Memory {
    fn open_account(&self, step: OpenAccount) -> Pending<'_, Opened> {
        self.step(|state| {
            let Entry::Vacant(place) = state.accounts.entry(step.user_id.clone()) else {
                return Opened::Exists;
            };
            let device_id = step.device.device_id;
            place.insert(AccountState {
                next_device_id: u64::from(device_id.get()) + 1,
                devices: BTreeMap::from([(device_id, step.device)]),
                grants: BTreeSet::new(),
                lists: vec![step.list],
                to_queue: BTreeSet::new(),
            });
            let name = DeviceName {
                user_id: step.user_id,
                device_id,
            };
            let mut fresh = PrekeyState::default();
            prekeys::insert_new(&mut fresh, step.prekeys);
            state.prekeys.insert(name, fresh);
            Opened::Opened
        })
    }

    fn account(&self, user: UserId) -> Pending<'_, Option<Account>> {
        self.step(|state| {
            let account = state.accounts.get(&user)?;
            Some(Account {
                next_device_id: u32::try_from(account.next_device_id).unwrap_or(u32::MAX),
                devices: account.devices.values().cloned().collect(),
                list: account.lists.last()?.clone(),
            })
        })
    }

    fn reserve_device_id(&self, user: UserId) -> Pending<'_, Option<DeviceId>> {
        self.step(|state| {
            let account = state.accounts.get_mut(&user)?;
            let id = DeviceId::new(u32::try_from(account.next_device_id).ok()?).ok()?;
            account.next_device_id += 1;
            Some(id)
        })
    }

    fn admit_device(&self, step: AdmitDevice) -> Pending<'_, Admitted> {
        self.step(|state| {
            let Some(account) = state.accounts.get_mut(&step.user_id) else {
                return Admitted::NotReserved;
            };
            let device_id = step.device.device_id;
            let known = account.devices.get(&device_id);
            if let Some(known) = known
                && known.registered_by == step.device.registered_by
            {
                return Admitted::Repeated(known.state);
            }
            if account.grants.contains(&step.nonce) {
                return Admitted::GrantUsed;
            }
            if known.is_some() {
                return Admitted::IdTaken;
            }
            if u64::from(device_id.get()) >= account.next_device_id {
                return Admitted::NotReserved;
            }
            account.grants.insert(step.nonce);
            account.devices.insert(device_id, step.device);
            let name = DeviceName {
                user_id: step.user_id,
                device_id,
            };
            prekeys::insert_new(state.prekeys.entry(name).or_default(), step.prekeys);
            Admitted::Admitted
        })
    }

    fn append_list(&self, step: AppendList) -> Pending<'_, Appended> {
        self.step(|state| {
            let Some(account) = state.accounts.get_mut(&step.user_id) else {
                return Appended::Conflict;
            };
            let continues = account.lists.last().is_some_and(|newest| {
                newest.version.checked_add(1) == Some(step.list.version)
                    && newest.hash == step.prev_hash
            });
            if !continues {
                return Appended::Conflict;
            }
            let stands = |id: &DeviceId| {
                account
                    .devices
                    .get(id)
                    .is_some_and(|device| device.state != DeviceState::Removed)
            };
            if let Some(id) = step.holds.iter().find(|id| !stands(id)) {
                return Appended::NotRegistered(*id);
            }
            let mut holds_new = false;
            for device in account.devices.values_mut() {
                if step.holds.contains(&device.device_id) {
                    holds_new |= device.state == DeviceState::Registered;
                    device.state = DeviceState::Live;
                } else if device.state == DeviceState::Live {
                    device.state = DeviceState::Removed;
                }
            }
            account.to_queue.insert(step.list.version);
            account.lists.push(step.list);
            if holds_new {
                inbox::tell_preferences_again(state, &step.user_id);
            }
            Appended::Appended
        })
    }

    fn disable_device(&self, name: DeviceName, at: Timestamp) -> Pending<'_, ()> {
        self.step(|state| {
            let account = state.accounts.get_mut(&name.user_id);
            let device = account.and_then(|account| account.devices.get_mut(&name.device_id));
            if let Some(device) = device
                && device.disabled_at.is_none()
            {
                device.disabled_at = Some(at);
                retire(state, &name);
            }
        })
    }

    fn lists_after(&self, user: UserId, since: u64, limit: u32) -> Pending<'_, Vec<ListRecord>> {
        self.step(|state| {
            let lists = state
                .accounts
                .get(&user)
                .map(|account| account.lists.as_slice());
            lists
                .unwrap_or_default()
                .iter()
                .filter(|list| list.version > since)
                .take(limit as usize)
                .cloned()
                .collect()
        })
    }
}
