//! What a socket is told beside its queue: marks, typing, presence. Nothing of it is stored, and none of it goes before a
//! message: a socket takes from here when it has nothing else to send.

use sealwire_wire::contract::ServerEvent;
use sealwire_wire::{ThreadId, UserId};
use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Marks that wait for a slow socket, at most: one a thread, user and kind. With more it is closed, and catches up.
const MARKS_MAX: usize = 2_000;
/// Typing and presence that wait, at most: more is dropped.
const PASSING_MAX: usize = 256;
/// Events framed at once, before another look at the queue.
const TAKEN_AT_ONCE: usize = 16;

/// Events that wait for one socket.
#[derive(Default)]
pub(super) struct Live {
    waiting: Mutex<Waiting>,
}

#[derive(Default)]
struct Waiting {
    marks: Lane,
    passing: Lane,
    overflown: bool,
}

/// In the order in which they came first, each with its newest word.
#[derive(Default)]
struct Lane {
    order: VecDeque<Key>,
    events: HashMap<Key, ServerEvent>,
    /// Numbers those that nothing replaces.
    last_single: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    Delivered(ThreadId, UserId),
    Read(ThreadId, UserId),
    Typing(ThreadId, UserId),
    Presence(UserId),
    Single(u64),
}

/// More marks came than the socket took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Overflow;

impl Live {
    /// Keeps an event for the socket, in the place of an older one about the same.
    pub(super) fn tell(&self, event: ServerEvent) {
        let mut waiting = self.lock();
        match &event {
            ServerEvent::Typing { .. } | ServerEvent::Presence { .. } => {
                let passing = &mut waiting.passing;
                if passing.order.len() < PASSING_MAX || passing.has(&event) {
                    passing.put(event);
                }
            }
            _ if waiting.marks.order.len() < MARKS_MAX || waiting.marks.has(&event) => {
                waiting.marks.put(event);
            }
            _ => waiting.overflown = true,
        }
    }

    /// Some of what waits, marks first, and whether there may be more.
    pub(super) fn take(&self) -> Result<(Vec<ServerEvent>, bool), Overflow> {
        let mut waiting = self.lock();
        if waiting.overflown {
            return Err(Overflow);
        }
        let mut taken = Vec::new();
        while taken.len() < TAKEN_AT_ONCE {
            match waiting.marks.pop().or_else(|| waiting.passing.pop()) {
                Some(event) => taken.push(event),
                None => return Ok((taken, false)),
            }
        }
        Ok((taken, true))
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn has(&self, event: &ServerEvent) -> bool {
        self.events.contains_key(&key(event, self.last_single + 1))
    }

    fn put(&mut self, event: ServerEvent) {
        self.last_single += 1;
        let key = key(&event, self.last_single);
        match self.events.get(&key) {
            // Two who raised a mark one after the other may come here the other way round.
            Some(known) if version(known) > version(&event) => {}
            Some(_) => drop(self.events.insert(key, event)),
            None => {
                self.order.push_back(key.clone());
                self.events.insert(key, event);
            }
        }
    }

    fn pop(&mut self) -> Option<ServerEvent> {
        let key = self.order.pop_front()?;
        let event = self.events.remove(&key);
        if self.order.is_empty() {
            // An idle socket holds nothing.
            self.order = VecDeque::new();
            self.events = HashMap::new();
        }
        event
    }
}

fn key(event: &ServerEvent, single: u64) -> Key {
    match event {
        ServerEvent::Delivered {
            thread_id, user_id, ..
        } => Key::Delivered(*thread_id, user_id.clone()),
        ServerEvent::Read {
            thread_id, user_id, ..
        } => Key::Read(*thread_id, user_id.clone()),
        ServerEvent::Typing {
            thread_id, user_id, ..
        } => Key::Typing(*thread_id, user_id.clone()),
        ServerEvent::Presence { user_id, .. } => Key::Presence(user_id.clone()),
        _ => Key::Single(single),
    }
}

fn version(event: &ServerEvent) -> u64 {
    match event {
        ServerEvent::Delivered { version, .. } | ServerEvent::Read { version, .. } => *version,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_wire::{MessageId, Timestamp};

    fn user(name: &str) -> UserId {
        name.parse().unwrap()
    }

    fn delivered(thread: u128, version: u64) -> ServerEvent {
        ServerEvent::Delivered {
            thread_id: ThreadId::from_bytes(thread.to_be_bytes()),
            user_id: user("bob"),
            up_to_msg_id: MessageId::from_u128(version.into()),
            at: Timestamp(1),
            version,
        }
    }

    fn presence(of: &str) -> ServerEvent {
        ServerEvent::Presence {
            user_id: user(of),
            online: true,
            last_seen_at: None,
        }
    }

    #[test]
    fn marks_of_one_thread_and_user_become_one_when_the_socket_is_slow() {
        let live = Live::default();
        for version in [1, 3, 2] {
            live.tell(delivered(7, version));
        }
        live.tell(delivered(8, 1));
        let marks = vec![delivered(7, 3), delivered(8, 1)];
        assert_eq!(live.take(), Ok((marks, false)));
        assert_eq!(live.take(), Ok((vec![], false)));
    }

    #[test]
    fn typing_and_presence_come_after_marks_and_are_dropped_first() {
        let live = Live::default();
        for number in 0..10_000 {
            live.tell(presence(&format!("user{number}")));
        }
        live.tell(delivered(7, 1));
        let mut all = Vec::new();
        loop {
            let (some, _) = live.take().unwrap();
            if some.is_empty() {
                break;
            }
            all.extend(some);
        }
        assert_eq!(all[0], delivered(7, 1));
        assert_eq!(all.len(), 1 + PASSING_MAX);
    }

    #[test]
    fn more_marks_than_a_socket_may_have_waiting_end_it_instead_of_being_lost() {
        let live = Live::default();
        for thread in 0..=MARKS_MAX as u128 {
            live.tell(delivered(thread, 1));
        }
        assert_eq!(live.take(), Err(Overflow));
    }
}
