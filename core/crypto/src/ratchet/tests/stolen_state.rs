//! Who copies everything that a device holds reads nothing of before, and nothing any more after one round trip.

use super::*;
use crate::keys::{IdentityKey, KemKeyPair, RatchetKeyPair, SignedPreKeyPair};
use crate::ratchet::chain_key::{ChainKey, MessageSeed};
use crate::ratchet::message_key::MessageKeys;
use crate::ratchet::*;

/// All secrets of one device at one moment, each tried in every place where it could fit, for both directions.
struct Thief {
    ends: [IdentityKey; 2],
    roots: Vec<RootKey>,
    pairs: Vec<RatchetKeyPair>,
    chains: Vec<ChainKey>,
    seeds: Vec<MessageSeed>,
}

impl Thief {
    fn of(device: &Device) -> Self {
        let record = device.record.as_ref().unwrap();
        let sessions = || record.places().map(|(_, session)| session);
        let receiving = sessions().flat_map(|session| &session.receiving);
        let sending = sessions().map(|session| session.sending.chain.clone());
        let lasting = [device.identity.secret_bytes(), device.signed.secret_bytes()];
        let one_time = device.one_time.values().map(|pair| pair.secret_bytes());
        let prekeys = lasting.into_iter().chain(one_time);
        Self {
            ends: [record.our_identity(), record.their_identity()],
            roots: sessions().map(|session| session.root.clone()).collect(),
            pairs: sessions()
                .map(|session| session.sending.pair.clone())
                .chain(prekeys.map(|secret| RatchetKeyPair::from_secret_bytes(&secret)))
                .collect(),
            chains: sending
                .chain(receiving.map(|receiver| receiver.chain.clone()))
                .collect(),
            seeds: device.rows.values().map(|row| row.seed().clone()).collect(),
        }
    }

    /// Whether the message opens. What was worked out on the way is kept for the messages to come.
    fn reads(&mut self, sealed: &SealedMessage) -> bool {
        let message = match sealed.kind {
            MessageKind::Ratchet => RatchetMessage::parse(&sealed.body).unwrap(),
            MessageKind::PreKey => PreKeyMessage::parse(&sealed.body)
                .unwrap()
                .message()
                .clone(),
        };
        if self.seeds.iter().any(|seed| self.opens(seed, &message))
            || self.chains.iter().any(|chain| self.walks(chain, &message))
        {
            return true;
        }
        let mut turns = Vec::new();
        for root in &self.roots {
            for pair in &self.pairs {
                turns.push(root.step(pair, &message.ratchet_key()).unwrap());
            }
        }
        let found = turns
            .into_iter()
            .find(|(_, chain)| self.walks(chain, &message));
        let Some((root, chain)) = found else {
            return false;
        };
        self.roots.push(root);
        self.chains.push(chain);
        true
    }

    /// Whether any of the next keys fits. That the chain is said to have passed the message stops no thief.
    fn walks(&self, chain: &ChainKey, message: &RatchetMessage) -> bool {
        let mut chain = ChainKey::restore(*chain.as_bytes(), 0);
        let mut next = (0..=message.counter()).filter_map(|_| chain.step());
        next.any(|seed| self.opens(&seed, message))
    }

    fn opens(&self, seed: &MessageSeed, message: &RatchetMessage) -> bool {
        let keys = MessageKeys::from_seed(seed);
        let [ours, theirs] = &self.ends;
        message.is_authentic(&keys, ours, theirs) || message.is_authentic(&keys, theirs, ours)
    }
}

const VERSIONS: [Version; 2] = [Version::X3dh, Version::Pqxdh];

/// Both sides' messages of some rounds, two in a row each, all opened.
fn talk(alice: &mut Device, bob: &mut Device, rounds: u32) -> Vec<SealedMessage> {
    let mut said = Vec::new();
    for turn in 0..2 * rounds {
        let (from, to) = match turn % 2 {
            0 => (&mut *alice, &mut *bob),
            _ => (&mut *bob, &mut *alice),
        };
        for text in [b"one", b"two"] {
            let message = from.send(text);
            to.receive(from, &message).unwrap();
            said.push(message);
        }
    }
    said
}

