//! Who watches which thread, and who is there. In memory alone: a relay that starts again knows of nobody.

use sealwire_wire::contract::DeviceName;
use sealwire_wire::{ThreadId, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// Users whose last moment is remembered; beyond it all are forgotten.
const LAST_SEEN_MAX: usize = 100_000;

/// One socket: a device has a new one with each connection.
pub(super) type SocketId = (DeviceName, u64);

/// A thread that is watched.
pub(super) type Watchable = (ThreadId, Arc<[UserId]>);

/// Who watches which thread, and who is there.
#[derive(Default)]
pub(super) struct Watches {
    threads: HashMap<ThreadId, Watched>,
    /// Of everybody in them.
    threads_of: HashMap<UserId, BTreeSet<ThreadId>>,
    by_socket: BTreeMap<SocketId, Vec<ThreadId>>,
    /// Sockets that say that their user is there.
    there: BTreeSet<SocketId>,
    /// Since when users have no such socket any more; they still count as there for a while.
    fading: HashMap<UserId, Timestamp>,
    last_seen: HashMap<UserId, Timestamp>,
}

struct Watched {
    participants: Arc<[UserId]>,
    sockets: BTreeSet<SocketId>,
}

/// Whether somebody is there, or when they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whereabouts {
    There,
    Away(Option<Timestamp>),
}

impl Watches {
    /// From now on this socket watches these threads, and no others any more.
    pub(super) fn watch(&mut self, socket: &SocketId, threads: Vec<Watchable>) {
        self.unwatch(socket);
        let mut ids = Vec::with_capacity(threads.len());
        for (id, participants) in threads {
            ids.push(id);
            for user in &*participants {
                self.threads_of.entry(user.clone()).or_default().insert(id);
            }
            let watched = self.threads.entry(id).or_insert_with(|| Watched {
                participants,
                sockets: BTreeSet::new(),
            });
            watched.sockets.insert(socket.clone());
        }
        if !ids.is_empty() {
            self.by_socket.insert(socket.clone(), ids);
        }
    }

    /// Devices that watch a thread.
    pub(super) fn of_thread(&self, thread: ThreadId) -> BTreeSet<DeviceName> {
        let watched = self.threads.get(&thread).into_iter();
        watched
            .flat_map(|watched| &watched.sockets)
            .map(|(device, _)| device.clone())
            .collect()
    }

    /// Devices of others that watch a thread which the user is in.
    pub(super) fn of_user(&self, user: &UserId) -> BTreeSet<DeviceName> {
        let threads = self.threads_of.get(user).into_iter().flatten();
        threads
            .flat_map(|thread| self.of_thread(*thread))
            .filter(|device| device.user_id != *user)
            .collect()
    }

    /// A socket says whether its user is there. What changed for others, if anything did.
    pub(super) fn say(
        &mut self,
        socket: &SocketId,
        there: bool,
        now: Timestamp,
        grace_ms: u64,
    ) -> Option<Whereabouts> {
        let user = &socket.0.user_id;
        let before = self.whereabouts(user, now, grace_ms);
        if there {
            self.there.insert(socket.clone());
            self.fading.remove(user);
        } else if self.there.remove(socket) && !self.has_socket(user) {
            self.fading.remove(user);
            self.remember(user, now);
        }
        let after = self.whereabouts(user, now, grace_ms);
        let changed = matches!(before, Whereabouts::There) != matches!(after, Whereabouts::There);
        changed.then_some(after)
    }

    /// A socket has ended. Whether its user fades from now on.
    pub(super) fn leave(&mut self, socket: &SocketId, now: Timestamp) -> bool {
        self.unwatch(socket);
        let fades = self.there.remove(socket) && !self.has_socket(&socket.0.user_id);
        if fades {
            self.fading.insert(socket.0.user_id.clone(), now);
        }
        fades
    }

    /// The while that a user counted as there is over, if it is; then when they were last.
    pub(super) fn faded(&mut self, user: &UserId, now: Timestamp, grace_ms: u64) -> bool {
        match self.fading.get(user) {
            Some(since) if now.since_ms(*since) >= grace_ms => {
                let since = *since;
                self.fading.remove(user);
                self.remember(user, since);
                true
            }
            _ => false,
        }
    }

    pub(super) fn whereabouts(&self, user: &UserId, now: Timestamp, grace_ms: u64) -> Whereabouts {
        let fading = self.fading.get(user).copied();
        if self.has_socket(user) || fading.is_some_and(|since| now.since_ms(since) < grace_ms) {
            Whereabouts::There
        } else {
            Whereabouts::Away(fading.or_else(|| self.last_seen.get(user).copied()))
        }
    }

