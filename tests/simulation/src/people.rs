//! What people do. A feature that comes adds its actions to [`ACTIONS`].

mod devices;

use crate::Broken;
use crate::device::Asked;
use crate::faults::Fault;
use crate::files::drawn_size;
use crate::truth::Truth;
use crate::world::{End, Happening, World};
use sealwire_engine::{Call, Message, MessageState};
use sealwire_store::LocalId;
use sealwire_wire::content::Uid;
use sealwire_wire::contract::{AccountSettings, Notifications, ThreadPreferences};
use sealwire_wire::{ThreadId, Timestamp};

/// What somebody does, and how often.
const ACTIONS: &[(u32, Action)] = &[
    (60, Action::Type),
    (30, Action::Read),
    (6, Action::GoAway),
    (3, Action::NetworkChanges),
    (4, Action::FetchQueue),
    (5, Action::Retry),
    (3, Action::Cancel),
    (3, Action::CloseApp),
    (4, Action::AskAgain),
    (1, Action::Night),
    (3, Action::Link),
    (1, Action::Lose),
    (1, Action::Remove),
    (1, Action::Block),
    (2, Action::SyncThread),
    (6, Action::SendFile),
    (3, Action::OpenFile),
    (2, Action::SetPreferences),
    (1, Action::SetSettings),
    (1, Action::Disable),
];

/// Devices of one person.
const DEVICES_MAX: usize = 10;

/// Something that a person does with a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// A burst of messages to somebody.
    Type,
    /// Reads a thread, to its end or in part.
    Read,
    /// Offline for seconds to hours.
    GoAway,
    NetworkChanges,
    /// Looks for messages as a notification would have it do.
    FetchQueue,
    /// Tries again what failed.
    Retry,
    Cancel,
    /// Ends the app in order, and opens it later.
    CloseApp,
    /// Taps again where nothing came of a message.
    AskAgain,
    /// Everybody is away for hours or days.
    Night,
    /// Lets a further device into an account.
    Link,
    /// Loses a device for ever, where there is another.
    Lose,
    /// Takes a device out of the account, one that is lost if there is one.
    Remove,
    /// Two people of each world now and then want nothing of each other, and make up again.
    Block,
    /// Looks through the history of a thread.
    SyncThread,
    /// Sends a file with a caption.
    SendFile,
    /// Fetches the newest file of a thread.
    OpenFile,
    /// Wants to hear more or less of a thread.
    SetPreferences,
    /// Shows others more or less of what they do.
    SetSettings,
    /// Has the relay let a device that is lost do nothing any more.
    Disable,
}

impl World {
    /// Somebody does something, and the next thing is planned.
    pub(crate) fn act(&mut self) -> Result<(), Broken> {
        if self.is_calm {
            return Ok(());
        }
        self.actions += 1;
        // What an action draws it draws from its own stream: left out, it changes nothing of those after it.
        let mut own = self.people.apart();
        let after = match own.below(20) {
            0..=12 => own.between(50, 4_000),
            13..=18 => own.between(4_000, 30_000),
            _ => own.between(30_000, 180_000),
        };
        let mut stay_away = 0;
        if !self.actions_left_out.contains(&self.actions) {
            std::mem::swap(&mut self.chance, &mut own);
            let acted = self.acts();
            std::mem::swap(&mut self.chance, &mut own);
            stay_away = acted?;
        }
        self.plan(after + stay_away, Happening::Act);
        Ok(())
    }

