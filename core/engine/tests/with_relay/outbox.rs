//! The outbox, sentence by sentence.

use crate::device::{Device, user};
use crate::relay::{Relay, mismatch, no, refusal};
use sealwire_engine::{Call, Event, HttpResponse, Input, MessageState, SocketInput};
use sealwire_store::{Location, Store, StoreKey};
use sealwire_wire::contract::{
    DeviceMismatch, DeviceName, ErrorCode, Problem, SendMessage, ServerEvent,
};
use sealwire_wire::{DeviceId, Timestamp};
use std::collections::BTreeSet;

const HOUR_MS: u64 = 60 * 60 * 1000;

/// Alice with her peers, and a session with each begun.
fn alice_with(relay: &mut Relay, peers: &[&str]) -> Device {
    let mut alice = Device::registered(relay, "alice", 1);
    for (at, peer) in peers.iter().enumerate() {
        Device::registered(relay, peer, 2 + at as u64);
        alice.send(relay, peer, "hello");
    }
    relay.sends.clear();
    relay.asked.clear();
    alice
}

fn sends_under_way(alice: &Device) -> Vec<(String, SendMessage, String)> {
    let sends = alice
        .requests
        .iter()
        .filter(|request| request.path.ends_with("/messages"));
    sends
        .map(|request| {
            let send = serde_json::from_slice(request.body.as_deref().unwrap()).unwrap();
            let key = request.idempotency_key.as_ref().unwrap().to_string();
            (request.path.clone(), send, key)
        })
        .collect()
}

#[test]
fn send_returns_at_once_with_a_message_that_is_durable_before_it_returns() {
    let folder = tempfile::tempdir().unwrap();
    let (path, key) = (folder.path().join("store.db"), || {
        StoreKey::new([7; 32], [9; 16])
    });
    let relay = &mut Relay::default();
    let store = Store::open(&Location::File(path.clone()), &key(), None).unwrap();
    let mut alice = Device::over(store, 1);
    alice.register("alice");
    alice.run(relay);
    let asked = relay.asked.len();
    // No answer comes between the call and its reply: `queue` answers no request.
    let local_id = alice.queue("bob", "words");
    assert_eq!(relay.asked.len(), asked);
    let told = |event: &Event| matches!(event, Event::MessageQueued(message) if message.local_id == local_id);
    assert!(alice.events.iter().any(told));

    // What another connection reads of the file now is what a crash would leave.
    let copy = folder.path().join("copy.db");
    for end in ["", "-wal"] {
        let from = format!("{}{end}", path.display());
        std::fs::copy(from, format!("{}{end}", copy.display())).unwrap();
    }
    let left = Store::open(&Location::File(copy), &key(), None).unwrap();
    let after = Device::over(left, 9);
    assert_eq!(after.texts("bob"), ["words"]);
    assert_eq!(after.state(local_id), MessageState::Pending);
    let queued = alice.message(local_id);
    assert_eq!(after.message(local_id).client_seq, queued.client_seq);
    assert_eq!(after.engine.store().count_unsent().unwrap(), 1);
}

#[test]
fn sealed_once_the_same_bytes_key_and_number_at_every_retry_through_restarts_and_by_hand() {
    let relay = &mut Relay::default();
    let mut alice = alice_with(relay, &["bob"]);
    let local_id = alice.queue("bob", "words");
    let first = sends_under_way(&alice);
    assert_eq!(first.len(), 1);
    for round in 0..4 {
        alice.lose(relay, false);
        if round % 2 == 1 {
            alice = alice.restarted(20 + round);
            alice.now = alice.now.plus_ms((round + 1) * HOUR_MS);
            alice.carry_out();
        }
        alice.pass_until_sends(relay);
        assert_eq!(sends_under_way(&alice), first, "round {round}");
    }
    // A day later it is given up after a last try; by hand it goes once more, and is the same still.
    alice.age(25 * HOUR_MS);
    alice.lose(relay, false);
    assert_eq!(
        alice.state(local_id),
        MessageState::Failed {
            code: "gave_up".to_owned()
        }
    );
    alice.call(Call::Retry { local_id });
    alice.pass_until_sends(relay);
    assert_eq!(sends_under_way(&alice), first);
    alice.run(relay);
    assert_eq!(alice.state(local_id), MessageState::Sent);
    assert_eq!(alice.restarted(9).texts("bob"), ["hello", "words"]);
}

