//! Cancelling a message: at once where nothing left, settled with the relay where something may have.

use crate::device::Device;
use crate::relay::{Relay, no, ok};
use sealwire_engine::{Call, EngineError, Event, MessageContent, MessageState};
use sealwire_wire::contract::{ErrorCode, VoidedSend};

fn pair(relay: &mut Relay) -> (Device, Device) {
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    alice.send(relay, "bob", "hello");
    bob.deliver(relay);
    relay.sends.clear();
    relay.asked.clear();
    (alice, bob)
}

fn cancel(device: &mut Device, local_id: i64) -> Result<MessageState, EngineError> {
    let call = device.call(Call::Cancel { local_id });
    match device.result(call).unwrap()? {
        sealwire_engine::Reply::Queued(message) => Ok(message.state),
        _ => panic!("another reply"),
    }
}

fn was_told(device: &Device, local_id: i64) -> (usize, usize) {
    let cancelled = |event: &&Event| matches!(event, Event::MessageCancelled(message) if message.local_id == local_id);
    let sent = |event: &&Event| matches!(event, Event::MessageSent(message) if message.local_id == local_id);
    (
        device.events.iter().filter(cancelled).count(),
        device.events.iter().filter(sent).count(),
    )
}

#[test]
fn a_message_that_never_left_is_cancelled_at_once() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay);
    alice.queue("bob", "one");
    // Behind the first of its thread nothing is sealed yet.
    let two = alice.queue("bob", "secret");
    let three = alice.queue("bob", "three");
    assert_eq!(cancel(&mut alice, two).unwrap(), MessageState::Cancelled);
    assert_eq!(cancel(&mut alice, two).unwrap(), MessageState::Cancelled);
    assert_eq!(was_told(&alice, two), (1, 0));
    assert!(alice.message(two).content == MessageContent::Removed);
    let found = alice.engine.store().search("secret", None, None, 10);
    assert!(found.unwrap().is_empty());
    alice.run(relay);
    assert!(relay.voided.is_empty() && relay.sends.len() == 2);
    bob.deliver(relay);
    assert_eq!(bob.texts("alice"), ["hello", "one", "three"]);
    let faults = |event: &Event| {
        matches!(
            event,
            Event::MessageMissing { .. } | Event::MessageReordered { .. }
        )
    };
    assert!(!bob.events.iter().any(faults), "no chain names it");
    let alice = alice.restarted(9);
    assert_eq!(alice.state(two), MessageState::Cancelled);
    assert_eq!(alice.state(three), MessageState::Sent);
}

#[test]
fn one_whose_request_may_have_reached_the_relay_is_settled_by_void_and_survives_a_restart() {
    for reached in [false, true] {
        for restart in [false, true] {
            let relay = &mut Relay::default();
            let (mut alice, mut bob) = pair(relay);
            let one = alice.queue("bob", "one");
            let two = alice.queue("bob", "two");
            alice.lose(relay, reached);
            assert_eq!(cancel(&mut alice, one).unwrap(), MessageState::Cancelling);
            // The question is lost as well.
            alice.lose(relay, reached);
            if restart {
                alice = alice.restarted_at_its_time(7);
                assert_eq!(alice.state(one), MessageState::Cancelling);
            }
            assert_eq!(alice.state(two), MessageState::Pending, "it waits");
            alice.run(relay);
            alice.pass(relay, 61_000);
            let (state, told) = match reached {
                true => (MessageState::Sent, (0, 1)),
                false => (MessageState::Cancelled, (1, 0)),
            };
            assert_eq!(alice.state(one), state);
            assert_eq!(was_told(&alice, one), told);
            assert_eq!(alice.state(two), MessageState::Sent);
            bob.deliver(relay);
            let texts: &[&str] = match reached {
                true => &["hello", "one", "two"],
                false => &["hello", "two"],
            };
            assert_eq!(bob.texts("alice"), texts);
            let faults = |event: &Event| matches!(event, Event::MessageMissing { .. });
            assert!(!bob.events.iter().any(faults), "no chain names it");
            let mut alice = alice.restarted(9);
            assert_eq!(alice.state(one), state);
            let refused = cancel(&mut alice, one);
            assert_eq!(refused.is_ok(), !reached);
        }
    }
}