#[test]
fn messages_before_the_theft_cannot_be_opened_from_either_side() {
    for version in VERSIONS {
        let (mut alice, mut bob) = pair_of(version);
        alice.begin_with(&mut bob);
        let said = talk(&mut alice, &mut bob, 7);
        for device in [&alice, &bob] {
            let mut thief = Thief::of(device);
            for (number, message) in said.iter().enumerate() {
                assert!(!thief.reads(message), "message {number}");
            }
        }
    }
}

/// Also in the middle of a chain, where the next key is one step away and the last one must not be.
#[test]
fn at_every_moment_what_was_opened_is_out_of_reach_and_what_comes_next_is_not() {
    for version in VERSIONS {
        let (mut alice, mut bob) = talking_pair_of(version);
        let mut said = Vec::new();
        for number in 0..12 {
            let (from, to) = match number % 5 {
                0..3 => (&mut alice, &mut bob),
                _ => (&mut bob, &mut alice),
            };
            let mut thief = Thief::of(to);
            let message = from.send(b"next");
            assert!(thief.reads(&message), "the thief can read at all");
            to.receive(from, &message).unwrap();
            said.push(message);
            for device in [&*from, &*to] {
                let mut thief = Thief::of(device);
                assert!(!said.iter().any(|message| thief.reads(message)));
            }
        }
    }
}

#[test]
fn after_one_round_trip_the_thief_reads_nothing_any_more() {
    for version in VERSIONS {
        for stolen_from_alice in [true, false] {
            let (mut alice, mut bob) = talking_pair_of(version);
            talk(&mut alice, &mut bob, 3);
            let (victim, peer) = match stolen_from_alice {
                true => (&mut alice, &mut bob),
                false => (&mut bob, &mut alice),
            };
            let mut thief = Thief::of(victim);
            // The round trip itself is made of keys that the thief has.
            let there = victim.send(b"there");
            peer.receive(victim, &there).unwrap();
            let back = peer.send(b"back");
            victim.receive(peer, &back).unwrap();
            assert!(thief.reads(&there) && thief.reads(&back));

            for message in talk(victim, peer, 3) {
                assert!(!thief.reads(&message));
            }
        }
    }
}

#[test]
fn a_kept_key_gives_its_late_message_away_and_no_other() {
    for version in VERSIONS {
        let (mut alice, mut bob) = talking_pair_of(version);
        let (first, late, newest) = (alice.send(b"1"), alice.send(b"2"), alice.send(b"3"));
        bob.receive(&alice, &first).unwrap();
        bob.receive(&alice, &newest).unwrap();
        let mut thief = Thief::of(&bob);
        assert!(thief.reads(&late) && !thief.reads(&first) && !thief.reads(&newest));
        bob.receive(&alice, &late).unwrap();
        assert!(!Thief::of(&bob).reads(&late));
    }
}

/// What the prekeys alone give: a first message is out of reach once a prekey that it used is gone.
#[test]
fn first_messages_are_out_of_reach_once_a_prekey_they_used_is_deleted() {
    for version in VERSIONS {
        let (mut alice, mut bob) = pair_of(version);
        alice.begin_with(&mut bob);
        let first = alice.send(b"with a one-time prekey");
        bob.receive(&alice, &first).unwrap();
        bob.record = None;
        assert_eq!(bob.receive(&alice, &first), Err(OpenError::PreKeyMissing));

        let (mut alice, mut bob) = pair_of(version);
        let bundle = bob.bundle(None);
        alice.begin_from(&bundle).unwrap();
        let first = alice.send(b"with what stays alone");
        bob.receive(&alice, &first).unwrap();
        bob.record = None;
        let mut thief = bob;
        // Until the signed prekey or the last resort is renewed its first messages are the thief's too.
        assert!(thief.receive(&alice, &first).is_ok());
        thief.record = None;
        let (signed, last_resort) = (thief.signed.clone(), thief.kem.remove(&LAST_RESORT));
        if let Some(last_resort) = last_resort {
            assert_eq!(thief.receive(&alice, &first), Err(OpenError::PreKeyMissing));
            let renewed = KemKeyPair::generate(LAST_RESORT, &mut thief.rng);
            thief.kem.insert(LAST_RESORT, renewed);
            assert_eq!(thief.receive(&alice, &first), Err(OpenError::NotAuthentic));
            thief.kem.insert(LAST_RESORT, last_resort);
        }
        thief.signed = SignedPreKeyPair::generate(signed.id(), &mut thief.rng);
        assert_eq!(thief.receive(&alice, &first), Err(OpenError::NotAuthentic));
    }
}
