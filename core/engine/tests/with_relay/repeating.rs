//! A message that the relay has and a recipient does not: sent once more under its own number.

use crate::device::{Device, config, user};
use crate::relay::{Relay, no};
use sealwire_engine::{Call, EngineError, Event, MessageState};
use sealwire_wire::Timestamp;
use sealwire_wire::contract::{
    ErrorCode, FailedRecipient, FailureReason, SendMessage, ServerEvent, ThreadMarks,
};

const HOUR_MS: u64 = 60 * 60 * 1000;

/// Alice's message reached the relay, and did not reach Bob.
fn failed(relay: &mut Relay) -> (Device, i64) {
    relay.clock = 1_800_000_000_000;
    let mut alice = Device::registered(relay, "alice", 1);
    Device::registered(relay, "bob", 2);
    let local_id = alice.send(relay, "bob", "words");
    tell_failed(&mut alice, relay, local_id);
    (alice, local_id)
}

fn tell_failed(alice: &mut Device, relay: &mut Relay, local_id: i64) {
    let message = alice.message(local_id);
    let frame = alice.frame(ServerEvent::Marks {
        marks: Box::new(ThreadMarks {
            thread_id: message.thread,
            marks: Vec::new(),
            failed: vec![FailedRecipient {
                message_id: message.id.unwrap(),
                user_id: user("bob"),
                reason: Some(FailureReason::Blocked),
                at: Timestamp(relay.clock + 20_000),
            }],
        }),
    });
    alice.take_frames(relay, vec![frame]);
}

fn retry(alice: &mut Device, local_id: i64) -> Result<(), EngineError> {
    let call = alice.call(Call::Retry { local_id });
    alice.result(call).unwrap().map(drop)
}

fn blocked() -> MessageState {
    MessageState::Failed {
        code: "blocked".to_owned(),
    }
}

#[test]
fn a_repeat_carries_the_same_bytes_and_number_with_fresh_envelopes_for_whom_it_did_not_reach() {
    for restart in [false, true] {
        let relay = &mut Relay::default();
        let (mut alice, local_id) = failed(relay);
        assert_eq!(alice.state(local_id), blocked());
        relay.requeues = true;
        let first: SendMessage = relay.sends[0].1.clone();
        retry(&mut alice, local_id).unwrap();
        if restart {
            alice = alice.restarted_at_its_time(7);
        }
        alice.run(relay);
        assert_eq!(relay.sends.len(), 2);
        let again = &relay.sends[1].1;
        assert_eq!(
            (again.client_seq, &again.ciphertext, again.commitment),
            (first.client_seq, &first.ciphertext, first.commitment)
        );
        assert_eq!(again.envelopes.len(), 1);
        assert_eq!(again.envelopes[0].user_id, user("bob"));
        assert_ne!(again.envelopes[0].body, first.envelopes[0].body, "fresh");
        assert_eq!(alice.state(local_id), MessageState::Sent);
        let alice = alice.restarted(9);
        assert_eq!(alice.state(local_id), MessageState::Sent);
        assert_eq!(alice.engine.store().count_unsent().unwrap(), 0);
    }
}

#[test]
fn a_repeat_that_reaches_nobody_either_leaves_it_as_it_was() {
    let relay = &mut Relay::default();
    let (mut alice, local_id) = failed(relay);
    // The relay still does not take it for Bob.
    retry(&mut alice, local_id).unwrap();
    alice.run(relay);
    assert_eq!(alice.state(local_id), blocked());
    relay.instead = Some(Box::new(|request| {
        let send = request.path.ends_with("/messages");
        send.then(|| no(ErrorCode::Blocked))
    }));
    alice.events.clear();
    retry(&mut alice, local_id).unwrap();
    alice.run(relay);
    assert_eq!(alice.state(local_id), blocked());
    let told = |event: &Event| matches!(event, Event::MessageFailed(message) if message.local_id == local_id);
    assert!(alice.events.iter().any(told));
    // The next one of the thread is not held up, and this one may be repeated again.
    relay.instead = None;
    alice.send(relay, "bob", "next");
    assert_eq!(relay.sends.len(), 3);
    relay.requeues = true;
    retry(&mut alice, local_id).unwrap();
    alice.run(relay);
    assert_eq!(alice.restarted(9).state(local_id), MessageState::Sent);
}

#[test]
fn what_failed_for_nobody_is_not_repeated_and_nothing_is_after_a_day() {
    let relay = &mut Relay::default();
    let (mut alice, local_id) = failed(relay);
    let fine = alice.send(relay, "bob", "fine");
    assert!(matches!(
        retry(&mut alice, fine),
        Err(EngineError::NotFailed)
    ));
    alice.age(23 * HOUR_MS);
    alice.run(relay);
    retry(&mut alice, local_id).unwrap();
    alice.run(relay);
    alice.age(2 * HOUR_MS);
    alice.run(relay);
    assert!(matches!(
        retry(&mut alice, local_id),
        Err(EngineError::RepeatTooLate)
    ));
    assert_eq!(alice.restarted(9).state(local_id), blocked());
}

#[test]
fn a_repeat_is_tried_for_as_long_as_any_send_whenever_it_is_asked_for() {
    for comes_back in [true, false] {
        let relay = &mut Relay::default();
        let (alice, local_id) = failed(relay);
        let mut config = config();
        config.give_up_after_ms = HOUR_MS;
        let now = alice.now;
        let mut alice = Device::set(alice.engine.into_store(), 2, now, config);
        alice.carry_out();
        alice.run(relay);
        alice.age(2 * HOUR_MS);
        alice.run(relay);
        relay.requeues = true;
        relay.instead = Some(Box::new(|request| {
            let send = request.path.ends_with("/messages");
            send.then(|| no(ErrorCode::Unavailable))
        }));
        retry(&mut alice, local_id).unwrap();
        alice.run(relay);
        alice.pass(relay, HOUR_MS / 2);
        assert_eq!(alice.engine.store().count_unsent().unwrap(), 1);
        if comes_back {
            relay.instead = None;
        }
        alice.pass(relay, HOUR_MS);
        let alice = alice.restarted_at_its_time(9);
        let expected = if comes_back {
            MessageState::Sent
        } else {
            blocked()
        };
        assert_eq!(alice.state(local_id), expected);
        assert_eq!(alice.engine.store().count_unsent().unwrap(), 0);
    }
}
