//! What each device has now, of things that follow one another: the newest alone counts, and an older one that ends late takes
//! nothing from it.

use sealwire_wire::contract::DeviceName;
use sealwire_wire::{DeviceId, UserId};
use std::collections::BTreeMap;

/// One for each device, the newest.
pub struct Newest<T> {
    last_generation: u64,
    /// In this order a user's devices are neighbours.
    by_device: BTreeMap<DeviceName, (u64, T)>,
}

impl<T> Newest<T> {
    /// The device's from now on: the generation that it leaves by, and the one that it replaces with its own.
    pub fn enter(&mut self, device: &DeviceName, what: T) -> (u64, Option<(u64, T)>) {
        self.last_generation += 1;
        let generation = self.last_generation;
        let older = self.by_device.insert(device.clone(), (generation, what));
        (generation, older)
    }

    /// One ends: a newer one keeps the device's place.
    pub fn leave(&mut self, device: &DeviceName, generation: u64) {
        let held = self.by_device.get(device);
        let is_its_own = held.is_some_and(|(newest, _)| *newest == generation);
        #[cfg(feature = "planted")]
        let is_its_own = is_its_own || crate::planted::an_old_socket_removes_a_new_one();
        if is_its_own {
            self.by_device.remove(device);
        }
    }

    /// What a device has now.
    pub fn get(&self, device: &DeviceName) -> Option<&T> {
        self.by_device.get(device).map(|(_, what)| what)
    }

    /// What each device has now.
    pub fn iter(&self) -> impl Iterator<Item = (&DeviceName, &T)> {
        let all = self.by_device.iter();
        all.map(|(device, (_, what))| (device, what))
    }

    /// What the devices of a user have now.
    pub fn of_user(&self, user: &UserId) -> impl Iterator<Item = (&DeviceName, &T)> {
        let first = DeviceName {
            user_id: user.clone(),
            device_id: DeviceId::FIRST,
        };
        self.by_device
            .range(first..)
            .take_while(move |(device, _)| device.user_id == *user)
            .map(|(device, (_, what))| (device, what))
    }
}

impl<T> Default for Newest<T> {
    fn default() -> Self {
        Self {
            last_generation: 0,
            by_device: BTreeMap::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_one_that_ends_late_takes_nothing_from_the_newest() {
        let device = DeviceName {
            user_id: "alice".parse().unwrap(),
            device_id: DeviceId::FIRST,
        };
        let mut newest = Newest::default();
        let (first, replaced) = newest.enter(&device, "first");
        assert_eq!(replaced, None);
        let (second, replaced) = newest.enter(&device, "second");
        assert_eq!(replaced, Some((first, "first")));
        newest.leave(&device, first);
        assert_eq!(newest.get(&device), Some(&"second"));
        newest.leave(&device, second);
        assert_eq!(newest.get(&device), None);
    }
}
