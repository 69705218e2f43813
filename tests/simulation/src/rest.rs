//! The calm after a run: everybody is there, nothing goes wrong, and everything comes to rest.

use crate::Broken;
use crate::cold::thread_of;
use crate::truth::Truth;
use crate::world::{End, Happening, World};
use sealwire_engine::{ConnectionState, Message, MessageState};
use sealwire_store::LocalId;
use sealwire_wire::ThreadId;
use sealwire_wire::content::Uid;

/// Backoffs, leases and clocks that were set need so long at most.
const CALM_MAX_MS: u64 = 3 * 3_600_000;
/// Beyond what was on its way, per message.
const STEPS_MAX: u64 = 20_000;
const STEPS_PER_MESSAGE: u64 = 60;
/// The relay looks into a socket's queue unasked every twenty seconds: what is pushed comes long before.
const AT_ONCE_MS: u64 = 6_000;
/// Watched for so long at rest.
const REST_MS: u64 = 5 * 60_000;
/// Pings, wake-ups and the like of one device in that time: three a minute come from pings.
const INPUTS_AT_REST: u64 = 50;
const REQUESTS_AT_REST: u64 = 8;

/// What disappears does so within an hour. What clocks were set by in a run is less than the rest of this.
const LONG_AFTER_MS: u64 = 48 * 3_600_000;
/// Who opens their app is online by then, and has heard what time it is.
const BACK_MS: u64 = 30_000;

impl World {
    /// Everybody comes back, and everything comes to rest.
    pub(crate) fn calm_down(&mut self) -> Result<(), Broken> {
        self.is_calm = true;
        self.relay_starts()?;
        self.relay.fill_disk(false)?;
        self.cuts_are_heard_of();
        for at in 0..self.devices.len() {
            if self.devices[at].life > 0 {
                self.device_starts(at)?;
            }
            self.connects(at, true)?;
            self.ask_again(at)?;
        }
        let steps = self.steps + STEPS_MAX + STEPS_PER_MESSAGE * self.truth.typed.len() as u64;
        let end = self.now + CALM_MAX_MS;
        let (mut look_at, mut left) = (self.now, None);
        while self.now <= end && self.steps <= steps {
            // While a request is under way there is nothing to look at.
            if self.now >= look_at && self.is_asked().is_none() {
                look_at = self.now + 5_000;
                left = self.what_is_left()?;
                if left.is_none() {
                    return Ok(());
                }
                self.fetch_the_missing();
            }
            self.step()?;
        }
        let (message, detail) = left.unwrap_or_else(|| (None, self.is_asked().unwrap_or_default()));
        Err(Broken {
            message,
            ..Broken::new("everything comes to rest", detail)
        })
    }

    /// Whoever was replaced, or went offline late, comes back.
    fn fetch_the_missing(&mut self) {
        for device in self.with_accounts() {
            let gone = matches!(
                self.devices[device].connection,
                None | Some(
                    ConnectionState::Replaced
                        | ConnectionState::Offline {
                            next_try_at_ms: None
                        }
                )
            );
            if gone {
                let online = true;
                self.plan(1, Happening::Connects { device, online });
            }
        }
    }

    /// Why it is not at rest, and which message is not.
    fn what_is_left(&mut self) -> Result<Option<(Option<u64>, String)>, Broken> {
        for at in 0..self.devices.len() {
            let device = &self.devices[at];
            if device.is_lost || device.is_removed {
                continue;
            }
            let label = device.label();
            if let Some(call) = device.calls.values().next() {
                let left = format!("{label} has yet to be answered: {call:?}");
                return Ok(Some((None, left)));
            }
            if !device.counts() {
                continue;
            }
            if device.connection != Some(ConnectionState::Online) {
                let left = format!("{label} is {:?}", device.connection);
                return Ok(Some((None, left)));
            }
            if let Some(number) = self.unanswered(at).first().copied() {
                self.ask_again(at)?;
                return Ok(Some((Some(number), format!("{label} did not take it in"))));
            }
            let Some(engine) = &self.devices[at].engine else {
                return Ok(Some((None, format!("{label} does not run"))));
            };
            let parked = engine.store().count_parked();
            match parked.map_err(|error| Broken::new("what is parked can be counted", error))? {
                0 => {}
                parked => {
                    let left = format!("{label} has yet to open {parked} parked messages");
                    return Ok(Some((None, left)));
                }
            }
            for (number, typed) in self.truth.typed.iter().enumerate() {
                let Some(queued) = typed.queued.filter(|_| typed.device == at) else {
                    continue;
                };
                let row = engine.store().message(LocalId(queued.local_id));
                let row = row.map_err(|error| Broken::new("a message can be read", error))?;
                let state = row.map(|row| Message::from_row(row).state);
                if let None | Some(MessageState::Pending | MessageState::Cancelling) = state {
                    let left = format!("{label} holds it as {state:?}");
                    return Ok(Some((Some(number as u64), left)));
                }
            }
            if let Some(name) = &self.devices[at].name {
                match self.relay.queue_length(name) {
                    Some(0) => {}
                    length => return Ok(Some((None, format!("{length:?} wait for {label}")))),
                }
            }
        }
        Ok(None)
    }

