//! Whom a message is wrapped for.

use crate::device::{Device, user};
use crate::relay::{Relay, mismatch};
use sealwire_engine::Event;
use sealwire_wire::DeviceId;
use sealwire_wire::contract::{DeviceMismatch, DeviceName};

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
