//! Every store opened cold, and the relay's folder: what has to be true of them when a run is over.

use crate::Broken;
use crate::device::{Device, open};
use crate::rows::{Extent, rows_are_bounded};
use crate::secrets::Secrets;
use crate::truth::Truth;
use crate::world::{End, World};
use sealwire_engine::{Engine, Message, MessageContent, MessageState};
use sealwire_store::{LocalId, MessageKind, Store};
use sealwire_wire::contract::{AccountSettings, ThreadPreferences};
use sealwire_wire::{MessageId, ThreadId, UserId};
use std::collections::{BTreeMap, BTreeSet};

impl World {
    /// Every process ends, every store is opened cold, and all of it is read.
    pub(crate) fn all_is_true(&mut self) -> Result<(), Broken> {
        for device in &mut self.devices {
            device.ends(End::InOrder, &[])?;
        }
        self.relay.crash(&[])?;
        let mut secrets = Secrets::default();
        let extent = Extent {
            typed: self.truth.typed.len() as u64,
            devices: self.devices.len() as u64,
            users: self.users().len() as u64,
        };
        let mut settings = BTreeMap::new();
        for device in &self.devices {
            // Also of one that was lost or removed: it may come back.
            if device.life == 0 {
                continue;
            }
            let store = open(&device.folder, device.anchor)?;
            store
                .check_thoroughly()
                .map_err(|error| Broken::new("every store is whole", error))?;
            secrets.of(&store, self.users())?;
            if device.counts() {
                settings_are_the_same(device, &store, &mut settings)?;
                rows_are_bounded(device, &store, extent)?;
            }
        }
        secrets.are_nowhere_in(self.relay.folder())?;
        self.stores_are_true()
    }

    /// What the stores hold is what was typed, in all of them the same. No app runs.
    pub(crate) fn stores_are_true(&mut self) -> Result<(), Broken> {
        let mut shows: Vec<BTreeSet<u64>> = Vec::new();
        let mut preferences = BTreeMap::new();
        for at in 0..self.devices.len() {
            let device = &self.devices[at];
            if !device.counts() {
                shows.push(BTreeSet::new());
                continue;
            }
            let store = open(&device.folder, device.anchor)?;
            self.marks_stand(at, &store)?;
            let held = self.held(at, &store)?;
            self.own_are_all_there(at, &store)?;
            shows.push(held.keys().copied().collect());
            for (number, id) in held {
                // A thread's order is that of its places: with one place for each message it is the same everywhere.
                self.truth.has_place(number, id)?;
            }
            let device = &self.devices[at];
            let users = self.users();
            let threads = users
                .iter()
                .map(|user| ThreadId::direct(&device.user, user));
            unread_is_a_recount(device, &store, threads.clone())?;
            preferences_are_the_same(device, &store, threads, &mut preferences)?;
        }
        for (at, shows) in shows.iter().enumerate() {
            self.shown_are_all_there(at, shows)?;
        }
        self.numbers_rise_with_places()
    }

    /// What a device shows: each message once, with its place.
    fn held(&self, at: usize, store: &Store) -> Result<BTreeMap<u64, MessageId>, Broken> {
        let device = &self.devices[at];
        let mut held = BTreeMap::new();
        for user in self.users() {
            let thread = ThreadId::direct(&device.user, &user);
            for row in thread_of(store, thread)? {
                let message = Message::from_row(row);
                let number = message.text().and_then(Truth::number_of);
                let typed = number.and_then(|number| Some((number, self.truth.get(number)?)));
                let Some((number, typed)) = typed else {
                    if message.content == MessageContent::Removed
                        || self.truth.was_never_for(at, &message)
                    {
                        continue;
                    }
                    let detail = match &message.content {
                        MessageContent::Unreadable(reason) => {
                            format!("{}: {message:?}: {}", device.label(), reason.as_str())
                        }
                        _ => format!("{}: {message:?}", device.label()),
                    };
                    return Err(Broken::new("nothing is shown that was not typed", detail));
                };
                if message.text() != Some(&typed.text) || thread != typed.thread {
                    let invariant = "a message is shown as it was typed, where it was typed";
                    return Err(Broken::new(invariant, device.label()).about(number));
                }
                self.opens_as_sent(number, &message)?;
                let Some(id) = message.id else {
                    continue;
                };
                if held.insert(number, id).is_some() {
                    let invariant = "a message is shown once";
                    return Err(Broken::new(invariant, device.label()).about(number));
                }
            }
        }
        Ok(held)
    }

    fn own_are_all_there(&mut self, at: usize, store: &Store) -> Result<(), Broken> {
        let label = self.devices[at].label();
        for number in 0..self.truth.typed.len() as u64 {
            let Some(typed) = self.truth.get(number).filter(|typed| typed.device == at) else {
                continue;
            };
            let broken = |invariant, detail: String| {
                Err(Broken::new(invariant, format!("{label}: {detail}")).about(number))
            };
            let Some(queued) = typed.queued else {
                return broken("what is typed is taken in", "it was not".to_owned());
            };
            let row = store.message(LocalId(queued.local_id));
            let row = row.map_err(|error| Broken::new("a message can be read", error))?;
            let Some(row) = row else {
                return broken("what was taken in never vanishes", "it did".to_owned());
            };
            let state = Message::from_row(row).state;
            let (accepted, cancelled) = (typed.place.is_some(), typed.cancelled);
            match &state {
                MessageState::Cancelled if accepted || !cancelled => {
                    return broken(
                        "what is cancelled is nowhere",
                        format!("accepted: {accepted}"),
                    );
                }
                MessageState::Sent | MessageState::Delivered | MessageState::Read if !accepted => {
                    return broken("what is sent is at the relay", format!("{state:?}"));
                }
                _ => {}
            }
            if !self.devices[at].is_removed {
                self.truth.reaches(at, number, &state)?;
            }
        }
        Ok(())
    }

