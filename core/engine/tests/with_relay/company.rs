//! Typing and presence: on the socket alone, in memory alone.

use crate::device::{Device, user};
use crate::relay::Relay;
use sealwire_engine::{Call, EngineError, Event};
use sealwire_wire::contract::{ClientFrame, ServerEvent};
use sealwire_wire::{ThreadId, Timestamp};

fn alice_online(relay: &mut Relay) -> (Device, ThreadId) {
    let mut alice = Device::registered(relay, "alice", 1);
    Device::registered(relay, "bob", 2);
    alice.send(relay, "bob", "hello");
    alice.catch_up(relay);
    let thread = alice.thread_with("bob");
    alice.sent_frames.clear();
    (alice, thread)
}

/// What it said of its own typing, and when.
fn said(device: &Device) -> Vec<bool> {
    let typing = device.sent_frames.iter().filter_map(|frame| match frame {
        ClientFrame::Typing { typing, .. } => Some(*typing),
        _ => None,
    });
    typing.collect()
}

fn types(device: &mut Device, thread: ThreadId, typing: bool) {
    device.call(Call::SetTyping { thread, typing });
}

fn shown(device: &mut Device) -> Vec<bool> {
    let events = std::mem::take(&mut device.events);
    let typing = events.iter().filter_map(|event| match event {
        Event::Typing { typing, .. } => Some(*typing),
        _ => None,
    });
    typing.collect()
}

fn bob_types(device: &mut Device, relay: &mut Relay, thread: ThreadId, typing: bool) {
    let frame = device.frame(ServerEvent::Typing {
        thread_id: thread,
        user_id: user("bob"),
        typing,
    });
    device.take_frames(relay, vec![frame]);
}

#[test]
fn typing_is_sent_at_most_every_three_seconds_and_stops_by_itself() {
    let relay = &mut Relay::default();
    let (mut alice, thread) = alice_online(relay);
    // A keystroke every tenth of a second, for ten seconds.
    for _ in 0..100 {
        types(&mut alice, thread, true);
        alice.pass(relay, 100);
    }
    assert_eq!(said(&alice), [true; 4]);
    alice.pass(relay, 60_000);
    assert!(said(&alice).len() <= 5, "the last keystrokes, and no more");
    let count = said(&alice).len();
    types(&mut alice, thread, true);
    types(&mut alice, thread, false);
    types(&mut alice, thread, false);
    assert_eq!(said(&alice)[count..], [true, false]);
    alice.restarted(9);
}

#[test]
fn a_message_that_is_sent_ends_typing_without_a_word() {
    let relay = &mut Relay::default();
    let (mut alice, thread) = alice_online(relay);
    types(&mut alice, thread, true);
    types(&mut alice, thread, true);
    alice.send(relay, "bob", "words");
    alice.pass(relay, 20_000);
    types(&mut alice, thread, false);
    assert_eq!(said(&alice), [true]);
    alice.restarted(9);
}

#[test]
fn incoming_typing_fades_after_five_seconds_and_ends_with_the_message() {
    let relay = &mut Relay::default();
    let (mut alice, thread) = alice_online(relay);
    let mut bob = Device::new(2);
    alice.call(Call::WatchThreads {
        threads: vec![thread],
    });
    for _ in 0..3 {
        bob_types(&mut alice, relay, thread, true);
        alice.pass(relay, 3_000);
    }
    assert_eq!(shown(&mut alice), [true]);
    alice.pass(relay, 1_990);
    assert!(shown(&mut alice).is_empty());
    alice.pass(relay, 100);
    assert_eq!(shown(&mut alice), [false]);
    bob_types(&mut alice, relay, thread, true);
    bob_types(&mut alice, relay, thread, false);
    assert_eq!(shown(&mut alice), [true, false]);
    // With the connection they are gone too.
    bob_types(&mut alice, relay, thread, true);
    alice.lose_socket(None, None);
    assert_eq!(shown(&mut alice), [true, false]);
    bob.run(relay);

    // What they typed comes.
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    alice.catch_up(relay);
    let thread = alice.thread_with("bob");
    alice.call(Call::WatchThreads {
        threads: vec![thread],
    });
    bob_types(&mut alice, relay, thread, true);
    bob.send(relay, "alice", "words");
    alice.deliver(relay);
    assert_eq!(shown(&mut alice), [true, false]);
    assert_eq!(alice.restarted(9).texts("bob"), ["words"]);
}

