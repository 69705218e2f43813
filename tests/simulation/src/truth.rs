//! What people typed, and what must be true of it at every step.

use crate::Broken;
use sealwire_engine::{Event, Message, MessageContent, MessageState, UnreadableReason};
use sealwire_wire::content::Uid;
use sealwire_wire::contract::DeviceName;
use sealwire_wire::{ClientSeq, MessageId, ThreadId, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// Stands in every text, and nowhere that the relay may look.
pub(crate) const MARKER: &str = "Wanderlust";

/// A message that somebody typed.
pub(crate) struct Typed {
    pub(crate) key: Uid,
    /// On which device.
    pub(crate) device: usize,
    pub(crate) thread: ThreadId,
    pub(crate) peer: UserId,
    pub(crate) text: String,
    /// It comes with a file of so many bytes.
    pub(crate) file_size: Option<u64>,
    /// It disappears so long after the relay took it in.
    pub(crate) ttl_seconds: Option<u32>,
    /// Once the device said that it is durable there.
    pub(crate) queued: Option<Queued>,
    /// Somebody asked for it to be cancelled.
    pub(crate) cancelled: bool,
    /// Its device gave it up and sent others. It may have come to the relay all the same, or be sent again.
    pub(crate) given_up: bool,
    /// Devices that were listed when it first came to the relay: each of them is to show it, if the relay took it.
    pub(crate) members: Option<BTreeSet<usize>>,
    /// The place that the relay gave it.
    pub(crate) place: Option<MessageId>,
    /// Devices that were told of it as received.
    shown: BTreeSet<usize>,
    /// How far each device of the sender's was told that it got.
    reached: BTreeMap<usize, MessageState>,
}

#[derive(Clone, Copy)]
pub(crate) struct Queued {
    pub(crate) local_id: i64,
    pub(crate) client_seq: ClientSeq,
}

/// Everything that was typed, by number.
#[derive(Default)]
pub(crate) struct Truth {
    pub(crate) typed: Vec<Typed>,
    /// Users whose lists the relay showed as they were before: whoever asked is right to say so.
    pub(crate) old_lists: BTreeSet<UserId>,
    /// The thread of the two who blocked each other at least once: what is sent there may fail, and what waits is dropped.
    pub(crate) blocked: Option<ThreadId>,
    /// How far each device was told that each user is in each thread.
    marks: BTreeMap<(usize, ThreadId, UserId), Marks>,
}

/// The newest message that a user has, and the newest that they have read.
pub(crate) type Marks = (Option<MessageId>, Option<MessageId>);

impl Truth {
    /// Somebody types. The number is the message's for the whole run.
    pub(crate) fn types(
        &mut self,
        (device, thread, peer): (usize, ThreadId, UserId),
        key: Uid,
        words: u64,
        ttl_seconds: Option<u32>,
    ) -> u64 {
        let number = self.typed.len() as u64;
        let text = format!(
            "{MARKER} {number} {}",
            "and on it goes ".repeat(words as usize)
        );
        self.typed.push(Typed {
            key,
            device,
            thread,
            peer,
            text,
            file_size: None,
            ttl_seconds,
            queued: None,
            cancelled: false,
            given_up: false,
            members: None,
            place: None,
            shown: BTreeSet::new(),
            reached: BTreeMap::new(),
        });
        number
    }

    pub(crate) fn get(&self, number: u64) -> Option<&Typed> {
        self.typed.get(number as usize)
    }

    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Typed> {
        self.typed.get_mut(number as usize)
    }

    /// Which message a text is.
    pub(crate) fn number_of(text: &str) -> Option<u64> {
        let mut words = text.split(' ');
        (words.next() == Some(MARKER)).then(|| words.next()?.parse().ok())?
    }

    /// Which message a device numbered so.
    pub(crate) fn number_of_send(
        &self,
        device: usize,
        thread: ThreadId,
        client_seq: ClientSeq,
    ) -> Option<u64> {
        let is_it = |typed: &Typed| {
            typed.device == device
                && typed.thread == thread
                && typed
                    .queued
                    .is_some_and(|queued| queued.client_seq == client_seq)
        };
        let at = self.typed.iter().rposition(is_it)?;
        Some(at as u64)
    }

    /// The device says that a message is durable there.
    pub(crate) fn is_queued(&mut self, number: u64, message: &Message) -> Result<(), Broken> {
        let Some(typed) = self.get_mut(number) else {
            return Ok(());
        };
        if let Some(queued) = typed.queued
            && queued.local_id != message.local_id
        {
            let invariant = "a call with the same key gives the same message";
            return Err(Broken::new(invariant, "it made another").about(number));
        }
        typed.queued = Some(Queued {
            local_id: message.local_id,
            client_seq: message.client_seq,
        });
        Ok(())
    }

    /// A message comes to the relay, for the first time or once more.
    pub(crate) fn is_coming(&mut self, number: u64, members: BTreeSet<usize>) {
        if let Some(typed) = self.get_mut(number) {
            typed.members.get_or_insert(members);
        }
    }

    /// Somebody says what place the relay gave a message.
    pub(crate) fn has_place(&mut self, number: u64, id: MessageId) -> Result<(), Broken> {
        let Some(typed) = self.get_mut(number) else {
            return Ok(());
        };
        if typed.members.is_none() {
            let invariant = "what has a place came to the relay";
            return Err(Broken::new(invariant, id).about(number));
        }
        let first = *typed.place.get_or_insert(id);
        if first != id {
            let invariant =
                "a message has one place, whoever says it and however often it was sent";
            return Err(Broken::new(invariant, format!("{first} and {id}")).about(number));
        }
        Ok(())
    }

    /// What an app is told: the message that it is about, if it is about one.
    pub(crate) fn hears(
        &mut self,
        device: usize,
        name: &DeviceName,
        event: &Event,
    ) -> Result<Option<u64>, Broken> {
        match event {
            Event::MessageQueued(message)
            | Event::MessageSent(message)
            | Event::MessageFailed(message)
            | Event::MessageCancelled(message)
            | Event::MessageDelivered(message)
            | Event::MessageRead(message) => self.hears_of_own(device, message),
            Event::MessageReceived(message) | Event::MessageRecovered(message) => {
                self.shows(device, name, message).map(Some)
            }
            Event::MarksMoved {
                thread,
                user_id,
                delivered_up_to,
                read_up_to,
            } => {
                let marks = (*delivered_up_to, *read_up_to);
                self.marks_move(device, (*thread, user_id.clone()), marks)
            }
            Event::MessageExpired(message) => self.expires(device, message).map(Some),
            Event::MessageMissing { thread, .. } if self.blocked == Some(*thread) => Ok(None),
            Event::MessageUnreadable(message) if self.was_never_for(device, message) => Ok(None),
            Event::DeviceListRollback { user_id } | Event::RelayInconsistent { user_id, .. }
                if self.old_lists.contains(user_id) =>
            {
                Ok(None)
            }
            Event::MessageUnreadable(_)
            | Event::MessageMissing { .. }
            | Event::MessageReordered { .. }
            | Event::RemovalRefused { .. }
            | Event::FrameRefused
            | Event::AccountKeyChanged { .. }
            | Event::DeviceListRollback { .. }
            | Event::RelayInconsistent { .. }
            | Event::QueueExpired
            | Event::DeviceRevoked
            | Event::Lagged { .. } => Err(Broken::new(
                "with an honest relay nobody is told of harm",
                format!("{}/{}: {event:?}", name.user_id, name.device_id),
            )),
            _ => Ok(None),
        }
    }

    fn marks_move(
        &mut self,
        device: usize,
        (thread, user): (ThreadId, UserId),
        marks: Marks,
    ) -> Result<Option<u64>, Broken> {
        let held = self.marks.entry((device, thread, user)).or_default();
        if marks.0 < held.0 || marks.1 < held.1 {
            let detail = format!("device {device}: {held:?}, then {marks:?}");
            return Err(Broken::new("marks never go back", detail));
        }
        *held = marks;
        Ok(None)
    }

    /// A message disappears.
    fn expires(&mut self, device: usize, message: &Message) -> Result<u64, Broken> {
        let number = self
            .number_of_place(message)
            .or_else(|| self.number_of_local(device, message.local_id));
        let invariant = "nothing disappears but what was to";
        let Some(number) = number else {
            return Err(Broken::new(invariant, format!("{message:?}")));
        };
        match self.get(number).and_then(|typed| typed.ttl_seconds) {
            Some(_) => Ok(number),
            None => Err(Broken::new(invariant, format!("{message:?}")).about(number)),
        }
    }

    /// Devices that it was for, and that were not told of it; the one that it was typed on, if the relay does not have it.
    pub(crate) fn lacking(&self, number: u64) -> Vec<usize> {
        let Some(typed) = self.get(number) else {
            return Vec::new();
        };
        if typed.place.is_none() {
            return vec![typed.device];
        }
        let members = typed.members.iter().flatten().copied();
        members
            .filter(|at| *at != typed.device && !typed.shown.contains(at))
            .collect()
    }

    fn hears_of_own(&mut self, device: usize, message: &Message) -> Result<Option<u64>, Broken> {
        let number = match message.text().and_then(Self::number_of) {
            Some(number) => Some(number),
            // Cancelled, or over: its words are gone.
            None => self
                .number_of_place(message)
                .or_else(|| self.number_of_local(device, message.local_id)),
        };
        let Some(number) = number else {
            return Err(Broken::new(
                "nothing is shown that was not typed",
                format!("{message:?}"),
            ));
        };
        if let Some(id) = message.id {
            self.has_place(number, id)?;
        }
        self.reaches(device, number, &message.state)?;
        Ok(Some(number))
    }

    /// Whether history shows a device a place that holds nothing for it: the message came before the device was listed, by less than
    /// clocks and requests are exact to. A device's own list is all that tells it which rows were meant for it.
    pub(crate) fn was_never_for(&self, device: usize, message: &Message) -> bool {
        let typed = self
            .number_of_place(message)
            .and_then(|number| self.get(number));
        let members = typed.and_then(|typed| typed.members.as_ref());
        message.content == MessageContent::Unreadable(UnreadableReason::Expired)
            && members.is_some_and(|members| !members.contains(&device))
    }

    fn number_of_place(&self, message: &Message) -> Option<u64> {
        let is_it = |typed: &Typed| message.id.is_some() && typed.place == message.id;
        let at = self.typed.iter().position(is_it)?;
        Some(at as u64)
    }

    fn number_of_local(&self, device: usize, local_id: i64) -> Option<u64> {
        let is_it = |typed: &Typed| {
            typed.device == device
                && typed
                    .queued
                    .is_some_and(|queued| queued.local_id == local_id)
        };
        let at = self.typed.iter().rposition(is_it)?;
        Some(at as u64)
    }

    /// States never go back.
    pub(crate) fn reaches(
        &mut self,
        device: usize,
        number: u64,
        state: &MessageState,
    ) -> Result<(), Broken> {
        let blocked = self.blocked;
        let Some(typed) = self.get_mut(number) else {
            return Ok(());
        };
        let before = typed.reached.insert(device, state.clone());
        typed.given_up |= matches!(state, MessageState::Failed { .. });
        // What a block keeps back, and what disappeared before it was there, did not reach its recipient: the relay says so.
        let did_not_reach = matches!(state, MessageState::Failed { code }
            if (code == "blocked" && blocked == Some(typed.thread))
                || (code == "expired" && typed.ttl_seconds.is_some()));
        if did_not_reach {
            return Ok(());
        }
        let goes_back = before
            .as_ref()
            .is_some_and(|before| rank(before) > rank(state));
        if goes_back {
            let detail = format!("device {device}: {before:?}, then {state:?}");
            return Err(Broken::new("states never go back", detail).about(number));
        }
        if let MessageState::Failed { code } = state
            && code != "gave_up"
        {
            return Err(Broken::new("what fails was given up after a day", code).about(number));
        }
        if typed.place.is_none() && matches!(rank(state), 1..=3) {
            let invariant = "what is told as sent is at the relay";
            return Err(Broken::new(invariant, format!("{state:?}")).about(number));
        }
        Ok(())
    }

    fn shows(
        &mut self,
        device: usize,
        name: &DeviceName,
        message: &Message,
    ) -> Result<u64, Broken> {
        let number = message.text().and_then(Self::number_of);
        let Some((number, typed)) = number.and_then(|number| Some((number, self.get_mut(number)?)))
        else {
            return Err(Broken::new(
                "nothing is shown that was not typed",
                format!("{message:?}"),
            ));
        };
        if message.text() != Some(&typed.text) || message.thread != typed.thread {
            let invariant = "a message is shown as it was typed, where it was typed";
            return Err(Broken::new(invariant, format!("{message:?}")).about(number));
        }
        if typed.device == device {
            let invariant = "nobody receives their own message";
            return Err(Broken::new(invariant, format!("{message:?}")).about(number));
        }
        if !typed.shown.insert(device) {
            let detail = format!("on {}/{}", name.user_id, name.device_id);
            return Err(Broken::new("a message is told of once", detail).about(number));
        }
        if let Some(id) = message.id {
            self.has_place(number, id)?;
        }
        Ok(number)
    }
}

/// How far a state is: what can follow is never lower.
fn rank(state: &MessageState) -> u8 {
    match state {
        MessageState::Sent => 1,
        MessageState::Delivered => 2,
        MessageState::Read => 3,
        MessageState::Cancelled => 4,
        _ => 0,
    }
}