    /// Whoever is online shows what is sent now within seconds, and not only when they happen to look.
    pub(crate) fn a_word_arrives_at_once(&mut self) -> Result<(), Broken> {
        let users = self.users();
        let first = self.truth.typed.len() as u64;
        for (at, user) in users.iter().enumerate() {
            let peer = &users[(at + 1) % users.len()];
            let thread = ThreadId::direct(user, peer);
            let is_theirs = |device: &usize| self.devices[*device].user == *user;
            let device = self.with_accounts().find(is_theirs);
            let Some(device) = device.filter(|_| self.truth.blocked != Some(thread)) else {
                continue;
            };
            let key = Uid(self.chance.bytes());
            let number = self
                .truth
                .types((device, thread, peer.clone()), key, 2, None);
            self.sends(number)?;
        }
        let end = self.now + AT_ONCE_MS;
        while self.next_at().is_some_and(|at| at <= end) {
            self.step()?;
        }
        let said = first..self.truth.typed.len() as u64;
        match said
            .clone()
            .find(|number| !self.truth.lacking(*number).is_empty())
        {
            Some(number) => {
                let lacking = self.truth.lacking(number).into_iter();
                let labels: Vec<_> = lacking.map(|at| self.devices[at].label()).collect();
                let invariant = "whoever is online shows a message within seconds";
                Err(Broken::new(invariant, labels.join(", ")))
            }
            None => Ok(()),
        }
    }

    /// At rest next to nothing happens.
    pub(crate) fn stays_at_rest(&mut self) -> Result<(), Broken> {
        let before: Vec<_> = self
            .devices
            .iter()
            .map(|device| (device.inputs, device.requests))
            .collect();
        let end = self.now + REST_MS;
        while self.next_at().is_some_and(|at| at <= end) {
            self.step()?;
        }
        for (device, (inputs, requests)) in self.devices.iter().zip(before) {
            let (inputs, requests) = (device.inputs - inputs, device.requests - requests);
            // One that was removed, and was shown no list that proves it, hopes for an hour at a time.
            if !device.counts() {
                continue;
            }
            if inputs > INPUTS_AT_REST || requests > REQUESTS_AT_REST {
                let heads = device
                    .engine
                    .as_ref()
                    .map(|engine| engine.store().outbox_heads());
                let waits = heads.and_then(Result::ok).unwrap_or_default();
                let wakes = device.engine.as_ref().and_then(|engine| engine.wake_at());
                let detail = format!(
                    "{}: {inputs} inputs and {requests} requests in five minutes; {} messages wait, it wakes {:?} ms from now",
                    device.label(),
                    waits.len(),
                    wakes.map(|at| at.since_ms(device.time(self.now))),
                );
                return Err(Broken::new(
                    "whoever has nothing to do does nothing",
                    detail,
                ));
            }
        }
        Ok(())
    }

    /// Everybody closes their app. What it needed no restart for is true by now.
    pub(crate) fn all_is_true_at_rest(&mut self) -> Result<(), Broken> {
        for at in self.with_accounts() {
            if self.devices[at].engine.is_some() {
                self.device_ends(at, End::InOrder)?;
            }
        }
        self.stores_are_true()
    }

    /// Two days later everybody opens their app again: what was to disappear has.
    pub(crate) fn what_disappears_is_gone(&mut self) -> Result<(), Broken> {
        self.now += LONG_AFTER_MS;
        let end = self.now + BACK_MS;
        while self.next_at().is_some_and(|at| at <= end) {
            self.step()?;
        }
        for at in self.with_accounts() {
            let device = &self.devices[at];
            let Some(engine) = &device.engine else {
                return Err(Broken::new("an app opens again", device.label()));
            };
            for user in self.users() {
                let thread = ThreadId::direct(&device.user, &user);
                for row in thread_of(engine.store(), thread)? {
                    let message = Message::from_row(row);
                    let number = message.text().and_then(Truth::number_of);
                    let Some(number) = number.filter(|_| message.id.is_some()) else {
                        continue;
                    };
                    let typed = self.truth.get(number);
                    if typed.is_some_and(|typed| typed.ttl_seconds.is_some()) {
                        let invariant = "what was to disappear is gone";
                        return Err(Broken::new(invariant, device.label()).about(number));
                    }
                }
            }
        }
        Ok(())
    }
}