    /// Somebody does something; for how long nobody does anything after it.
    fn acts(&mut self) -> Result<u64, Broken> {
        let mut stay_away = 0;
        if self.goes_wrong(Fault::ClockSet) {
            self.set_a_clock();
        }
        let ready: Vec<usize> = self.with_accounts().collect();
        let at = ready[self.chance.index(ready.len())];
        if self.goes_wrong(Fault::PrekeysTaken) {
            self.takes_all_prekeys(&ready);
        }
        match self.chance.weighted(ACTIONS) {
            Some(Action::Type) => {
                for _ in 0..self.chance.between(1, 6) {
                    self.types(at, None)?;
                }
            }
            Some(Action::Read) => {
                let thread = self.some_thread(at);
                self.reads(at, thread)?;
                // What is read on one device lies open on another.
                let other = self.with_accounts().find(|other| {
                    *other != at && self.devices[*other].user == self.devices[at].user
                });
                if let Some(other) = other.filter(|_| self.chance.happens(4_000)) {
                    self.reads(other, thread)?;
                }
            }
            Some(Action::GoAway) => {
                let away = match self.chance.below(3) {
                    0 => self.chance.between(500, 20_000),
                    1 => self.chance.between(20_000, 300_000),
                    _ => self.chance.between(300_000, 7_200_000),
                };
                self.goes_away(at, away)?;
            }
            Some(Action::NetworkChanges) => self.call(at, Call::NetworkReturned, Asked::Nothing)?,
            Some(Action::FetchQueue) => self.call(at, Call::FetchQueue, Asked::Nothing)?,
            Some(Action::Retry) => self.retries(at)?,
            Some(Action::Cancel) => self.cancels(at)?,
            Some(Action::CloseApp) if self.devices[at].engine.is_some() => {
                self.device_ends(at, End::InOrder)?;
            }
            Some(Action::CloseApp) | None => {}
            Some(Action::AskAgain) => self.ask_again(at)?,
            Some(Action::Night) => {
                stay_away = self.chance.between(3_600_000, 3 * 24 * 3_600_000);
                for at in ready {
                    let late = self.chance.below(600_000);
                    self.goes_away(at, stay_away + late)?;
                }
            }
            Some(Action::Link) => self.links_one_more()?,
            Some(Action::Lose) => self.loses(at)?,
            Some(Action::Remove) => self.removes(at)?,
            Some(Action::Block) => self.blocks()?,
            Some(Action::SendFile) => {
                let size = drawn_size(&mut self.chance);
                self.types(at, Some(size))?;
            }
            Some(Action::OpenFile) => {
                let thread = self.some_thread(at);
                self.opens_file(at, thread)?;
            }
            Some(Action::SetPreferences) => {
                let thread = self.some_thread(at);
                let preferences = self.some_preferences();
                let call = Call::SetThreadPreferences {
                    thread,
                    preferences,
                };
                self.call(at, call, Asked::Nothing)?;
            }
            Some(Action::SetSettings) => {
                let [read_receipts, presence] = [(); 2].map(|()| self.chance.happens(5_000));
                let settings = AccountSettings {
                    read_receipts,
                    presence,
                    ..AccountSettings::default()
                };
                self.call(at, Call::SetSettings(settings), Asked::Nothing)?;
            }
            Some(Action::Disable) => self.disables(at)?,
            Some(Action::SyncThread) => {
                let thread = self.some_thread(at);
                self.call(at, Call::SyncThread { thread }, Asked::Nothing)?;
            }
        }
        Ok(stay_away)
    }

    /// Devices that belong to their accounts.
    pub(crate) fn with_accounts(&self) -> impl Iterator<Item = usize> + use<> {
        let all = self.devices.iter().enumerate();
        let named = all.filter(|(_, device)| device.counts());
        named.map(|(at, _)| at).collect::<Vec<_>>().into_iter()
    }

    /// Always the same two: everybody else can be counted on.
    fn blocks(&mut self) -> Result<(), Broken> {
        let users = self.users();
        let [first, second, _, ..] = users.as_slice() else {
            return Ok(());
        };
        let (by, whom) = match self.chance.below(2) {
            0 => (first, second),
            _ => (second, first),
        };
        let of_user = |at: &usize| self.devices[*at].user == *by;
        let Some(at) = self.with_accounts().find(of_user) else {
            return Ok(());
        };
        self.truth.blocked = Some(ThreadId::direct(first, second));
        let blocked = self.chance.happens(4_000);
        let user_id = whom.clone();
        self.call(at, Call::SetBlock { user_id, blocked }, Asked::Nothing)
    }