#[test]
fn only_the_devices_that_the_relay_names_are_wrapped_for_again() {
    let relay = &mut Relay::default();
    let mut alice = alice_with(relay, &["bob"]);
    let mut other = Device::registered(relay, "carol", 7);
    let bob = DeviceName {
        user_id: user("bob"),
        device_id: DeviceId::new(1).unwrap(),
    };
    let named = bob.clone();
    let mut times = 1;
    relay.instead = Some(Box::new(move |request| {
        let answers = request.path.ends_with("/messages") && times > 0;
        answers.then(|| {
            times -= 1;
            mismatch(DeviceMismatch {
                stale: vec![named.clone()],
                ..DeviceMismatch::default()
            })
        })
    }));
    // Alice's second device is wrapped for too, and is not named.
    let local_id = alice.queue("bob", "words");
    let first = sends_under_way(&alice);
    alice.run(relay);
    assert_eq!(alice.state(local_id), MessageState::Sent);
    let (_, again) = relay.sends.last().unwrap();
    let before = &first[0].1;
    assert_eq!(again.ciphertext, before.ciphertext);
    for envelope in &again.envelopes {
        let same = before.envelopes.contains(envelope);
        let is_named = envelope.user_id == bob.user_id && envelope.device_id == bob.device_id;
        assert_eq!(same, !is_named);
    }
    other.deliver(relay);
    alice.restarted(9).texts("bob");
}

#[test]
fn order_within_a_thread_is_kept_with_one_request_in_flight_and_several_threads_go_in_parallel() {
    let relay = &mut Relay::default();
    let mut alice = alice_with(relay, &["bob", "carol", "dave"]);
    for peer in ["bob", "carol", "dave"] {
        for number in 0..3 {
            alice.queue(peer, &format!("{number}"));
        }
    }
    let mut most = 0;
    while !alice.requests.is_empty() {
        let threads = sends_under_way(&alice);
        let paths: BTreeSet<_> = threads.iter().map(|(path, ..)| path.clone()).collect();
        assert_eq!(paths.len(), threads.len(), "one a thread");
        most = most.max(threads.len());
        let request = alice.requests.pop_back().unwrap();
        let result = Ok(relay.answer(&request));
        alice.hand_in(Input::Response {
            id: request.id,
            result,
        });
    }
    assert_eq!(most, 3, "several threads at once");
    let mut alice = alice.restarted(9);
    alice.run(relay);
    for peer in ["bob", "carol", "dave"] {
        assert_eq!(alice.texts(peer), ["hello", "0", "1", "2"]);
        let to = relay.sends.iter().map(|(_, send)| send);
        let seqs: Vec<_> = to
            .filter(|send| send.to == Some(user(peer)))
            .map(|send| send.client_seq.0)
            .collect();
        assert!(seqs.is_sorted() && seqs.len() == 3, "{seqs:?}");
    }
}

#[test]
fn threads_in_parallel_are_bounded_and_all_of_them_are_served() {
    let relay = &mut Relay::default();
    let names: Vec<_> = (0..40).map(|number| format!("peer{number}")).collect();
    let peers: Vec<_> = names.iter().map(String::as_str).collect();
    let mut alice = alice_with(relay, &peers);
    for peer in &peers {
        alice.queue(peer, "words");
    }
    assert_eq!(sends_under_way(&alice).len(), 16);
    alice.run(relay);
    assert_eq!(relay.sends.len(), 40);
    assert_eq!(alice.engine.store().count_unsent().unwrap(), 0);
    assert_eq!(alice.restarted(9).texts("peer39"), ["hello", "words"]);
}

#[test]
fn a_stuck_thread_delays_no_other() {
    let relay = &mut Relay::default();
    let mut alice = alice_with(relay, &["bob", "carol"]);
    relay.instead = Some(Box::new(|request| {
        let body = request.body.as_deref().unwrap_or_default();
        let send = serde_json::from_slice::<SendMessage>(body).ok()?;
        (send.to == Some(user("bob"))).then(|| no(ErrorCode::Unavailable))
    }));
    let stuck = alice.send(relay, "bob", "stuck");
    // A third is stuck for want of a list.
    alice.queue("nobody_yet", "stuck too");
    for number in 0..5 {
        let local_id = alice.send(relay, "carol", &format!("{number}"));
        assert_eq!(alice.state(local_id), MessageState::Sent);
    }
    assert_eq!(alice.state(stuck), MessageState::Pending);
    assert_eq!(alice.restarted(9).texts("carol").len(), 6);
}

