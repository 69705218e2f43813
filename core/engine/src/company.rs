//! Who else is there: typing and presence. Both live in memory and on the socket alone, and never go before a message.

use crate::{ConnectionState, Engine, EngineError, Event};
use sealwire_wire::contract::ClientFrame;
use sealwire_wire::limits::{SUBSCRIPTIONS_MAX, TYPING_INTERVAL_MS, TYPING_SHOWN_MS};
use sealwire_wire::{ThreadId, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};

/// People shown as typing at once, at most: those of a full group in some of the watched threads.
const TYPISTS_MAX: usize = 1_000;

/// What is known of others now, and what they were told of this user.
#[derive(Default)]
pub(crate) struct Company {
    watched: Vec<ThreadId>,
    /// Watched ones that the relay may not have known when it was told: it passes over those before their first message.
    unfounded: BTreeSet<ThreadId>,
    /// Whether the app is in use, if it ever said so.
    in_use: Option<bool>,
    own: BTreeMap<ThreadId, OwnTyping>,
    /// Until when each is shown as typing.
    typists: BTreeMap<(ThreadId, UserId), Timestamp>,
}

/// What was said of this user's typing in one thread.
struct OwnTyping {
    sent_at: Timestamp,
    /// They went on typing after that.
    goes_on: bool,
}

impl Engine {
    /// Typing and presence are wanted of these threads, and of no others any more.
    pub(crate) fn watch_threads(&mut self, threads: Vec<ThreadId>) -> Result<(), EngineError> {
        if threads.len() > SUBSCRIPTIONS_MAX {
            return Err(EngineError::TooManyThreads {
                max: SUBSCRIPTIONS_MAX,
            });
        }
        let gone = |(thread, _): &(ThreadId, UserId)| !threads.contains(thread);
        self.forget_typists(gone);
        self.company.watched = threads;
        self.subscribe();
        Ok(())
    }

    /// Said at most every three seconds a thread; it stops by itself when it is not said again.
    pub(crate) fn set_typing(&mut self, thread: ThreadId, typing: bool) -> Result<(), EngineError> {
        if self.store.thread(thread)?.is_none() {
            return Err(EngineError::UnknownThread);
        }
        if !typing {
            self.stop_typing(thread);
            return Ok(());
        }
        match self.company.own.get_mut(&thread) {
            Some(own) if self.now.since_ms(own.sent_at) < TYPING_INTERVAL_MS => own.goes_on = true,
            held => {
                let begins = held.is_none();
                self.say_typing(thread);
                if begins {
                    // What is typed is sent soon: what it needs is fetched meanwhile.
                    self.prepare_to_send(thread);
                }
            }
        }
        Ok(())
    }

    pub(crate) fn set_presence(&mut self, online: bool) {
        self.company.in_use = Some(online);
        self.send_if_online(&ClientFrame::Presence { online });
    }

    /// A connection is caught up: it knows nothing of the one before.
    pub(crate) fn company_is_heard(&mut self) {
        if !self.company.watched.is_empty() {
            self.subscribe();
        }
        if let Some(online) = self.company.in_use {
            self.send_if_online(&ClientFrame::Presence { online });
        }
    }

    /// Without a connection nobody is seen.
    pub(crate) fn company_is_lost(&mut self) {
        self.company.own.clear();
        self.forget_typists(|_| true);
    }

    pub(crate) fn on_typing(&mut self, thread: ThreadId, user: UserId, typing: bool) {
        let own = self.me.as_ref().is_some_and(|me| me.user == user);
        if own || !self.company.watched.contains(&thread) {
            return;
        }
        let typist = (thread, user);
        if !typing {
            return self.forget_typists(|held| *held == typist);
        }
        let until = self.now.plus_ms(TYPING_SHOWN_MS);
        if let Some(held) = self.company.typists.get_mut(&typist) {
            *held = until;
        } else if self.company.typists.len() < TYPISTS_MAX {
            self.company.typists.insert(typist.clone(), until);
            self.event(Event::Typing {
                thread,
                user: typist.1,
                typing: true,
            });
        }
    }

