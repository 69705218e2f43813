//! What cannot leave ends as failed after a day, whatever it waits for, and holds nothing up behind it for longer.

use crate::device::{Device, user};
use crate::marks::tell;
use crate::relay::{Relay, mismatch, no};
use sealwire_engine::{Call, MessageState};
use sealwire_wire::contract::{
    DeviceMismatch, DeviceName, ErrorCode, FailedRecipient, FailureReason, ServerEvent, ThreadMarks,
};
use sealwire_wire::{DeviceId, Timestamp};

const HOUR_MS: u64 = 60 * 60 * 1000;

fn failed(code: &str) -> MessageState {
    MessageState::Failed {
        code: code.to_owned(),
    }
}

fn no_bundles(relay: &mut Relay) {
    relay.instead = Some(Box::new(|request| {
        let bundles = request.path == "/v1/prekeys/query";
        bundles.then(|| no(ErrorCode::PrekeysExhausted))
    }));
}

/// The session with bob is gone.
fn without_session(alice: Device, relay: &mut Relay) -> Device {
    alice.after_surgery(relay, 5, |tx| {
        tx.delete_sessions(&user("bob"), DeviceId::new(1).unwrap())
            .unwrap();
    })
}

/// A day and more, with tries in its last hours.
fn a_day_passes(alice: &mut Device, relay: &mut Relay) {
    alice.age(23 * HOUR_MS);
    alice.pass(relay, 2 * HOUR_MS);
}

#[test]
fn a_repeat_that_cannot_be_wrapped_ends_after_a_day_and_lets_the_next_ones_go_or_fail() {
    let relay = &mut Relay::default();
    relay.clock = 1_800_000_000_000;
    let mut alice = Device::registered(relay, "alice", 1);
    Device::registered(relay, "bob", 2);
    let local_id = alice.send(relay, "bob", "words");
    let message = alice.message(local_id);
    let failure = FailedRecipient {
        message_id: message.id.unwrap(),
        user_id: user("bob"),
        reason: Some(FailureReason::Blocked),
        at: Timestamp(relay.clock + 20_000),
    };
    let marks = Box::new(ThreadMarks {
        thread_id: message.thread,
        marks: Vec::new(),
        failed: vec![failure],
    });
    tell(&mut alice, relay, vec![ServerEvent::Marks { marks }]);
    assert_eq!(alice.state(local_id), failed("blocked"));
    no_bundles(relay);
    let mut alice = without_session(alice, relay);
    let call = alice.call(Call::Retry { local_id });
    assert!(alice.result(call).unwrap().is_ok());
    let behind = alice.queue("bob", "behind");
    a_day_passes(&mut alice, relay);
    assert_eq!(alice.state(local_id), failed("blocked"));
    assert_eq!(alice.state(behind), failed("gave_up"));
    assert_eq!(alice.restarted(9).engine.store().count_unsent().unwrap(), 0);
}

#[test]
fn a_mismatch_that_cannot_be_mended_ends_after_a_day() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    Device::registered(relay, "bob", 2);
    alice.send(relay, "bob", "hello");
    let local_id = alice.queue("bob", "words");
    alice.lose(relay, false);
    relay.instead = Some(Box::new(|request| match request.path.as_str() {
        "/v1/prekeys/query" => Some(no(ErrorCode::PrekeysExhausted)),
        path => path.ends_with("/messages").then(|| {
            mismatch(DeviceMismatch {
                stale: vec![DeviceName {
                    user_id: user("bob"),
                    device_id: DeviceId::new(1).unwrap(),
                }],
                ..DeviceMismatch::default()
            })
        }),
    }));
    let mut alice = without_session(alice, relay);
    alice.pass(relay, 60_000);
    assert_eq!(alice.state(local_id), MessageState::Pending);
    a_day_passes(&mut alice, relay);
    assert_eq!(alice.state(local_id), failed("gave_up"));
    assert_eq!(alice.restarted(9).state(local_id), failed("gave_up"));
}

#[test]
fn a_clock_that_is_set_ahead_fails_nothing_and_a_day_that_the_device_was_off_counts_once_the_relay_says_so()
 {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    Device::registered(relay, "bob", 2);
    let start = alice.now;
    let says_time = |alice: &mut Device, relay: &mut Relay, now: Timestamp| {
        let frame = alice.frame(ServerEvent::CatchingUp {
            queued: 0,
            now: Some(now),
        });
        alice.take_frames(relay, vec![frame]);
    };
    says_time(&mut alice, relay, start);
    relay.instead = Some(Box::new(|request| {
        let sends = request.path.ends_with("/messages");
        sends.then(|| no(ErrorCode::Unavailable))
    }));
    let pending = alice.send(relay, "bob", "words");
    // Set a week ahead, while it runs and while it is off.
    alice.now = alice.now.plus_ms(7 * 24 * HOUR_MS);
    alice.pass(relay, 60_000);
    let mut alice = alice.restarted_at_its_time(9);
    alice.now = alice.now.plus_ms(7 * 24 * HOUR_MS);
    let mut alice = alice.restarted_at_its_time(10);
    alice.run(relay);
    alice.pass(relay, 60_000);
    says_time(&mut alice, relay, start.plus_ms(HOUR_MS));
    alice.pass(relay, 60_000);
    assert_eq!(alice.state(pending), MessageState::Pending);
    // Off for a day.
    alice.now = alice.now.plus_ms(25 * HOUR_MS);
    let mut alice = alice.restarted_at_its_time(11);
    alice.run(relay);
    says_time(&mut alice, relay, start.plus_ms(26 * HOUR_MS));
    alice.pass(relay, 2 * 60_000);
    assert_eq!(alice.state(pending), failed("gave_up"));
    assert_eq!(
        alice.restarted_at_its_time(12).state(pending),
        failed("gave_up")
    );
}