#[test]
fn retries_wait_between_half_a_second_and_a_minute_with_chance_in_it() {
    let mut all = Vec::new();
    for seed in 0..2 {
        let relay = &mut Relay::default();
        let mut alice = alice_with(relay, &["bob"]);
        for _ in 0..seed {
            // Other chance than before.
            alice.queue("bob", "more");
        }
        let mut waits = Vec::new();
        alice.queue("bob", "words");
        for _ in 0..12 {
            alice.lose(relay, false);
            let from = alice.now;
            alice.pass_until_sends(relay);
            waits.push(alice.now.since_ms(from));
        }
        assert!(
            waits.iter().all(|wait| (500..=60_001).contains(wait)),
            "{waits:?}"
        );
        assert!(waits[0] <= 1_001 && waits[11] >= 30_000, "{waits:?}");
        all.push(waits);
    }
    assert_ne!(all[0], all[1]);
}

#[test]
fn the_relays_retry_after_is_obeyed_in_its_problem_in_its_header_and_from_whoever_stands_before_it()
{
    let mut problem = Problem::new(ErrorCode::RateLimited, "by the test");
    problem.retry_after_ms = Some(90_000);
    let header = HttpResponse {
        retry_after_ms: Some(90_000),
        ..no(ErrorCode::Unavailable)
    };
    let before_it = HttpResponse {
        status: 503,
        retry_after_ms: Some(90_000),
        body: b"<html>busy</html>".to_vec(),
    };
    for answer in [refusal(problem), header, before_it] {
        let relay = &mut Relay::default();
        let mut alice = alice_with(relay, &["bob"]);
        let mut times = 1;
        relay.instead = Some(Box::new(move |request| {
            let answers = request.path.ends_with("/messages") && times > 0;
            answers.then(|| {
                times -= 1;
                answer.clone()
            })
        }));
        let local_id = alice.send(relay, "bob", "words");
        alice.pass(relay, 80_000);
        // Also when the network comes back meanwhile: the relay was heard, and wants the wait.
        alice.call(Call::NetworkReturned);
        alice.run(relay);
        assert_eq!(alice.state(local_id), MessageState::Pending);
        let mut alice = alice.restarted_at_its_time(9);
        alice.pass(relay, 5_000);
        assert_eq!(alice.state(local_id), MessageState::Pending);
        alice.pass(relay, 10_000);
        assert_eq!(alice.state(local_id), MessageState::Sent);
        assert_eq!(alice.restarted(9).texts("bob"), ["hello", "words"]);
    }
}

#[test]
fn after_a_day_it_is_failed_with_its_reason_and_says_so_also_where_no_list_was_ever_to_be_had() {
    for known in [true, false] {
        let relay = &mut Relay::default();
        let peers: &[&str] = if known { &["bob"] } else { &[] };
        let mut alice = alice_with(relay, peers);
        relay.instead = Some(Box::new(|request| {
            let refused = request.path.ends_with("/messages") || request.path.contains("/users/");
            refused.then(|| no(ErrorCode::Unavailable))
        }));
        let local_id = alice.send(relay, "bob", "words");
        alice.age(23 * HOUR_MS);
        alice.pass(relay, 10 * 60_000);
        assert_eq!(alice.state(local_id), MessageState::Pending);
        alice.pass(relay, HOUR_MS);
        let failed = MessageState::Failed {
            code: "gave_up".to_owned(),
        };
        assert_eq!(alice.state(local_id), failed, "known: {known}");
        let told = |event: &&Event| matches!(event, Event::MessageFailed(message) if message.local_id == local_id);
        assert_eq!(alice.events.iter().filter(told).count(), 1);
        assert_eq!(alice.restarted(9).state(local_id), failed);
    }
}

#[test]
fn the_outbox_drains_by_itself_when_the_network_returns() {
    let relay = &mut Relay::default();
    let mut alice = alice_with(relay, &["bob"]);
    alice.queue("bob", "one");
    alice.queue("bob", "two");
    for _ in 0..10 {
        alice.lose(relay, false);
        alice.pass_until_sends(relay);
    }
    alice.lose(relay, false);
    // The socket says it first.
    let caught_up = alice.frame(ServerEvent::CaughtUp { replayed: 0 });
    alice.take_frames(relay, vec![caught_up]);
    assert_eq!(relay.sends.len(), 2, "no wait is waited out");

    // Without a socket, the system says it.
    alice.queue("bob", "three");
    for _ in 0..10 {
        alice.lose(relay, false);
        alice.pass_until_sends(relay);
    }
    alice.lose(relay, false);
    alice.call(Call::NetworkReturned);
    alice.run(relay);
    assert_eq!(relay.sends.len(), 3);
    assert_eq!(
        alice.restarted(9).texts("bob"),
        ["hello", "one", "two", "three"]
    );
}

