//! Processes of devices: what is handed in to one, what comes of it, and where it ends.

use super::{Happening, World};
use crate::Broken;
use crate::device::Asked;
use crate::faults::Fault;
use sealwire_engine::planted::Planted;
use sealwire_engine::{Call, Input};
use sealwire_wire::contract::DeviceName;

/// When a process ends.
#[derive(Debug, Clone, Copy)]
enum EndsAt {
    BeforeTheInput,
    AfterCommits(u64),
    AfterOutputs(u64),
}

/// How a process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// Its app closes it.
    InOrder,
    /// Between two of its steps: nothing is closed.
    Crash,
    /// With the device's power: a write may be cut in two, and what was not synced is gone.
    PowerLoss,
}

impl World {
    /// Hands an input in, carries out what comes of it, and perhaps ends the process on the way.
    pub(crate) fn hand_in(&mut self, at: usize, input: Input) -> Result<(), Broken> {
        if self.devices[at].engine.is_none() {
            return Ok(());
        }
        let ends = self.process_ends();
        self.device_may_suffer(at);
        if let Some((end, EndsAt::BeforeTheInput)) = ends {
            return self.device_ends(at, end);
        }
        let (now, calm) = (self.now, self.is_calm);
        let device = &mut self.devices[at];
        let full = !calm && device.disk_full_until > now;
        let time = device.time(now);
        device.inputs += 1;
        let Some(engine) = &mut device.engine else {
            return Ok(());
        };
        engine.store().refuse_commits_after(match ends {
            _ if full => Some(0),
            Some((_, EndsAt::AfterCommits(commits))) => Some(commits),
            _ => None,
        });
        engine.handle(time, input);
        // However it came to know: by an answer, or by a list that it looked up after a start.
        if device.name.is_none()
            && let Some((user_id, device_id)) = engine.account()
        {
            device.name = Some(DeviceName { user_id, device_id });
        }
        let cut_short = engine.store().refuses_commits();
        engine.store().refuse_commits_after(None);
        if let Some((end, EndsAt::AfterCommits(_))) = ends
            && cut_short
        {
            return self.device_ends(at, end);
        }
        let mut outputs = Vec::new();
        while let Some(output) = engine.next_output() {
            outputs.push(output);
        }
        for (carried_out, output) in (0..).zip(outputs) {
            if let Some((end, EndsAt::AfterOutputs(last))) = ends
                && carried_out == last
            {
                return self.device_ends(at, end);
            }
            self.carry_out(at, output)?;
        }
        if let Some((end, _)) = ends {
            return self.device_ends(at, end);
        }
        self.plan_wake(at);
        Ok(())
    }

    fn process_ends(&mut self) -> Option<(End, EndsAt)> {
        let end = if self.goes_wrong(Fault::ClientCrash) {
            End::Crash
        } else if self.goes_wrong(Fault::PowerLoss) {
            End::PowerLoss
        } else {
            return None;
        };
        let at = match self.chance.below(8) {
            0 => EndsAt::BeforeTheInput,
            1..=4 => EndsAt::AfterCommits(self.chance.below(4)),
            _ => EndsAt::AfterOutputs(self.chance.below(6)),
        };
        Some((end, at))
    }

    /// Its disk becomes full, or it slow, for a while.
    fn device_may_suffer(&mut self, at: usize) {
        let (place, now) = (self.place(), self.now);
        if self.goes_wrong(Fault::DiskFull) {
            self.devices[at].disk_full_until = now + self.chance.between(50, 20_000);
            let label = self.devices[at].label();
            self.journal
                .turn(place, format_args!("the disk of {label} is full"));
        }
        if self.goes_wrong(Fault::SlowDevice) {
            self.devices[at].slow_until = now + self.chance.between(1_000, 60_000);
            let label = self.devices[at].label();
            self.journal.turn(place, format_args!("{label} is slow"));
        }
    }

    /// When a slow device comes to what is due there now, if it is slow.
    pub(super) fn held_up(&mut self, happening: &Happening) -> Option<u64> {
        let at = match happening {
            Happening::Tick { device, .. }
            | Happening::Input { device, .. }
            | Happening::AnswerArrives { device, .. } => *device,
            Happening::Down(link) => self.links.get(*link)?.device,
            _ => return None,
        };
        let is_slow = !self.is_calm && self.devices[at].slow_until > self.now;
        is_slow.then(|| self.chance.between(200, 4_000))
    }

    fn plan_wake(&mut self, at: usize) {
        let device = &mut self.devices[at];
        let Some(engine) = &device.engine else { return };
        device.wake += 1;
        let wake = device.wake;
        let time = device.time(self.now);
        if let Some(due) = engine.wake_at() {
            // As an app's driver sleeps: never for nothing.
            let after = due.since_ms(time).max(10);
            self.plan(after, Happening::Tick { device: at, wake });
        }
    }

    /// The process of a device ends, and begins anew after a while.
    pub(crate) fn device_ends(&mut self, at: usize, end: End) -> Result<(), Broken> {
        let place = self.place();
        let torn: Vec<u8> = match end {
            End::PowerLoss => {
                let torn = self.chance.between(0, 9_000);
                (0..torn).map(|_| self.chance.number() as u8).collect()
            }
            End::InOrder | End::Crash => Vec::new(),
        };
        let device = &mut self.devices[at];
        let link = device.link;
        device.ends(end, &torn)?;
        let how = match end {
            End::InOrder => "closes",
            End::Crash => "ends",
            End::PowerLoss => "loses its power",
        };
        self.journal
            .turn(place, format_args!("{} {how}", device.label()));
        if let Some(link) = link {
            self.cut(link);
        }
        let after = match self.chance.below(4) {
            0 => self.chance.between(1, 50),
            1 | 2 => self.chance.between(50, 10_000),
            _ => self.chance.between(10_000, 600_000),
        };
        self.plan(after, Happening::DeviceStarts(at));
        Ok(())
    }

    pub(crate) fn device_starts(&mut self, at: usize) -> Result<(), Broken> {
        let (place, now) = (self.place(), self.now);
        let unsynced = self.planted == Some(Planted::CommitsNotSynced);
        let device = &mut self.devices[at];
        if device.engine.is_some() || device.is_lost {
            return Ok(());
        }
        device.start(now, unsynced)?;
        let label = device.label();
        self.journal.turn(place, format_args!("{label} starts"));
        self.nothing_vanished(at)?;
        self.lists_never_go_back(at)?;
        self.marks_never_go_back(at)?;
        self.hand_in(at, Input::Tick)?;
        self.ask_again(at)
    }

    pub(crate) fn connects(&mut self, at: usize, online: bool) -> Result<(), Broken> {
        self.devices[at].wants_online = online;
        let call = if online {
            Call::Connect
        } else {
            Call::Disconnect
        };
        self.call(at, call, Asked::Nothing)
    }
}
