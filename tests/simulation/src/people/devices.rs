//! What people do with their devices: link, lose and remove them.

use super::DEVICES_MAX;
use crate::Broken;
use crate::device::{Asked, Device, unusable};
use crate::world::{End, Happening, World};
use sealwire_engine::Call;
use sealwire_wire::contract::DeviceName;
use std::fs;

impl World {
    pub(super) fn links_one_more(&mut self) -> Result<(), Broken> {
        let users = self.users();
        let user = users[self.chance.index(users.len())].clone();
        let of_user = |device: &Device| device.user == user;
        let spare = |device: &Device| of_user(device) && device.name.is_none();
        let found = self.devices.iter().position(spare);
        let at = match found {
            Some(at) => at,
            None if self.devices.iter().filter(|device| of_user(device)).count() < DEVICES_MAX => {
                let folder = self.root.join(format!("device-{}", self.devices.len()));
                fs::create_dir_all(&folder).map_err(unusable)?;
                let chance = self.chance.apart();
                self.devices.push(Device::new(folder, user, chance));
                self.devices.len() - 1
            }
            None => return Ok(()),
        };
        if self.devices[at].life == 0 {
            self.device_starts(at)?;
        }
        self.call(at, Call::StartLinking, Asked::StartLinking)
    }

    /// How many devices of the same person count beside this one.
    fn others_beside(&self, at: usize) -> usize {
        let user = &self.devices[at].user;
        let beside = self.with_accounts().filter(|other| *other != at);
        beside
            .filter(|other| self.devices[*other].user == *user)
            .count()
    }

    pub(super) fn loses(&mut self, at: usize) -> Result<(), Broken> {
        if self.others_beside(at) == 0 {
            return Ok(());
        }
        if self.devices[at].engine.is_some() {
            self.device_ends(at, End::Crash)?;
        }
        self.devices[at].is_lost = true;
        let (place, label) = (self.place(), self.devices[at].label());
        self.journal.turn(place, format_args!("{label} is lost"));
        Ok(())
    }

    pub(super) fn disables(&mut self, by: usize) -> Result<(), Broken> {
        let user = &self.devices[by].user;
        let mut theirs = self.devices.iter().filter(|device| device.user == *user);
        let lost = theirs.find(|device| device.is_lost && !device.is_removed);
        match lost.and_then(|device| device.name.clone()) {
            Some(DeviceName { device_id, .. }) => {
                self.call(by, Call::DisableDevice { device_id }, Asked::Nothing)
            }
            None => Ok(()),
        }
    }

    pub(super) fn removes(&mut self, by: usize) -> Result<(), Broken> {
        let user = &self.devices[by].user;
        let of_user = |device: &Device| device.user == *user && !device.is_removed;
        let lost = self.devices.iter();
        let lost = lost.filter(|device| of_user(device) && device.is_lost);
        let mut gone = lost.filter_map(|device| device.name.clone()).next();
        if gone.is_none() && self.others_beside(by) > 0 {
            let others: Vec<_> = self.with_accounts().filter(|other| *other != by).collect();
            let mut others = others.into_iter().map(|other| &self.devices[other]);
            gone = others
                .find(|device| of_user(device))
                .and_then(|device| device.name.clone());
        }
        match gone {
            Some(DeviceName { device_id, .. }) => {
                self.call(by, Call::RemoveDevice { device_id }, Asked::Nothing)
            }
            None => Ok(()),
        }
    }

    /// A new device shows its code to one that its person has already.
    pub(crate) fn shows_code(&mut self, at: usize, code: String) -> Result<(), Broken> {
        let user = self.devices[at].user.clone();
        let older: Vec<usize> = self
            .with_accounts()
            .filter(|older| self.devices[*older].user == user)
            .collect();
        self.call(at, Call::FinishLinking, Asked::FinishLinking)?;
        if older.is_empty() {
            return Ok(());
        }
        let by = older[self.chance.index(older.len())];
        // Nobody holds two devices next to each other for ever.
        let patience = self.chance.between(5_000, 40_000);
        if !self.is_calm {
            for device in [at, by] {
                self.plan(patience, Happening::GivesLinkingUp(device));
            }
        }
        self.call(by, Call::LinkDevice { code }, Asked::Nothing)
    }
}
