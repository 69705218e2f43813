//! Any order, loss and repetition of up to 500 messages in both directions: each delivered message opens exactly once.

use proptest::prelude::*;

use super::*;
use crate::ratchet::*;

/// One thing that happens. Numbers choose among what is possible then.
#[derive(Debug, Clone, Copy)]
enum Event {
    Send { from_alice: bool },
    Deliver { choice: usize },
    Lose { choice: usize },
    Repeat { choice: usize },
    Reopen { alice: bool },
    Renew { alice: bool },
}

fn event() -> impl Strategy<Value = Event> {
    let (side, choice) = (any::<bool>(), any::<usize>());
    prop_oneof![
        10 => side.prop_map(|from_alice| Event::Send { from_alice }),
        9 => choice.prop_map(|choice| Event::Deliver { choice }),
        1 => choice.prop_map(|choice| Event::Lose { choice }),
        2 => choice.prop_map(|choice| Event::Repeat { choice }),
        1 => side.prop_map(|alice| Event::Reopen { alice }),
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
    message: SealedMessage,
}

/// Plays the events, then delivers what is still under way, then everything a second time.
fn play(version: Version, events: &[Event], both_begin: bool) {
    let (mut alice, mut bob) = pair_of(version);
    alice.begin_with(&mut bob);
    if both_begin {
        bob.begin_with(&mut alice);
    }
    let (mut in_flight, mut arrived, mut number) = (Vec::<Sent>::new(), Vec::<Sent>::new(), 0u32);
    for event in events {
        match *event {
            Event::Send { from_alice } if number < 500 => {
                let sender = if from_alice { &mut alice } else { &mut bob };
                if sender.record.is_none() {
                    continue;
                }
                let message = sender.send(&number.to_be_bytes());
                in_flight.push(Sent {
                    to_bob: from_alice,
                    number,
                    message,
                });
                number += 1;
            }
            Event::Deliver { choice } if !in_flight.is_empty() => {
                // Far reordering would leave the five chains that are kept: choose among the oldest.
                let sent = in_flight.remove(choice % in_flight.len().min(4));
                assert_eq!(deliver(&mut alice, &mut bob, &sent), Ok(sent.number));
                arrived.push(sent);
            }
            Event::Lose { choice } if !in_flight.is_empty() => {
                in_flight.remove(choice % in_flight.len());
            }
            Event::Repeat { choice } if !arrived.is_empty() => {
                let sent = &arrived[choice % arrived.len()];
                let before = (alice.stored(), bob.stored());
                assert!(deliver(&mut alice, &mut bob, sent).is_err());
                assert!((alice.stored(), bob.stored()) == before);
            }
            Event::Reopen { alice: true } => alice.reopen(),
            Event::Reopen { alice: false } => bob.reopen(),
            Event::Renew { alice: true } => {
                let bundle = bob.bundle(None);
                alice.begin_from(&bundle).unwrap();
            }
            Event::Renew { alice: false } => {
                let bundle = alice.bundle(None);
                bob.begin_from(&bundle).unwrap();
            }
            _ => {}
        }
    }
    for sent in &in_flight {
        assert_eq!(deliver(&mut alice, &mut bob, sent), Ok(sent.number));
    }
    for sent in in_flight.iter().chain(&arrived) {
        assert!(deliver(&mut alice, &mut bob, sent).is_err());
    }
}

fn deliver(alice: &mut Device, bob: &mut Device, sent: &Sent) -> Result<u32, OpenError> {
    let (receiver, sender) = if sent.to_bob {
        (bob, &*alice)
    } else {
        (alice, &*bob)
    };
    let plaintext = receiver.receive(sender, &sent.message)?;
    Ok(u32::from_be_bytes(plaintext.try_into().unwrap()))
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
