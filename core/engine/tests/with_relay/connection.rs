//! The connection: its states, its keepalive, its token, what each close means, and when it is tried again.

use crate::device::Device;
use crate::relay::{Relay, no, ok, token};
use sealwire_engine::{Call, ConnectionState, Event, Input, SocketInput};
use sealwire_wire::Timestamp;
use sealwire_wire::contract::{ClientFrame, ErrorCode, ServerEvent, Token};

fn states(device: &mut Device) -> Vec<ConnectionState> {
    let events = std::mem::take(&mut device.events);
    let states = events.iter().filter_map(|event| match event {
        Event::Connection(state) => Some(*state),
        _ => None,
    });
    states.collect()
}

fn next_try(device: &mut Device) -> u64 {
    match states(device).last() {
        Some(ConnectionState::Offline {
            next_try_at_ms: Some(at),
        }) => *at,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_states_are_offline_connecting_catching_up_and_online_with_the_next_retry() {
    let relay = &mut Relay::default();
    let mut alice = Device::new(1);
    alice.register("alice");
    alice.run(relay);
    alice.catch_up(relay);
    use ConnectionState::*;
    assert_eq!(states(&mut alice), [Connecting, CatchingUp, Online]);
    alice.lose_socket(None, None);
    let at = next_try(&mut alice);
    assert!((500..=1_000).contains(&(at - alice.now.0)));
    alice.pass(relay, at - alice.now.0 - 1);
    assert_eq!(states(&mut alice), []);
    alice.pass(relay, 5);
    assert_eq!(states(&mut alice), [Connecting, CatchingUp]);
    alice.call(Call::Disconnect);
    let offline = Offline {
        next_try_at_ms: None,
    };
    assert_eq!(states(&mut alice), [offline]);
    alice.restarted(9);
}

#[test]
fn a_socket_that_is_silent_for_seventy_five_seconds_is_closed_and_each_ping_is_answered() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    alice.catch_up(relay);
    for _ in 0..20 {
        alice.pass(relay, 30_000);
        let ping = alice.frame(ServerEvent::Ping { now: alice.now });
        alice.take_frames(relay, vec![ping]);
        assert!(alice.sent_frames.contains(&ClientFrame::Pong {}));
        alice.sent_frames.clear();
    }
    assert_eq!((alice.sockets_opened, alice.sockets_closed), (1, 0));
    alice.pass(relay, 74_900);
    assert_eq!(alice.sockets_closed, 0);
    alice.pass(relay, 200);
    assert_eq!(alice.sockets_closed, 1);
    alice.pass(relay, 2_000);
    assert_eq!(alice.sockets_opened, 2);
    alice.restarted(9);
}

#[test]
fn the_token_is_renewed_on_the_socket_before_it_ends_and_on_a_401() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    alice.catch_up(relay);
    // Ping after ping for an hour, and no other socket.
    for _ in 0..120 {
        alice.pass(relay, 30_000);
        let ping = alice.frame(ServerEvent::Ping { now: alice.now });
        alice.take_frames(relay, vec![ping]);
    }
    let renewed = |frame: &&ClientFrame| matches!(frame, ClientFrame::Auth { .. });
    let count = alice.sent_frames.iter().filter(renewed).count();
    assert!((4..=5).contains(&count), "every 14 minutes: {count}");
    assert_eq!(alice.sockets_opened, 1);

    // A relay that forgot the token: the request is made once more with another.
    let mut times = 1;
    relay.instead = Some(Box::new(move |request| {
        let refuses = request.path.ends_with("/messages") && times > 0;
        refuses.then(|| {
            times -= 1;
            no(ErrorCode::TokenExpired)
        })
    }));
    Device::registered(relay, "bob", 2);
    alice.send(relay, "bob", "words");
    assert_eq!(relay.sends.len(), 1);
    assert_eq!(alice.restarted(9).texts("bob"), ["words"]);
}

#[test]
fn every_close_code_is_obeyed() {
    for (code, connects_again, asks_for_token, asks_for_list) in [
        (4000, true, false, false),
        (4001, false, false, false),
        (4002, true, true, false),
        // The list holds this device still: whether there is another token says more.
        (4003, true, true, true),
        (4004, true, false, false),
        (1001, true, false, false),
        (4999, true, false, false),
    ] {
        let relay = &mut Relay::default();
        let mut alice = Device::registered(relay, "alice", 1);
        alice.catch_up(relay);
        relay.asked.clear();
        alice.events.clear();
        alice.lose_socket(Some(code), None);
        let last = states(&mut alice).pop();
        match (connects_again, code) {
            // At once, but for the token that it needs first.
            (true, 4002) => assert_eq!(last, Some(ConnectionState::Connecting)),
            (true, _) => assert!(
                matches!(last, Some(ConnectionState::Offline { .. })),
                "{code}"
            ),
            (false, _) => assert_eq!(last, Some(ConnectionState::Replaced)),
        }
        assert_eq!(alice.sockets_opened, 1, "never at once");
        alice.run(relay);
        alice.pass(relay, 60_000);
        assert_eq!(
            alice.sockets_opened,
            1 + u32::from(connects_again),
            "{code}"
        );
        let asked = |end: &str| relay.asked.iter().any(|path| path.contains(end));
        assert_eq!(asked("/auth/token"), asks_for_token, "{code}");
        assert_eq!(asked("/users/alice/devices"), asks_for_list, "{code}");
        // Only the app's wish takes the place back.
        alice.call(Call::Connect);
        alice.run(relay);
        assert_eq!(alice.sockets_opened, 2, "{code}");
        alice.restarted(9);
    }
}

