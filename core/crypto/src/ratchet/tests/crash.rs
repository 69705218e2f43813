//! Any order of two parties' messages, with crashes: what was not stored did not happen, what was stored happens once.

use std::collections::HashSet;

use proptest::prelude::*;

use super::expected::{Expected, Name};
use super::*;
use crate::ratchet::*;

/// One thing that happens. Numbers choose among what is possible then.
#[derive(Debug, Clone, Copy)]
enum Event {
    /// The power may fail after the message was made, before the record was stored: then it never left.
    Send {
        from_alice: bool,
        crash: bool,
    },
    /// The power may fail after the message was opened, before anything was stored: then it is delivered again.
    Deliver {
        choice: usize,
        crash: bool,
    },
    Lose {
        choice: usize,
    },
    Repeat {
        choice: usize,
    },
    /// So many are sealed and never leave.
    Jump {
        from_alice: bool,
        by: u32,
    },
    /// A copy with one altered byte arrives.
    Alter {
        choice: usize,
        byte: usize,
    },
    Renew {
        alice: bool,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let (side, choice) = (any::<bool>(), any::<usize>());
    let crash = || prop::bool::weighted(0.2);
    let jump = prop_oneof![1..100u32, MAX_SKIPPED_KEYS - 10..MAX_SKIPPED_KEYS + 10];
    prop_oneof![
        20 => (side, crash()).prop_map(|(from_alice, crash)| Event::Send { from_alice, crash }),
        18 => (choice, crash()).prop_map(|(choice, crash)| Event::Deliver { choice, crash }),
        2 => choice.prop_map(|choice| Event::Lose { choice }),
        4 => choice.prop_map(|choice| Event::Repeat { choice }),
        4 => (choice, any::<usize>()).prop_map(|(choice, byte)| Event::Alter { choice, byte }),
        1 => (side, jump).prop_map(|(from_alice, by)| Event::Jump { from_alice, by }),
        1 => side.prop_map(|alice| Event::Renew { alice }),
    ]
}

/// All that a device keeps, as bytes: what a crash leaves of it.
#[derive(PartialEq)]
struct Disk {
    record: Vec<u8>,
    rows: Vec<(Vec<u8>, u32, [u8; 32])>,
    one_time: Vec<u32>,
    kem: Vec<u32>,
    began: usize,
}

impl Disk {
    fn of(device: &Device) -> Self {
        let row = |row: &SkippedKey| {
            let key = row.ratchet_key().to_bytes().to_vec();
            (key, row.counter(), *row.seed_bytes())
        };
        let mut rows: Vec<_> = device.rows.values().map(row).collect();
        let mut one_time: Vec<_> = device.one_time.keys().copied().collect();
        let mut kem: Vec<_> = device.kem.keys().copied().collect();
        rows.sort();
        one_time.sort();
        kem.sort();
        Self {
            record: device.stored(),
            rows,
            one_time,
            kem,
            began: device.began.len(),
        }
    }
}

struct Sent {
    to_bob: bool,
    number: u32,
    name: Name,
    message: SealedMessage,
}

struct World {
    alice: Device,
    bob: Device,
    /// Alice's and Bob's.
    expected: [Expected; 2],
    in_flight: Vec<Sent>,
    arrived: Vec<Sent>,
    number: u32,
    /// What every message that left was encrypted with.
    used: HashSet<[u8; 32]>,
}

impl World {
    fn sides(&mut self, to_bob: bool) -> (&mut Device, &mut Device) {
        match to_bob {
            true => (&mut self.alice, &mut self.bob),
            false => (&mut self.bob, &mut self.alice),
        }
    }

    fn send(&mut self, from_alice: bool, crash: bool) {
        let number = self.number;
        let (sender, _) = self.sides(from_alice);
        let Some(current) = sender.record.as_ref().and_then(|all| all.current.as_ref()) else {
            return;
        };
        let seed = current.sending.chain.clone().step().unwrap().0;
        let before = sender.stored();
        let message = sender.send(&number.to_be_bytes());
        if crash {
            sender.record = Some(SessionRecord::from_bytes(&before).unwrap());
            return;
        }
        let name = sender.name_of(&message);
        assert!(self.used.insert(seed), "a message key encrypted twice");
        self.in_flight.push(Sent {
            to_bob: from_alice,
            number,
            name,
            message,
        });
        self.number += 1;
    }

