//! Any order, loss and repetition of up to 500 messages in both directions, with up to thousands lost between two of them: each delivered
//! message within the limits opens exactly once, and none beyond them.

use proptest::prelude::*;

use super::expected::{Expected, Name};
use super::*;
use crate::ratchet::*;

/// One thing that happens. Numbers choose among what is possible then.
#[derive(Debug, Clone, Copy)]
enum Event {
    Send {
        from_alice: bool,
    },
    Deliver {
        choice: usize,
    },
    Lose {
        choice: usize,
    },
    Repeat {
        choice: usize,
    },
    /// So many are sealed and never arrive.
    Jump {
        from_alice: bool,
        by: u32,
    },
    Reopen {
        alice: bool,
    },
    Renew {
        alice: bool,
    },
}

fn event() -> impl Strategy<Value = Event> {
    let (side, choice) = (any::<bool>(), any::<usize>());
    prop_oneof![
        10 => side.prop_map(|from_alice| Event::Send { from_alice }),
        9 => choice.prop_map(|choice| Event::Deliver { choice }),
        1 => choice.prop_map(|choice| Event::Lose { choice }),
        2 => choice.prop_map(|choice| Event::Repeat { choice }),
        1 => (side, jump()).prop_map(|(from_alice, by)| Event::Jump { from_alice, by }),
        1 => side.prop_map(|alice| Event::Reopen { alice }),
    ]
}

/// Short ones, those about the number of keys that are kept, and those about the furthest that a chain is stepped.
fn jump() -> impl Strategy<Value = u32> {
    prop_oneof![
        12 => 1..100u32,
        6 => MAX_SKIPPED_KEYS - 10..MAX_SKIPPED_KEYS + 10,
        1 => MAX_FORWARD_JUMP - 5..MAX_FORWARD_JUMP + 2,
    ]
}

fn event_with_renewal() -> impl Strategy<Value = Event> {
    prop_oneof![
        40 => event(),
        1 => any::<bool>().prop_map(|alice| Event::Renew { alice }),
    ]
}

fn version() -> impl Strategy<Value = Version> {
    prop_oneof![Just(Version::X3dh), Just(Version::Pqxdh)]
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
}

/// Plays the events, then delivers what is still under way, then everything a second time.
fn play(version: Version, events: &[Event], both_begin: bool) {
    let (mut alice, mut bob) = pair_of(version);
    alice.begin_with(&mut bob);
    if both_begin {
        bob.begin_with(&mut alice);
    }
    let mut world = World {
        alice,
        bob,
        expected: Default::default(),
        in_flight: Vec::new(),
        arrived: Vec::new(),
        number: 0,
    };
    for event in events {
        world.happens(*event);
    }
    while !world.in_flight.is_empty() {
        world.deliver(0);
    }
    for sent in std::mem::take(&mut world.arrived) {
        world.is_refused_without_a_trace(&sent);
    }
}

impl World {
    fn happens(&mut self, event: Event) {
        match event {
            Event::Send { from_alice } => self.send(from_alice),
            // However far it comes out of order.
            Event::Deliver { choice } if !self.in_flight.is_empty() => {
                self.deliver(choice % self.in_flight.len());
            }
            Event::Lose { choice } if !self.in_flight.is_empty() => {
                self.in_flight.remove(choice % self.in_flight.len());
            }
            Event::Repeat { choice } if !self.arrived.is_empty() => {
                let chosen = choice % self.arrived.len();
                let sent = self.arrived.swap_remove(chosen);
                self.is_refused_without_a_trace(&sent);
                self.arrived.push(sent);
            }
            Event::Jump { from_alice, by } => self.sides(from_alice).0.lose_the_next(by),
            Event::Reopen { alice } => self.sides(alice).0.reopen(),
            Event::Renew { alice } => {
                let (ours, theirs) = self.sides(alice);
                let bundle = theirs.bundle(None);
                ours.begin_from(&bundle).unwrap();
            }
            _ => {}
        }
    }

    fn send(&mut self, from_alice: bool) {
        let number = self.number;
        let (sender, _) = self.sides(from_alice);
        if number >= 500 || sender.record.is_none() {
            return;
        }
        let message = sender.send(&number.to_be_bytes());
        let name = sender.name_of(&message);
        self.in_flight.push(Sent {
            to_bob: from_alice,
            number,
            name,
            message,
        });
        self.number += 1;
    }

    fn deliver(&mut self, choice: usize) {
        let sent = self.in_flight.remove(choice);
        let (_, receiver) = self.sides(sent.to_bob);
        let held: Vec<_> = receiver.sessions().collect();
        let expected = &self.expected[usize::from(sent.to_bob)];
        if expected.opens(&sent.name, held.into_iter()) {
            let (sender, receiver) = self.sides(sent.to_bob);
            let opened = receiver.receive(sender, &sent.message);
            assert_eq!(opened.as_deref(), Ok(&sent.number.to_be_bytes()[..]));
            self.counted(&sent);
            self.arrived.push(sent);
        } else {
            self.is_refused_without_a_trace(&sent);
        }
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

    fn is_refused_without_a_trace(&mut self, sent: &Sent) {
        let (sender, receiver) = self.sides(sent.to_bob);
        let before = (receiver.stored(), receiver.rows.len());
        assert!(receiver.receive(sender, &sent.message).is_err());
        assert!((receiver.stored(), receiver.rows.len()) == before);
    }

    /// Who sends, and who receives.
    fn sides(&mut self, from_alice: bool) -> (&mut Device, &mut Device) {
        match from_alice {
            true => (&mut self.alice, &mut self.bob),
            false => (&mut self.bob, &mut self.alice),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn each_message_opens_exactly_once(
        events in prop::collection::vec(event(), 1..1_200),
        both_begin: bool,
        version in version(),
    ) {
        play(version, &events, both_begin);
    }

    #[test]
    fn each_message_opens_exactly_once_while_sessions_are_renewed(
        events in prop::collection::vec(event_with_renewal(), 1..400),
        version in version(),
    ) {
        play(version, &events, true);
    }

    #[test]
    fn nonsense_is_refused_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = RatchetMessage::parse(&bytes);
        let _ = PreKeyMessage::parse(&bytes);
        let _ = SessionRecord::from_bytes(&bytes);
    }
}
