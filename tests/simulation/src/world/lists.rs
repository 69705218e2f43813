//! The device lists that each device holds: never older than they were.

use super::World;
use crate::Broken;
use sealwire_engine::Event;
use sealwire_wire::UserId;

impl World {
    /// After a start, and at the end: the newest list of everybody is no older than the newest that was ever held.
    pub(crate) fn lists_never_go_back(&mut self, at: usize) -> Result<(), Broken> {
        let Some(engine) = &self.devices[at].engine else {
            return Ok(());
        };
        let mut held = Vec::new();
        for user in self.users() {
            let list = engine.store().newest_list(&user);
            let list = list.map_err(|error| Broken::new("a device list can be read", error))?;
            held.push((user, list.map_or(0, |list| list.version)));
        }
        held.into_iter()
            .try_for_each(|(user, version)| self.holds_list(at, user, version))
    }

    /// A device tells of a new list.
    pub(super) fn hears_of_list(&mut self, at: usize, event: &Event) -> Result<(), Broken> {
        match event {
            Event::DevicesChanged { user_id, version } => {
                self.holds_list(at, user_id.clone(), *version)
            }
            _ => Ok(()),
        }
    }

    fn holds_list(&mut self, at: usize, user: UserId, version: u64) -> Result<(), Broken> {
        let device = &mut self.devices[at];
        let label = device.label();
        let newest = device.lists.entry(user).or_default();
        if version < *newest {
            let detail = format!("{label}: version {version} after {newest}");
            return Err(Broken::new("device lists never go back", detail));
        }
        *newest = version;
        Ok(())
    }
}