#[test]
fn a_send_that_comes_late_finds_its_number_void() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay);
    let one = alice.queue("bob", "one");
    let late = alice.requests.front().unwrap().clone();
    alice.lose(relay, false);
    cancel(&mut alice, one).unwrap();
    alice.pass(relay, 61_000);
    assert_eq!(alice.state(one), MessageState::Cancelled);
    assert_eq!(relay.answer(&late).status, 409);
    bob.deliver(relay);
    assert_eq!(bob.texts("alice"), ["hello"]);
    alice.restarted(9);
}

#[test]
fn while_the_send_is_under_way_its_own_answer_settles_it() {
    let relay = &mut Relay::default();
    let (mut alice, _bob) = pair(relay);
    let one = alice.queue("bob", "one");
    assert_eq!(cancel(&mut alice, one).unwrap(), MessageState::Cancelling);
    alice.run(relay);
    assert_eq!(alice.state(one), MessageState::Sent);
    assert!(!relay.asked.iter().any(|path| path.ends_with("/void")));

    // Refused this time, it may still have been taken the time before: the relay is asked.
    relay.instead = Some(Box::new(|request| {
        let send = request.path.ends_with("/messages");
        send.then(|| no(ErrorCode::Blocked))
    }));
    let two = alice.queue("bob", "two");
    cancel(&mut alice, two).unwrap();
    alice.run(relay);
    assert!(relay.asked.iter().any(|path| path.ends_with("/void")));
    assert_eq!(alice.restarted(9).state(two), MessageState::Cancelled);
}

#[test]
fn a_number_that_the_relay_calls_void_and_nobody_cancelled_fails_and_keeps_its_words() {
    let relay = &mut Relay::default();
    let (mut alice, _bob) = pair(relay);
    relay.instead = Some(Box::new(|request| {
        let send = request.path.ends_with("/messages");
        send.then(|| no(ErrorCode::ClientSeqVoid))
    }));
    let one = alice.send(relay, "bob", "one");
    assert_eq!(was_told(&alice, one), (0, 0));
    let failed = MessageState::Failed {
        code: "client_seq_void".to_owned(),
    };
    let alice = alice.restarted(9);
    assert_eq!(alice.state(one), failed);
    assert_eq!(alice.texts("bob"), ["hello", "one"]);
}

#[test]
fn a_message_that_failed_can_be_cancelled_and_one_that_is_sent_cannot() {
    let relay = &mut Relay::default();
    let (mut alice, _bob) = pair(relay);
    let sent = alice.send(relay, "bob", "sent");
    assert!(matches!(
        cancel(&mut alice, sent),
        Err(EngineError::AlreadySent)
    ));
    assert!(matches!(
        cancel(&mut alice, 999),
        Err(EngineError::UnknownMessage)
    ));
    relay.instead = Some(Box::new(|request| {
        let send = request.path.ends_with("/messages");
        send.then(|| no(ErrorCode::Blocked))
    }));
    let failed = alice.send(relay, "bob", "failed");
    cancel(&mut alice, failed).unwrap();
    alice.run(relay);
    assert_eq!(alice.restarted(9).state(failed), MessageState::Cancelled);
}

#[test]
fn a_relay_that_answers_a_void_with_another_message_settles_nothing() {
    let relay = &mut Relay::default();
    let (mut alice, _bob) = pair(relay);
    alice.send(relay, "bob", "another");
    let other = relay.last_sent.clone().unwrap();
    relay.instead = Some(Box::new(move |request| {
        request.path.ends_with("/void").then(|| {
            ok(&VoidedSend {
                message: Some(other.clone()),
            })
        })
    }));
    let one = alice.queue("bob", "one");
    alice.lose(relay, false);
    cancel(&mut alice, one).unwrap();
    alice.pass(relay, 61_000);
    assert_eq!(alice.state(one), MessageState::Cancelling);
    relay.instead = None;
    alice.pass(relay, 61_000);
    assert_eq!(alice.restarted(9).state(one), MessageState::Cancelled);
}