    fn takes_all_prekeys(&mut self, ready: &[usize]) {
        let [by, of] = [(); 2].map(|()| ready[self.chance.index(ready.len())]);
        if let (Some(by), Some(of)) = (&self.devices[by].name, &self.devices[of].name)
            && by != of
        {
            let place = self.place();
            self.journal.turn(
                place,
                format_args!("the prekeys of {}/{} run out", of.user_id, of.device_id),
            );
            self.relay.take_all_prekeys(by, of);
        }
    }

    fn goes_away(&mut self, at: usize, for_ms: u64) -> Result<(), Broken> {
        self.connects(at, false)?;
        let back = Happening::Connects {
            device: at,
            online: true,
        };
        self.plan(for_ms, back);
        Ok(())
    }

    fn some_thread(&mut self, at: usize) -> ThreadId {
        let users = self.users();
        let peer = &users[self.chance.index(users.len())];
        ThreadId::direct(&self.devices[at].user, peer)
    }

    fn some_preferences(&mut self) -> ThreadPreferences {
        let muted_until = self.chance.happens(5_000).then(|| {
            let until = self.now + self.chance.between(1, 24 * 3_600_000);
            Timestamp(until)
        });
        ThreadPreferences {
            muted_until,
            notifications: match self.chance.below(3) {
                0 => Notifications::All,
                1 => Notifications::Mentions,
                _ => Notifications::None,
            },
        }
    }

    fn types(&mut self, at: usize, file_size: Option<u64>) -> Result<(), Broken> {
        let users = self.users();
        let own = self.devices[at].user.clone();
        let mut peer = users[self.chance.index(users.len())].clone();
        // To oneself now and then, not as often as chance has it.
        if peer == own && !self.chance.happens(2_000) {
            let others: Vec<_> = users.iter().filter(|user| **user != own).collect();
            peer = others[self.chance.index(others.len())].clone();
        }
        let thread = ThreadId::direct(&own, &peer);
        let words = if self.chance.happens(200) {
            self.chance.between(100, 1_000)
        } else {
            self.chance.below(8)
        };
        let ttl_seconds = match self.chance.below(12) {
            0 => Some(self.chance.between(1, 3_600) as u32),
            _ => None,
        };
        let key = Uid(self.chance.bytes());
        let number = self
            .truth
            .types((at, thread, peer), key, words, ttl_seconds);
        if let Some(typed) = self.truth.get_mut(number) {
            typed.file_size = file_size;
        }
        self.sends(number)
    }

    /// The app hands a message in, once more if need be.
    pub(crate) fn sends(&mut self, number: u64) -> Result<(), Broken> {
        let Some(typed) = self.truth.get(number) else {
            return Ok(());
        };
        if let Some(size) = typed.file_size {
            return self.sends_file(number, size);
        }
        let (at, user_id) = (typed.device, typed.peer.clone());
        let call = Call::SendText {
            thread: typed.thread,
            text: typed.text.clone(),
            ttl_seconds: typed.ttl_seconds,
            key: Some(typed.key),
        };
        self.call(at, Call::DirectThread { user_id }, Asked::Nothing)?;
        self.call(at, call, Asked::Send(number))
    }

    /// An app asks again for what it got no answer to.
    pub(crate) fn ask_again(&mut self, at: usize) -> Result<(), Broken> {
        for number in self.unanswered(at) {
            self.sends(number)?;
        }
        Ok(())
    }

    /// Messages that the device did not take in yet, as far as its app knows.
    pub(crate) fn unanswered(&self, at: usize) -> Vec<u64> {
        let all = self.truth.typed.iter().enumerate();
        all.filter(|(_, typed)| typed.device == at && typed.queued.is_none())
            .map(|(number, _)| number as u64)
            .collect()
    }