    fn has_socket(&self, user: &UserId) -> bool {
        let first = DeviceName {
            user_id: user.clone(),
            device_id: sealwire_wire::DeviceId::FIRST,
        };
        let mut sockets = self.there.range((first, 0)..);
        sockets
            .next()
            .is_some_and(|(device, _)| device.user_id == *user)
    }

    fn remember(&mut self, user: &UserId, at: Timestamp) {
        if self.last_seen.len() >= LAST_SEEN_MAX {
            self.last_seen.clear();
        }
        self.last_seen.insert(user.clone(), at);
    }

    fn unwatch(&mut self, socket: &SocketId) {
        for id in self.by_socket.remove(socket).unwrap_or_default() {
            let Some(watched) = self.threads.get_mut(&id) else {
                continue;
            };
            watched.sockets.remove(socket);
            if !watched.sockets.is_empty() {
                continue;
            }
            let participants = Arc::clone(&watched.participants);
            self.threads.remove(&id);
            for user in &*participants {
                if let Some(threads) = self.threads_of.get_mut(user) {
                    threads.remove(&id);
                    if threads.is_empty() {
                        self.threads_of.remove(user);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_wire::DeviceId;

    const GRACE: u64 = 100;

    fn socket(user: &str, generation: u64) -> SocketId {
        let device = DeviceName {
            user_id: user.parse().unwrap(),
            device_id: DeviceId::FIRST,
        };
        (device, generation)
    }

    fn at(ms: u64) -> Timestamp {
        Timestamp(ms)
    }

    #[test]
    fn somebody_whose_last_socket_ended_stays_for_the_grace_and_was_last_seen_then() {
        let mut watches = Watches::default();
        let alice = socket("alice", 1);
        let user = &alice.0.user_id;
        assert_eq!(
            watches.say(&alice, true, at(1), GRACE),
            Some(Whereabouts::There)
        );
        assert_eq!(watches.say(&alice, true, at(2), GRACE), None);
        assert!(watches.leave(&alice, at(10)));
        assert!(!watches.leave(&alice, at(11)));
        assert_eq!(
            watches.whereabouts(user, at(109), GRACE),
            Whereabouts::There
        );
        assert!(!watches.faded(user, at(109), GRACE));
        assert!(watches.faded(user, at(110), GRACE));
        assert_eq!(
            watches.whereabouts(user, at(500), GRACE),
            Whereabouts::Away(Some(at(10)))
        );
    }

    #[test]
    fn who_comes_back_within_the_grace_never_went() {
        let mut watches = Watches::default();
        let (older, newer) = (socket("alice", 1), socket("alice", 2));
        watches.say(&older, true, at(1), GRACE);
        assert!(watches.leave(&older, at(10)));
        assert_eq!(watches.say(&newer, true, at(50), GRACE), None);
        assert!(!watches.faded(&older.0.user_id, at(200), GRACE));
        // One that is replaced ends after the newer one came.
        let newest = socket("alice", 3);
        watches.say(&newest, true, at(60), GRACE);
        assert!(!watches.leave(&newer, at(61)));
    }

    #[test]
    fn who_says_so_is_away_at_once() {
        let mut watches = Watches::default();
        let alice = socket("alice", 1);
        assert_eq!(watches.say(&alice, false, at(1), GRACE), None);
        watches.say(&alice, true, at(1), GRACE);
        assert_eq!(
            watches.say(&alice, false, at(5), GRACE),
            Some(Whereabouts::Away(Some(at(5))))
        );
    }

    #[test]
    fn nothing_is_left_of_a_socket_that_ended() {
        let mut watches = Watches::default();
        let (alice, bob) = (socket("alice", 1), socket("bob", 2));
        let users: Arc<[UserId]> = [alice.0.user_id.clone(), bob.0.user_id.clone()].into();
        let thread = ThreadId::direct(&alice.0.user_id, &bob.0.user_id);
        watches.watch(&alice, vec![(thread, Arc::clone(&users))]);
        watches.watch(&bob, vec![(thread, users)]);
        assert_eq!(watches.of_thread(thread).len(), 2);
        assert_eq!(watches.of_user(&bob.0.user_id), [alice.0.clone()].into());
        watches.watch(&alice, Vec::new());
        assert_eq!(watches.of_thread(thread), [bob.0.clone()].into());
        watches.leave(&bob, at(1));
        assert!(watches.threads.is_empty() && watches.threads_of.is_empty());
        assert!(watches.by_socket.is_empty());
    }
}