    fn deliver(&mut self, choice: usize, crash: bool) {
        let sent = self.in_flight.remove(choice);
        let (_, receiver) = self.sides(sent.to_bob);
        let held: Vec<_> = receiver.sessions().collect();
        let expected = &self.expected[usize::from(sent.to_bob)];
        if !expected.opens(&sent.name, held.into_iter()) {
            self.is_refused_without_a_trace(sent.to_bob, &sent.message);
            return;
        }
        let (sender, receiver) = self.sides(sent.to_bob);
        if crash {
            receiver.opens_and_forgets(sender, &sent.message);
            self.in_flight.insert(choice, sent);
            return;
        }
        let plaintext = receiver.receive(sender, &sent.message);
        assert_eq!(plaintext.as_deref(), Ok(&sent.number.to_be_bytes()[..]));
        self.counted(&sent);
        self.arrived.push(sent);
    }

    /// It opened: as many keys are kept now, and as many sessions, as there have to be.
    fn counted(&mut self, sent: &Sent) {
        let (receiver, expected) = match sent.to_bob {
            true => (&self.bob, &mut self.expected[1]),
            false => (&self.alice, &mut self.expected[0]),
        };
        expected.opened(&sent.name);
        expected.holds(receiver.sessions());
        assert_eq!(receiver.rows.len(), expected.kept());
    }

    fn is_refused_without_a_trace(&mut self, to_bob: bool, message: &SealedMessage) {
        let (sender, receiver) = self.sides(to_bob);
        let before = Disk::of(receiver);
        assert!(receiver.receive(sender, message).is_err());
        assert!(Disk::of(receiver) == before);
    }

    fn happens(&mut self, event: Event) {
        match event {
            Event::Send { from_alice, crash } => self.send(from_alice, crash),
            // However far it comes out of order.
            Event::Deliver { choice, crash } if !self.in_flight.is_empty() => {
                self.deliver(choice % self.in_flight.len(), crash);
            }
            Event::Jump { from_alice, by } => self.sides(from_alice).0.lose_the_next(by),
            Event::Lose { choice } if !self.in_flight.is_empty() => {
                self.in_flight.remove(choice % self.in_flight.len());
            }
            Event::Repeat { choice } if !self.arrived.is_empty() => {
                let sent = &self.arrived[choice % self.arrived.len()];
                let (to_bob, message) = (sent.to_bob, sent.message.clone());
                self.is_refused_without_a_trace(to_bob, &message);
            }
            Event::Alter { choice, byte } if !self.in_flight.is_empty() => {
                let sent = &self.in_flight[choice % self.in_flight.len()];
                let (to_bob, mut message) = (sent.to_bob, sent.message.clone());
                let length = message.body.len();
                message.body[byte % length] ^= 1 << (byte % 8);
                self.is_refused_without_a_trace(to_bob, &message);
            }
            Event::Renew { alice } => {
                let (ours, theirs) = self.sides(alice);
                let bundle = theirs.bundle(None);
                ours.begin_from(&bundle).unwrap();
            }
            _ => {}
        }
        for device in [&self.alice, &self.bob] {
            assert!(device.stored().len() <= limits::MAX_RECORD_BYTES);
        }
    }
}

fn play(version: Version, events: &[Event]) {
    let (mut alice, mut bob) = pair_of(version);
    alice.begin_with(&mut bob);
    bob.begin_with(&mut alice);
    let mut world = World {
        alice,
        bob,
        expected: Default::default(),
        in_flight: Vec::new(),
        arrived: Vec::new(),
        number: 0,
        used: HashSet::new(),
    };
    for event in events {
        world.happens(*event);
    }
    // What is still under way opens after both started anew; then nothing opens a second time.
    world.alice.reopen();
    world.bob.reopen();
    while !world.in_flight.is_empty() {
        world.deliver(0, false);
    }
    for sent in std::mem::take(&mut world.arrived) {
        world.is_refused_without_a_trace(sent.to_bob, &sent.message);
    }
}

impl Device {
    /// Opens a message and dies before its transaction ends.
    fn opens_and_forgets(&mut self, from: &Device, message: &SealedMessage) {
        let kept = (self.rows.clone(), self.one_time.clone(), self.kem.clone());
        let (record, began) = (self.stored(), self.began.clone());
        assert!(self.receive(from, message).is_ok());
        (self.rows, self.one_time, self.kem) = kept;
        self.began = began;
        self.record = match &record[..] {
            [] => None,
            bytes => Some(SessionRecord::from_bytes(bytes).unwrap()),
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_crash_at_any_point_neither_loses_a_message_nor_opens_or_encrypts_one_twice(
        events in prop::collection::vec(event(), 1..500),
        version in prop_oneof![Just(Version::X3dh), Just(Version::Pqxdh)],
    ) {
        play(version, &events);
    }
}