    /// What the relay took is on every device that was listed.
    fn shown_are_all_there(&self, at: usize, shows: &BTreeSet<u64>) -> Result<(), Broken> {
        for (number, typed) in self.truth.typed.iter().enumerate() {
            let number = number as u64;
            let members = typed.members.as_ref().filter(|_| typed.place.is_some());
            let is_meant = members.is_some_and(|members| members.contains(&at));
            // Its own device may have given it up before it heard that the relay has it.
            let may_lack = !self.devices[at].counts()
                || typed.ttl_seconds.is_some()
                || (self.truth.blocked == Some(typed.thread)
                    && self.devices[at].user != self.devices[typed.device].user);
            if typed.device != at && is_meant && !may_lack && !shows.contains(&number) {
                let invariant = "every message is shown on every device that was listed";
                let detail = format!("{} does not show it", self.devices[at].label());
                return Err(Broken::new(invariant, detail).about(number));
            }
        }
        Ok(())
    }

    /// In a thread a device's messages stand in the order in which it numbered them, unless it gave one up meanwhile.
    fn numbers_rise_with_places(&self) -> Result<(), Broken> {
        let mut last = BTreeMap::new();
        let mut all: Vec<_> = (0..).zip(&self.truth.typed).collect();
        all.sort_by_key(|(_, typed)| typed.place);
        for (number, typed) in all {
            if let (Some(_), Some(queued), false) = (typed.place, typed.queued, typed.given_up) {
                let place = (typed.device, typed.thread);
                if let Some(before) = last.insert(place, queued.client_seq)
                    && before > queued.client_seq
                {
                    let invariant = "a device's messages stand in the order of their numbers";
                    return Err(
                        Broken::new(invariant, format!("{before:?} came first")).about(number)
                    );
                }
            }
        }
        Ok(())
    }
}

/// Every row of a thread.
pub(crate) fn thread_of(
    store: &Store,
    thread: ThreadId,
) -> Result<Vec<sealwire_store::Message>, Broken> {
    let mut all = Vec::new();
    loop {
        let before = all.last().map(sealwire_store::Message::cursor);
        let page = store.page(thread, before, 200);
        let page = page.map_err(|error| Broken::new("a thread can be read", error))?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// What somebody wants of a thread holds on each of their devices.
fn preferences_are_the_same(
    device: &Device,
    store: &Store,
    threads: impl Iterator<Item = ThreadId>,
    held: &mut BTreeMap<(UserId, ThreadId), ThreadPreferences>,
) -> Result<(), Broken> {
    for thread in threads {
        let shown = store.inbox_thread(thread);
        let shown = shown.map_err(|error| Broken::new("an inbox can be read", error))?;
        let Some(shown) = shown else { continue };
        let first = held.entry((device.user.clone(), thread));
        let first = first.or_insert(shown.preferences);
        if *first != shown.preferences {
            let invariant = "preferences are the same on all devices of a person";
            let detail = format!(
                "{} has {:?} for {thread}, another {first:?}",
                device.label(),
                shown.preferences
            );
            return Err(Broken::new(invariant, detail));
        }
    }
    Ok(())
}

/// What an account lets others see does too: every device asked when it came back.
fn settings_are_the_same(
    device: &Device,
    store: &Store,
    held: &mut BTreeMap<UserId, AccountSettings>,
) -> Result<(), Broken> {
    let settings = Engine::account_settings(store);
    let settings = settings.map_err(|error| Broken::new("settings can be read", error))?;
    let first = held.entry(device.user.clone()).or_insert(settings);
    if *first != settings {
        let invariant = "settings are the same on all devices of a person";
        let detail = format!("{} has {settings:?}, another {first:?}", device.label());
        return Err(Broken::new(invariant, detail));
    }
    Ok(())
}

fn unread_is_a_recount(
    device: &Device,
    store: &Store,
    threads: impl Iterator<Item = ThreadId>,
) -> Result<(), Broken> {
    for thread in threads {
        let shown = store.inbox_thread(thread);
        let shown = shown.map_err(|error| Broken::new("an inbox can be read", error))?;
        let Some(shown) = shown else { continue };
        let counted = thread_of(store, thread)?
            .iter()
            .filter(|row| {
                row.sender != device.user
                    && row.kind != MessageKind::Tombstone
                    && row.message_id > shown.read_up_to
            })
            .count() as u64;
        if counted != shown.unread {
            let detail = format!(
                "{} shows {} unread, {counted} are",
                device.label(),
                shown.unread
            );
            return Err(Broken::new("unread equals a recount", detail));
        }
    }
    Ok(())
}