#[test]
fn waits_grow_with_chance_and_a_relay_that_accepts_and_drops_does_not_reset_them() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    alice.catch_up(relay);
    let mut waits = Vec::new();
    for _ in 0..10 {
        // It opened, and even sent something.
        let ping = alice.frame(ServerEvent::Ping { now: alice.now });
        alice.take_frames(relay, vec![ping]);
        let from = alice.now.0;
        alice.events.clear();
        alice.lose_socket(Some(1001), None);
        let at = next_try(&mut alice);
        waits.push(at - from);
        alice.pass(relay, at - from + 5);
    }
    assert!(
        waits[0] < 1_001 && waits[9] >= 30_000 && waits[9] <= 60_000,
        "{waits:?}"
    );
    // What is caught up does.
    alice.catch_up(relay);
    alice.events.clear();
    let from = alice.now.0;
    alice.lose_socket(None, None);
    assert!(next_try(&mut alice) - from <= 1_000);
    alice.restarted(9);
}

#[test]
fn a_refused_upgrade_with_401_asks_for_a_token_first() {
    let relay = &mut Relay::default();
    let mut alice = Device::new(1);
    alice.sockets_stay_shut = true;
    alice.register("alice");
    alice.run(relay);
    assert_eq!(alice.sockets_opened, 1);
    relay.asked.clear();
    relay.instead = Some(Box::new(|request| {
        let asks = request.path == "/v1/auth/token";
        asks.then(|| {
            ok(&Token {
                expires_at: Timestamp(u64::MAX),
                ..token("alice/1")
            })
        })
    }));
    alice.lose_socket(None, Some(401));
    alice.pass(relay, 2_000);
    assert!(relay.asked.iter().any(|path| path.ends_with("/token")));
    assert_eq!(alice.sockets_opened, 2);
    alice.hand_in(Input::Socket(SocketInput::Opened));
    alice.restarted(9);
}

#[test]
fn a_token_that_ended_costs_no_wait_and_one_that_ends_again_and_again_does() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    alice.catch_up(relay);
    alice.lose_socket(Some(4002), None);
    alice.run(relay);
    assert_eq!(alice.sockets_opened, 2);
    // A relay that gives tokens and takes none of them.
    alice.sockets_stay_shut = true;
    let mut waits = Vec::new();
    for refused in 0..6 {
        relay.asked.clear();
        alice.events.clear();
        alice.lose_socket(None, Some(401));
        let at = next_try(&mut alice);
        waits.push(at - alice.now.0);
        alice.pass(relay, at - alice.now.0 - 1);
        assert_eq!(
            relay.asked,
            Vec::<String>::new(),
            "a token would lie while the wait lasts"
        );
        alice.pass(relay, 5);
        assert!(relay.asked.iter().any(|path| path.ends_with("/token")));
        assert_eq!(alice.sockets_opened, 3 + refused);
    }
    assert!(waits[0] <= 1_000 && waits[5] >= 16_000, "{waits:?}");
    alice.restarted(9);
}

#[test]
fn what_is_to_be_sent_gets_a_token_while_the_socket_waits() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let _bob = Device::registered(relay, "bob", 2);
    alice.catch_up(relay);
    alice.sockets_stay_shut = true;
    alice.lose_socket(Some(4002), None);
    alice.run(relay);
    alice.lose_socket(None, Some(401));
    alice.send(relay, "bob", "words");
    assert_eq!((relay.sends.len(), alice.sockets_opened), (1, 2));
    assert_eq!(alice.restarted(9).texts("bob"), ["words"]);
}

#[test]
fn a_socket_that_the_relay_refuses_for_now_is_not_tried_before_it_says() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    alice.catch_up(relay);
    for status in [429, 503] {
        alice.events.clear();
        let refused = |retry_after_ms| {
            Input::Socket(SocketInput::Closed {
                code: None,
                status: Some(status),
                retry_after_ms,
            })
        };
        alice.hand_in(refused(Some(90_000)));
        let at = next_try(&mut alice);
        assert!(at - alice.now.0 >= 90_000);
        let opened = alice.sockets_opened;
        // Not even another network changes what the relay wants.
        alice.call(Call::NetworkReturned);
        alice.pass(relay, 89_000);
        assert_eq!(alice.sockets_opened, opened);
        alice.pass(relay, at - alice.now.0);
        assert_eq!(alice.sockets_opened, opened + 1);
        // A wish without reason has an end.
        alice.hand_in(refused(Some(u64::MAX)));
        assert!(next_try(&mut alice) - alice.now.0 <= 60 * 60_000);
        alice.pass(relay, 61 * 60_000);
        alice.catch_up(relay);
    }
}
