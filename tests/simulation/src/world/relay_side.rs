//! What the relay did, answered and said; its process ends and begins.

use super::requests::PATIENCE_MS;
use super::{Happening, World};
use crate::Broken;
use crate::device::Device;
use crate::faults::Fault;
use crate::links::Down;
use crate::relay::{Out, Seen};
use sealwire_engine::TransportFailure;
use sealwire_wire::contract::DeviceName;
use sealwire_wire::{ClientSeq, DeviceId, ThreadId, UserId};
use std::collections::BTreeSet;

pub(super) const SWEEP_EVERY_MS: u64 = 5 * 60 * 1000;

impl World {
    /// What the relay did, answered and said since the last look.
    pub(super) fn look_at_relay(&mut self) -> Result<(), Broken> {
        for seen in self.relay.seen() {
            self.relay_did(seen)?;
        }
        for (ticket, response) in self.relay.answers() {
            let Some(waiting) = self.tickets.remove(&ticket) else {
                continue;
            };
            let place = self.place();
            let label = self.devices[waiting.device].label();
            self.journal.note(
                place,
                None,
                format_args!(
                    "{} for request {} of {label}",
                    response.status, waiting.id.0
                ),
            );
            self.journal.bytes(&response.body);
            if waiting.answer_is_lost {
                continue;
            }
            let after = self.latency();
            let late = after > PATIENCE_MS;
            let detail = "no answer came in time".to_owned();
            self.plan(
                after.min(PATIENCE_MS),
                Happening::AnswerArrives {
                    device: waiting.device,
                    life: waiting.life,
                    id: waiting.id,
                    result: if late {
                        Err(TransportFailure { detail })
                    } else {
                        Ok(response)
                    },
                },
            );
        }
        for (link, out) in self.relay.said() {
            let what = match out {
                Out::Frame(text) => Down::Frame(text),
                Out::Closed(code) => Down::Closed {
                    code: Some(code.to_u16()),
                    status: None,
                },
            };
            self.say_down(link, what);
        }
        if !self.relay_turn_is_due && self.relay.has_work() {
            self.relay_turn_is_due = true;
            let after = self.chance.below(2);
            self.plan(after, Happening::RelayTurn);
        }
        Ok(())
    }

    fn relay_did(&mut self, seen: Seen) -> Result<(), Broken> {
        let place = self.place();
        match seen {
            Seen::Listed(user, devices) => {
                self.journal
                    .turn(place, format_args!("a list of {user} is published"));
                self.are_listed(&user, &devices);
                Ok(())
            }
            Seen::ShowedOldLists(user) => {
                self.journal
                    .turn(place, format_args!("older lists of {user} are shown"));
                self.truth.old_lists.insert(user);
                Ok(())
            }
            Seen::Comes {
                sender,
                thread,
                client_seq,
            } => {
                if let Some(number) = self.number_of(&sender, thread, client_seq) {
                    let members = self.members(number);
                    self.truth.is_coming(number, members);
                }
                Ok(())
            }
            Seen::Accepted {
                sender,
                thread,
                client_seq,
                id,
            } => {
                let Some(number) = self.number_of(&sender, thread, client_seq) else {
                    return Ok(());
                };
                self.journal.note(
                    place,
                    Some(number),
                    format_args!("the relay has it as {id}"),
                );
                self.truth.has_place(number, id)
            }
        }
    }

    fn number_of(
        &self,
        sender: &DeviceName,
        thread: ThreadId,
        client_seq: ClientSeq,
    ) -> Option<u64> {
        let at = self.device_named(sender)?;
        self.truth.number_of_send(at, thread, client_seq)
    }

    /// The devices of both people of a message's thread that are listed.
    fn members(&self, number: u64) -> BTreeSet<usize> {
        let Some(typed) = self.truth.get(number) else {
            return BTreeSet::new();
        };
        let users = [&self.devices[typed.device].user, &typed.peer];
        let all = self.devices.iter().enumerate();
        let listed = all.filter(|(_, device)| users.contains(&&device.user) && device.counts());
        listed.map(|(at, _)| at).collect()
    }

    pub(crate) fn device_named(&self, name: &DeviceName) -> Option<usize> {
        let is_it = |device: &Device| device.name.as_ref() == Some(name);
        self.devices.iter().position(is_it)
    }

    pub(crate) fn relay_ends(&mut self) -> Result<(), Broken> {
        let place = self.place();
        self.journal.turn(place, format_args!("the relay ends"));
        let torn = match self.chance.below(2) {
            0 => 0,
            _ => self.chance.between(1, 9_000),
        };
        let torn: Vec<u8> = (0..torn).map(|_| self.chance.number() as u8).collect();
        self.relay.crash(&torn)?;
        for link in self.links.ids() {
            self.cut(link);
        }
        for waiting in std::mem::take(&mut self.tickets).into_values() {
            if waiting.answer_is_lost {
                continue;
            }
            let after = self.chance.between(1, 5_000);
            let detail = "cut off".to_owned();
            self.plan(
                after,
                Happening::AnswerArrives {
                    device: waiting.device,
                    life: waiting.life,
                    id: waiting.id,
                    result: Err(TransportFailure { detail }),
                },
            );
        }
        let after = self.chance.between(50, 30_000);
        self.plan(after, Happening::RelayStarts);
        Ok(())
    }

    /// One of the relay's tasks goes on, unless something goes wrong.
    pub(super) fn relay_turns(&mut self) -> Result<(), Broken> {
        if self.goes_wrong(Fault::RelayCrash) {
            return self.relay_ends();
        }
        if self.goes_wrong(Fault::RelayDiskFull) && self.relay.is_up() {
            let place = self.place();
            self.journal
                .turn(place, format_args!("the relay's disk is full"));
            self.relay.fill_disk(true)?;
            let until = self.chance.between(50, 20_000);
            self.plan(until, Happening::RelayDiskHasRoom(self.relay_life));
        }
        self.relay.turn(&mut self.chance);
        Ok(())
    }

    /// Who stands in no list any more is nobody's device.
    fn are_listed(&mut self, user: &UserId, listed: &[DeviceId]) {
        let place = self.place();
        for device in &mut self.devices {
            let is_gone = device
                .name
                .as_ref()
                .is_some_and(|name| name.user_id == *user && !listed.contains(&name.device_id));
            if is_gone && !device.is_removed {
                device.is_removed = true;
                let label = device.label();
                self.journal.turn(place, format_args!("{label} is removed"));
            }
        }
    }

    pub(crate) fn relay_starts(&mut self) -> Result<(), Broken> {
        if self.relay.is_up() {
            return Ok(());
        }
        let place = self.place();
        self.relay.start()?;
        self.relay_life += 1;
        self.journal.turn(place, format_args!("the relay starts"));
        self.plan(SWEEP_EVERY_MS, Happening::Sweep(self.relay_life));
        let users: BTreeSet<_> = self.devices.iter().map(|of| of.user.clone()).collect();
        for user in users {
            if let Some(listed) = self.relay.listed(&user)? {
                self.are_listed(&user, &listed);
            }
        }
        Ok(())
    }
}