    fn reads(&mut self, at: usize, thread: ThreadId) -> Result<(), Broken> {
        let mut up_to = None;
        if let Some(engine) = &self.devices[at].engine
            && self.chance.happens(4_000)
        {
            let page = engine.store().page(thread, None, 10);
            let page = page.map_err(|error| Broken::new("a thread can be read", error))?;
            let ids: Vec<_> = page.iter().filter_map(|row| row.message_id).collect();
            if !ids.is_empty() {
                up_to = Some(ids[self.chance.index(ids.len())]);
            }
        }
        self.call(at, Call::MarkRead { thread, up_to }, Asked::Nothing)?;
        self.marks_never_go_back(at)
    }

    fn retries(&mut self, at: usize) -> Result<(), Broken> {
        for (number, message) in self.own(at, 20)? {
            if matches!(message.state, MessageState::Failed { .. }) {
                let local_id = message.local_id;
                self.call(at, Call::Retry { local_id }, Asked::Send(number))?;
            }
        }
        Ok(())
    }

    fn cancels(&mut self, at: usize) -> Result<(), Broken> {
        let mut waiting = self.own(at, 20)?;
        waiting.retain(|(_, message)| {
            matches!(
                message.state,
                MessageState::Pending | MessageState::Failed { .. }
            )
        });
        if waiting.is_empty() {
            return Ok(());
        }
        let (number, message) = &waiting[self.chance.index(waiting.len())];
        if let Some(typed) = self.truth.get_mut(*number) {
            typed.cancelled = true;
        }
        let local_id = message.local_id;
        self.call(at, Call::Cancel { local_id }, Asked::Send(*number))
    }

    /// The last messages that were typed on a device, as it holds them.
    fn own(&self, at: usize, last: usize) -> Result<Vec<(u64, Message)>, Broken> {
        let Some(engine) = &self.devices[at].engine else {
            return Ok(Vec::new());
        };
        let all = self.truth.typed.iter().enumerate().rev();
        let queued = all.filter_map(|(number, typed)| {
            let queued = typed.queued.filter(|_| typed.device == at)?;
            Some((number as u64, queued))
        });
        let mut own = Vec::new();
        for (number, queued) in queued.take(last) {
            let row = engine.store().message(LocalId(queued.local_id));
            let row = row.map_err(|error| Broken::new("a message can be read", error))?;
            own.extend(row.map(|row| (number, Message::from_row(row))));
        }
        Ok(own)
    }

    /// After a start: what was taken in is there, and stands no lower than it was told to.
    pub(crate) fn nothing_vanished(&mut self, at: usize) -> Result<(), Broken> {
        let own = self.own(at, usize::MAX)?;
        let held: Vec<u64> = own.iter().map(|(number, _)| *number).collect();
        let all = self.truth.typed.iter().enumerate();
        let mut taken = all.filter(|(_, typed)| typed.device == at && typed.queued.is_some());
        if let Some((number, _)) = taken.find(|(number, _)| !held.contains(&(*number as u64))) {
            let invariant = "what was taken in never vanishes";
            return Err(Broken::new(invariant, self.devices[at].label()).about(number as u64));
        }
        for (number, message) in own {
            // What a removed device had yet to send fails, and concerns nobody.
            if !self.devices[at].is_removed {
                self.truth.reaches(at, number, &message.state)?;
            }
            let is_other = message
                .text()
                .is_some_and(|text| Truth::number_of(text) != Some(number));
            if is_other {
                let invariant = "a message keeps its words";
                return Err(Broken::new(invariant, self.devices[at].label()).about(number));
            }
        }
        Ok(())
    }

    /// Somebody sets a clock, or a clock sets itself.
    fn set_a_clock(&mut self) {
        let by = self.chance.between(1, 3 * 3_600_000) as i64;
        let by = if self.chance.happens(5_000) { by } else { -by };
        let place = self.place();
        if self.chance.below(4) == 0 {
            self.relay_ahead += by;
            self.journal
                .turn(place, format_args!("the relay's clock is set by {by} ms"));
            self.set_relay_clock();
        } else {
            let at = self.chance.index(self.devices.len());
            self.devices[at].clock_ahead += by;
            let label = self.devices[at].label();
            self.journal.turn(
                place,
                format_args!("the clock of {label} is set by {by} ms"),
            );
        }
    }
}
