//! Whom a message is wrapped for.

use crate::account::link;
use crate::device::{Device, user};
use crate::relay::{Relay, mismatch, no};
use sealwire_crypto::device::ListChange;
use sealwire_engine::{Event, HttpResponse, Input, MessageState};
use sealwire_wire::DeviceId;
use sealwire_wire::contract::{DeviceMismatch, DeviceName, ErrorCode, ServerEvent};

#[test]
fn two_people_hear_each_other() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    alice.send(relay, "bob", "one");
    bob.deliver(relay);
    bob.send(relay, "alice", "two");
    alice.deliver(relay);
    alice.send(relay, "bob", "three");
    bob.deliver(relay);
    assert_eq!(bob.texts("alice"), ["one", "two", "three"]);
    assert_eq!(alice.texts("bob"), ["one", "two", "three"]);
}

#[test]
fn no_word_of_the_relay_brings_a_stranger_into_a_thread_of_two() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let _bob = Device::registered(relay, "bob", 2);
    let _mallory = Device::registered(relay, "mallory", 3);
    let stranger = DeviceName {
        user_id: user("mallory"),
        device_id: DeviceId::FIRST,
    };
    let named = stranger.clone();
    let mut lies = 2;
    relay.instead = Some(Box::new(move |request| {
        let lie = request.path.ends_with("/messages") && lies > 0;
        lie.then(|| {
            lies -= 1;
            mismatch(DeviceMismatch {
                missing: vec![named.clone()],
                stale: vec![named.clone()],
                extra: Vec::new(),
            })
        })
    }));
    alice.send(relay, "bob", "for bob alone");
    alice.pass(relay, 10_000);
    assert!(!relay.sends.is_empty(), "it is sent in the end");
    for (_, send) in &relay.sends {
        let to: Vec<_> = send
            .envelopes
            .iter()
            .map(|envelope| &envelope.user_id)
            .collect();
        assert_eq!(to, [&user("bob")]);
    }
    assert!(alice.events.contains(&Event::RelayInconsistent {
        user_id: stranger.user_id,
        device_id: stranger.device_id,
    }));
    let asked_for = |path: &String| path.contains("mallory");
    assert!(
        !relay
            .asked
            .iter()
            .any(|path| path.starts_with("Get") && asked_for(path))
    );
}

#[test]
fn somebody_without_prekeys_holds_nobody_else_up() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let _bob = Device::registered(relay, "bob", 2);
    let _carol = Device::registered(relay, "carol", 3);
    relay.instead = Some(Box::new(|request| {
        let body = String::from_utf8_lossy(request.body.as_deref().unwrap_or_default());
        let exhausted = request.path == "/v1/prekeys/query" && body.contains("bob");
        exhausted.then(|| HttpResponse {
            retry_after_ms: Some(30 * 60_000),
            ..no(ErrorCode::PrekeysExhausted)
        })
    }));
    alice.send(relay, "bob", "has to wait");
    alice.pass(relay, 2_000);
    alice.send(relay, "carol", "does not");
    alice.pass(relay, 2_000);
    let sent: Vec<_> = relay
        .sends
        .iter()
        .map(|(_, send)| send.to.clone())
        .collect();
    assert_eq!(sent, [Some(user("carol"))]);
    relay.instead = None;
    let asked = |relay: &Relay| {
        relay
            .asked
            .iter()
            .filter(|path| path.contains("prekeys/query"))
            .count()
    };
    let before = asked(relay);
    alice.pass(relay, 20 * 60_000);
    assert_eq!(asked(relay), before, "the relay's wish is obeyed");
    alice.pass(relay, 20 * 60_000);
    assert_eq!(relay.sends.len(), 2);
}

#[test]
fn a_device_that_no_list_holds_is_told_of_once_a_round() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let _bob = Device::registered(relay, "bob", 2);
    let unlisted = DeviceName {
        user_id: user("bob"),
        device_id: DeviceId::new(9).unwrap(),
    };
    let mut lies = 1;
    relay.instead = Some(Box::new(move |request| {
        let lie = request.path.ends_with("/messages") && lies > 0;
        lie.then(|| {
            lies -= 1;
            mismatch(DeviceMismatch {
                missing: vec![unlisted.clone()],
                ..DeviceMismatch::default()
            })
        })
    }));
    alice.send(relay, "bob", "words");
    for _ in 0..5 {
        alice.pass(relay, 1_000);
    }
    assert_eq!(relay.sends.len(), 1);
    let told = alice.events.iter();
    let told = told.filter(|event| matches!(event, Event::RelayInconsistent { .. }));
    assert_eq!(told.count(), 1);
}

#[test]
fn a_device_removed_after_the_wrapping_gets_nothing_of_a_repeat() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    let mut stolen = Device::new(3);
    assert!(matches!(link(relay, &mut bob, &mut stolen), Some(Ok(_))));
    let mut refusals = 1;
    relay.instead = Some(Box::new(move |request| {
        let refused = request.path.ends_with("/messages") && refusals > 0;
        refused.then(|| {
            refusals -= 1;
            no(ErrorCode::Unavailable)
        })
    }));
    alice.send(relay, "bob", "wrapped for both");
    bob.run(relay);
    let without = bob.next_list(ListChange {
        put: Vec::new(),
        remove: vec![2],
    });
    relay.publish(&user("bob"), &without);
    let told = alice.frame(ServerEvent::Devices {
        user_id: user("bob"),
        version: 3,
    });
    alice.take_frames(relay, vec![told]);
    alice.pass(relay, 10_000);
    let to = relay.sends.iter().flat_map(|(_, send)| &send.envelopes);
    let to: Vec<_> = to.map(|envelope| envelope.device_id).collect();
    assert_eq!(to, [DeviceId::FIRST]);
    bob.deliver(relay);
    assert_eq!(bob.texts("alice"), ["wrapped for both"]);
}

#[test]
fn a_device_that_was_listed_while_bundles_were_asked_for_gets_the_message_at_once() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    let sent = alice.queue("bob", "for all of them");
    alice.step(relay, 0);
    let bundles = alice.requests.pop_front().unwrap();
    assert_eq!(bundles.path, "/v1/prekeys/query");
    let before = relay.answer(&bundles);

    let mut phone = Device::new(3);
    link(relay, &mut bob, &mut phone);
    let changed = alice.frame(ServerEvent::Devices {
        user_id: user("bob"),
        version: 2,
    });
    alice.take_frames(relay, vec![changed]);
    alice.hand_in(Input::Response {
        id: bundles.id,
        result: Ok(before),
    });
    alice.run(relay);
    assert_eq!(alice.state(sent), MessageState::Sent);
    assert!(relay.queues.contains_key(&phone.name()));
    assert_eq!(relay.sends.len(), 1, "no send lacked a device");
    assert_eq!(alice.restarted(9).texts("bob"), ["for all of them"]);
}