#[test]
fn only_watched_threads_are_shown_and_they_are_subscribed_again_after_a_reconnect() {
    let relay = &mut Relay::default();
    let (mut alice, thread) = alice_online(relay);
    bob_types(&mut alice, relay, thread, true);
    assert!(shown(&mut alice).is_empty());
    alice.call(Call::WatchThreads {
        threads: vec![thread],
    });
    alice.call(Call::SetPresence { online: true });
    let expected = [
        ClientFrame::Subscribe {
            thread_ids: vec![thread],
        },
        ClientFrame::Presence { online: true },
    ];
    alice.sent_frames.retain(|frame| expected.contains(frame));
    assert_eq!(alice.sent_frames, expected);
    alice.sent_frames.clear();
    alice.lose_socket(None, None);
    alice.pass(relay, 2_000);
    assert_eq!(alice.sockets_opened, 2);
    assert_eq!(
        alice.sent_frames,
        [],
        "not before everything queued is here"
    );
    alice.catch_up(relay);
    alice.sent_frames.retain(|frame| expected.contains(frame));
    assert_eq!(alice.sent_frames, expected);

    let too_many = alice.call(Call::WatchThreads {
        threads: (0..21).map(|n| ThreadId::from_bytes([n; 16])).collect(),
    });
    assert!(matches!(
        alice.result(too_many),
        Some(Err(EngineError::TooManyThreads { max: 20 }))
    ));
    alice.restarted(9);
}

#[test]
fn presence_tells_when_somebody_was_last_there() {
    let relay = &mut Relay::default();
    let (mut alice, _) = alice_online(relay);
    for (online, last_seen_at) in [(true, None), (false, Some(Timestamp(77)))] {
        let frame = alice.frame(ServerEvent::Presence {
            user_id: user("bob"),
            online,
            last_seen_at,
        });
        alice.take_frames(relay, vec![frame]);
        let expected = Event::Presence {
            user: user("bob"),
            online,
            last_seen_ms: last_seen_at.map(|at| at.0),
        };
        assert_eq!(alice.events.last(), Some(&expected));
    }
    alice.restarted(9);
}

#[test]
fn typing_is_neither_kept_nor_said_later() {
    let relay = &mut Relay::default();
    let (mut alice, thread) = alice_online(relay);
    alice.lose_socket(None, None);
    types(&mut alice, thread, true);
    alice.pass(relay, 2_000);
    types(&mut alice, thread, true);
    alice.catch_up(relay);
    assert!(said(&alice).is_empty());
    types(&mut alice, thread, true);
    assert_eq!(said(&alice), [true]);
    alice.restarted(9);
}

#[test]
fn a_flood_of_typists_does_not_grow_without_end() {
    let relay = &mut Relay::default();
    let (mut alice, thread) = alice_online(relay);
    alice.call(Call::WatchThreads {
        threads: vec![thread],
    });
    for number in 0..3_000 {
        let frame = alice.frame(ServerEvent::Typing {
            thread_id: thread,
            user_id: user(&format!("u{number}")),
            typing: true,
        });
        alice.take_frames(relay, vec![frame]);
    }
    assert_eq!(shown(&mut alice).len(), 1_000);
    alice.restarted(9);
}

#[test]
fn sessions_are_had_when_typing_starts() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    Device::registered(relay, "bob", 2);
    alice.catch_up(relay);
    let thread = alice.thread_with("bob");
    types(&mut alice, thread, true);
    alice.run(relay);
    // The list came; with the next keystroke after it, the session.
    alice.pass(relay, 6_000);
    types(&mut alice, thread, true);
    alice.run(relay);
    relay.asked.clear();
    alice.send(relay, "bob", "words");
    assert_eq!(relay.asked.len(), 1, "{:?}", relay.asked);
    alice.restarted(9);
}

#[test]
fn a_thread_that_is_watched_before_its_first_message_is_told_again_once_it_has_one() {
    let relay = &mut Relay::default();
    let (mut alice, _) = alice_online(relay);
    Device::registered(relay, "carol", 3);
    let thread = alice.thread_with("carol");
    let watches = |device: &Device| {
        let told = |frame: &&ClientFrame| matches!(frame, ClientFrame::Subscribe { .. });
        device.sent_frames.iter().filter(told).count()
    };
    let threads = vec![thread, alice.thread_with("bob")];
    alice.call(Call::WatchThreads { threads });
    assert_eq!(watches(&alice), 1);
    for count in [2, 2] {
        alice.send(relay, "carol", "hello");
        alice.send(relay, "bob", "hello");
        assert_eq!(watches(&alice), count);
    }
    alice.restarted(9);
}
