//! What a device has to be able to open of another's messages, counted beside it from docs/protocol/ratchet.md alone: the chains of each
//! session, the numbers passed, the keys kept. The fuzzer of sessions counts with it too.

use std::collections::{BTreeSet, HashMap, HashSet};

// The page's limits, written down a second time.
const FORWARD_JUMP: u32 = 25_000;
const KEYS_OF_ONE_JUMP: u32 = 2_000;
const CHAINS: usize = 5;
const SESSIONS: usize = 1 + 40;
const STEPS_OF_ONE_MESSAGE: u32 = 50_000;

/// A session's base key, or a chain's ratchet key.
pub(super) type Key = [u8; 33];

/// Which message it is: the session, the chain and the number in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name {
    pub(super) session: Key,
    pub(super) chain: Key,
    pub(super) counter: u32,
    /// It carries its session's beginning, so that no other is tried.
    pub(super) says_its_session: bool,
}

/// One receiver, of one sender's messages.
#[derive(Clone, Default)]
pub(super) struct Expected {
    /// Of each session the chains seen, oldest first.
    pub(super) sessions: HashMap<Key, Vec<Chain>>,
    /// All sessions that the receiver ever held.
    known: HashSet<Key>,
    /// Sessions and chains that were let go.
    gone: HashSet<Key>,
}

#[derive(Clone)]
pub(super) struct Chain {
    pub(super) key: Key,
    pub(super) next: u32,
    kept: BTreeSet<u32>,
}

impl Expected {
    /// Whether the message has to open, where these sessions are held, in the order in which they are tried; if not, it must not.
    pub(super) fn opens(&self, name: &Name, mut held: impl Iterator<Item = Key>) -> bool {
        if self.gone.contains(&name.chain) || self.gone.contains(&name.session) {
            return false;
        }
        let Some(chain) = self.chain(name) else {
            let tried = held.position(|session| session == name.session);
            let tries = tried.map_or(0, |before| before as u64 + 1);
            let steps = tries * u64::from(name.counter);
            return name.counter <= FORWARD_JUMP
                && (name.says_its_session || steps <= u64::from(STEPS_OF_ONE_MESSAGE));
        };
        match name.counter.checked_sub(chain.next) {
            Some(ahead) => ahead <= FORWARD_JUMP,
            None => chain.kept.contains(&name.counter),
        }
    }

    /// It did.
    pub(super) fn opened(&mut self, name: &Name) {
        let chains = self.sessions.entry(name.session).or_default();
        if chains.iter().all(|chain| chain.key != name.chain) {
            chains.push(Chain {
                key: name.chain,
                next: 0,
                kept: BTreeSet::new(),
            });
            if chains.len() > CHAINS {
                self.gone.insert(chains.remove(0).key);
            }
        }
        let mut named = chains.iter_mut().filter(|chain| chain.key == name.chain);
        let chain = named.next().unwrap();
        if name.counter < chain.next {
            assert!(chain.kept.remove(&name.counter));
            return;
        }
        let oldest = name.counter.saturating_sub(KEYS_OF_ONE_JUMP);
        chain.kept.extend(oldest.max(chain.next)..name.counter);
        chain.next = name.counter + 1;
    }

    /// The receiver holds these sessions now: any other that it held is let go, which happens only where all forty places of archived
    /// ones are taken.
    pub(super) fn holds(&mut self, sessions: impl Iterator<Item = Key>) {
        let held: HashSet<_> = sessions.collect();
        assert!(held.len() <= SESSIONS);
        for lost in self.known.difference(&held) {
            if self.gone.insert(*lost) {
                assert!(held.len() + 1 >= SESSIONS, "a session was let go too early");
                self.sessions.remove(lost);
            }
        }
        self.known.extend(held);
    }

    /// How many keys of passed messages are kept.
    pub(super) fn kept(&self) -> usize {
        let chains = self.sessions.values().flatten();
        chains.map(|chain| chain.kept.len()).sum()
    }

    fn chain(&self, name: &Name) -> Option<&Chain> {
        let chains = self.sessions.get(&name.session)?;
        chains.iter().find(|chain| chain.key == name.chain)
    }
}