/// Time passes in which nobody answers what she asks there, until the next time that she would ask is half a minute off.
fn unheard(alice: &mut Device, relay: &mut Relay, there: &str) {
    for _ in 0..8 {
        while !alice.requests.iter().any(|ask| ask.path.starts_with(there)) {
            match alice.requests.pop_front() {
                Some(ask) => {
                    let (id, result) = (ask.id, Ok(relay.answer(&ask)));
                    alice.hand_in(Input::Response { id, result });
                }
                None => {
                    alice.now = alice.now.plus_ms(1_000);
                    alice.hand_in(Input::Tick);
                }
            }
        }
        alice.requests.retain(|ask| ask.path.starts_with(there));
        alice.lose(relay, false);
    }
}

/// Of Alice, who is online, and whose first message to Bob waits for what she asks of him there.
fn with_a_message_that_waits(relay: &mut Relay, there: &str) -> (Device, i64) {
    let mut alice = Device::registered(relay, "alice", 1);
    Device::registered(relay, "bob", 2);
    let waits = alice.queue("bob", "one");
    unheard(&mut alice, relay, there);
    alice.run(relay);
    assert_eq!(alice.state(waits), MessageState::Pending);
    (alice, waits)
}

const WHAT_A_SEND_NEEDS: [&str; 2] = ["/v1/users/bob/devices", "/v1/prekeys/query"];

#[test]
fn what_waits_for_a_list_or_a_bundle_leaves_as_soon_as_the_relay_is_heard_again() {
    for there in WHAT_A_SEND_NEEDS {
        let relay = &mut Relay::default();
        let (mut alice, waits) = with_a_message_that_waits(relay, there);
        alice.caught_up(relay);
        assert_eq!(alice.state(waits), MessageState::Sent, "{there}");
        assert_eq!(alice.restarted(9).texts("bob"), ["one"]);
    }
}

#[test]
fn what_is_typed_now_waits_out_no_wait_for_a_list_or_a_bundle() {
    for there in WHAT_A_SEND_NEEDS {
        let relay = &mut Relay::default();
        let (mut alice, _) = with_a_message_that_waits(relay, there);
        let typed = alice.send(relay, "bob", "two");
        assert_eq!(alice.state(typed), MessageState::Sent, "{there}");
        assert_eq!(alice.restarted(9).texts("bob"), ["one", "two"]);
    }
}

#[test]
fn a_wait_for_a_list_that_the_relay_wants_is_waited_out_whatever_is_typed() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    Device::registered(relay, "bob", 2);
    let mut problem = Problem::new(ErrorCode::Unavailable, "by the test");
    problem.retry_after_ms = Some(90_000);
    let mut times = 1;
    relay.instead = Some(Box::new(move |request| {
        let asks = request.path.starts_with("/v1/users/bob/devices") && times > 0;
        asks.then(|| {
            times -= 1;
            refusal(problem.clone())
        })
    }));
    alice.send(relay, "bob", "one");
    alice.pass(relay, 80_000);
    let typed = alice.send(relay, "bob", "two");
    alice.caught_up(relay);
    assert_eq!(alice.state(typed), MessageState::Pending);
    alice.pass(relay, 15_000);
    assert_eq!(alice.state(typed), MessageState::Sent);
    assert_eq!(alice.restarted(9).texts("bob"), ["one", "two"]);
}

#[test]
fn a_changed_network_ends_the_wait_for_the_socket_and_the_token() {
    let relay = &mut Relay::default();
    let mut alice = alice_with(relay, &["bob"]);
    for _ in 0..8 {
        alice.hand_in(Input::Socket(SocketInput::Closed {
            code: None,
            status: None,
            retry_after_ms: None,
        }));
        alice.pass(relay, 61_000);
    }
    alice.hand_in(Input::Socket(SocketInput::Closed {
        code: None,
        status: None,
        retry_after_ms: None,
    }));
    let opened = alice.sockets_opened;
    alice.hand_in(Input::Tick);
    assert_eq!(alice.sockets_opened, opened, "it waits");
    alice.call(Call::NetworkReturned);
    alice.run(relay);
    assert_eq!(alice.sockets_opened, opened + 1);
    // A socket that was heard just now lives; one that was not is opened anew.
    alice.call(Call::NetworkReturned);
    assert_eq!(alice.sockets_opened, opened + 1);
    alice.now = Timestamp(alice.now.0 + 10_000);
    alice.call(Call::NetworkReturned);
    assert_eq!(alice.sockets_opened, opened + 2);
    assert_eq!(alice.restarted(9).texts("bob"), ["hello"]);
}