    /// What they typed is here.
    pub(crate) fn has_written(&mut self, thread: ThreadId, user: &UserId) {
        self.is_founded(thread);
        if !self.company.typists.is_empty() {
            self.forget_typists(|(of, typist)| *of == thread && typist == user);
        }
    }

    /// What this user typed is on its way: nobody needs to be told that it ended.
    pub(crate) fn has_sent(&mut self, thread: ThreadId) {
        self.company.own.remove(&thread);
    }

    /// The relay has a message of this thread.
    pub(crate) fn is_founded(&mut self, thread: ThreadId) {
        if self.company.unfounded.remove(&thread) {
            self.subscribe();
        }
    }

    pub(crate) fn company_due(&mut self) {
        let now = self.now;
        if self.company.typists.values().any(|until| *until <= now) {
            let over: Vec<_> = self
                .company
                .typists
                .iter()
                .filter(|(_, until)| **until <= now)
                .map(|(typist, _)| typist.clone())
                .collect();
            self.forget_typists(|typist| over.contains(typist));
        }
        let said_last = |own: &OwnTyping| now.since_ms(own.sent_at) >= TYPING_INTERVAL_MS;
        let again: Vec<_> = self
            .company
            .own
            .iter()
            .filter(|(_, own)| own.goes_on && said_last(own))
            .map(|(thread, _)| *thread)
            .collect();
        for thread in again {
            self.say_typing(thread);
        }
        let fades = |own: &OwnTyping| now.since_ms(own.sent_at) >= TYPING_SHOWN_MS;
        self.company.own.retain(|_, own| !fades(own));
    }

    pub(crate) fn company_wakes_at(&self) -> Option<Timestamp> {
        let own = self.company.own.values().map(|own| {
            own.sent_at.plus_ms(match own.goes_on {
                true => TYPING_INTERVAL_MS,
                false => TYPING_SHOWN_MS,
            })
        });
        self.company.typists.values().copied().chain(own).min()
    }

    fn say_typing(&mut self, thread: ThreadId) {
        let typing = true;
        if self.send_if_online(&ClientFrame::Typing {
            thread_id: thread,
            typing,
        }) {
            let own = OwnTyping {
                sent_at: self.now,
                goes_on: false,
            };
            self.company.own.insert(thread, own);
        }
    }

    fn stop_typing(&mut self, thread: ThreadId) {
        if self.company.own.remove(&thread).is_some() {
            self.send_if_online(&ClientFrame::Typing {
                thread_id: thread,
                typing: false,
            });
        }
    }

    fn subscribe(&mut self) {
        let thread_ids = self.company.watched.clone();
        let store = &self.store;
        let is_founded = |thread: &ThreadId| {
            // An echo that stands last hides whether there is more: to be told once too often does no harm.
            let newest = store.page(*thread, None, 1).unwrap_or_default();
            newest.iter().any(|message| message.message_id.is_some())
        };
        let unfounded = thread_ids.iter().filter(|thread| !is_founded(thread));
        self.company.unfounded = unfounded.copied().collect();
        self.send_if_online(&ClientFrame::Subscribe { thread_ids });
    }

    /// What cannot be said now is not said later.
    fn send_if_online(&mut self, frame: &ClientFrame) -> bool {
        let online = self.connection.state() == ConnectionState::Online;
        if online {
            self.send_frame(frame);
        }
        online
    }

    fn forget_typists(&mut self, gone: impl Fn(&(ThreadId, UserId)) -> bool) {
        let over: Vec<_> = self
            .company
            .typists
            .keys()
            .filter(|typist| gone(typist))
            .cloned()
            .collect();
        for typist in over {
            self.company.typists.remove(&typist);
            let (thread, user) = typist;
            self.event(Event::Typing {
                thread,
                user,
                typing: false,
            });
        }
    }
}
