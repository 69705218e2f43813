//! How far people are in each thread, as each device's store says: that never falls, whatever others say and however a process ends.

use super::World;
use crate::Broken;
use crate::device::Device;
use sealwire_engine::Event;
use sealwire_store::Store;
use sealwire_wire::{ThreadId, UserId};

impl World {
    /// Looks at the marks that a device holds.
    pub(crate) fn marks_never_go_back(&mut self, at: usize) -> Result<(), Broken> {
        let users = self.users();
        self.marks_with(at, &users)
    }

    /// A device tells that somebody got on.
    pub(super) fn hears_of_marks(&mut self, at: usize, event: &Event) -> Result<(), Broken> {
        let Event::MarksMoved { thread, .. } = event else {
            return Ok(());
        };
        let mut users = self.users();
        let own = &self.devices[at].user;
        users.retain(|user| ThreadId::direct(own, user) == *thread);
        self.marks_with(at, &users)
    }

    /// The same in a store.
    pub(crate) fn marks_stand(&mut self, at: usize, store: &Store) -> Result<(), Broken> {
        let users = self.users();
        stand(&mut self.devices[at], store, &users)
    }

    fn marks_with(&mut self, at: usize, peers: &[UserId]) -> Result<(), Broken> {
        let device = &mut self.devices[at];
        let Some(engine) = device.engine.take() else {
            return Ok(());
        };
        let stood = stand(device, engine.store(), peers);
        device.engine = Some(engine);
        stood
    }
}

fn stand(device: &mut Device, store: &Store, peers: &[UserId]) -> Result<(), Broken> {
    let own = device.user.clone();
    for peer in peers {
        let thread = ThreadId::direct(&own, peer);
        let row = store.inbox_thread(thread);
        let row = row.map_err(|error| Broken::new("an inbox can be read", error))?;
        // What this device has read by itself goes before what the relay was told.
        let read_here = row.and_then(|row| row.read_up_to);
        for user in [&own, peer] {
            let marks = store.marks(thread, user);
            let marks = marks.map_err(|error| Broken::new("marks can be read", error))?;
            let marks = marks.unwrap_or_default();
            let read = match *user == own {
                true => read_here,
                false => marks.read_up_to,
            };
            let now = (marks.delivered_up_to, read);
            let before = device.marks.insert((thread, user.clone()), now);
            if before.is_some_and(|before| before.0 > now.0 || before.1 > now.1) {
                let detail = format!("{}: {before:?}, then {now:?}", device.label());
                return Err(Broken::new("marks never go back", detail));
            }
        }
    }
    Ok(())
}
