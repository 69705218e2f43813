//! Clocks are set, relays name times, and still everything happens in the end.

use crate::device::Device;
use crate::relay::{Relay, no, ok, token};
use sealwire_engine::{Call, EngineError, Event, HttpResponse, Input, MessageState};
use sealwire_wire::Timestamp;
use sealwire_wire::contract::{Challenge, ErrorCode, Token};

const HOUR_MS: u64 = 60 * 60 * 1000;
const YEAR_MS: u64 = 365 * 24 * HOUR_MS;

/// The relay refuses so many sends, and wants this much time after each.
fn refuse_sends(relay: &mut Relay, mut times: u32, retry_after_ms: Option<u64>) {
    relay.instead = Some(Box::new(move |request| {
        if !request.path.ends_with("/messages") || times == 0 {
            return None;
        }
        times -= 1;
        Some(HttpResponse {
            retry_after_ms,
            ..no(ErrorCode::RateLimited)
        })
    }));
}

#[test]
fn a_clock_that_is_set_back_makes_no_wait_longer() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let _bob = Device::registered(relay, "bob", 2);
    refuse_sends(relay, 2, None);
    alice.send(relay, "bob", "words");
    alice.now = Timestamp(alice.now.0 - 2 * YEAR_MS);
    alice.hand_in(Input::Tick);
    alice.pass(relay, 60_000);
    assert_eq!(relay.sends.len(), 1);
}

#[test]
fn a_clock_that_ran_far_ahead_before_a_restart_holds_nothing_up() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let _bob = Device::registered(relay, "bob", 2);
    refuse_sends(relay, 1, None);
    alice.now = alice.now.plus_ms(70 * YEAR_MS);
    alice.send(relay, "bob", "words");
    assert!(relay.sends.is_empty());
    let mut alice = alice.restarted(3);
    alice.run(relay);
    alice.pass(relay, 10_000);
    assert_eq!(relay.sends.len(), 1);
}

#[test]
fn no_relay_names_a_time_that_never_comes() {
    for wish in [u64::MAX, i64::MAX as u64, 100 * YEAR_MS] {
        let relay = &mut Relay::default();
        let mut alice = Device::registered(relay, "alice", 1);
        let _bob = Device::registered(relay, "bob", 2);
        refuse_sends(relay, 1, Some(wish));
        alice.send(relay, "bob", "words");
        alice.pass(relay, 60_000);
        assert!(relay.sends.is_empty(), "a wish within reason is obeyed");
        alice.pass(relay, 2 * HOUR_MS);
        assert_eq!(relay.sends.len(), 1);
    }
}

#[test]
fn tokens_are_asked_for_in_their_time_however_the_clocks_differ() {
    for ends_in_ms in [0, 1_000, 5_001, 30_000, 61_000, 15 * 60_000] {
        let relay = &mut Relay::default();
        let mut alice = Device::registered(relay, "alice", 1);
        let mut alice = {
            alice.now = alice.now.plus_ms(20 * 60_000);
            alice
        };
        let expires_at = alice.now.plus_ms(ends_in_ms);
        relay.instead = Some(Box::new(move |request| {
            let asks = request.path == "/v1/auth/token";
            asks.then(|| {
                ok(&Token {
                    expires_at,
                    ..token("alice/1")
                })
            })
        }));
        relay.asked.clear();
        alice.pass(relay, 5 * 60_000);
        let asked = relay.asked.iter().filter(|path| path.ends_with("/token"));
        assert!(asked.count() <= 2, "ends in {ends_in_ms} ms by this clock");
    }
}

#[test]
fn a_clock_that_is_minutes_ahead_of_the_relays_asks_for_no_more_tokens_than_a_true_one() {
    for ahead_ms in [0, 11 * 60_000, 750_000, 13 * 60_000, 3 * HOUR_MS] {
        let relay = &mut Relay::default();
        let mut alice = Device::registered(relay, "alice", 1);
        alice.now = alice.now.plus_ms(20 * 60_000);
        let relay_now = Timestamp(alice.now.0 - ahead_ms);
        relay.instead = Some(Box::new(move |request| match request.path.as_str() {
            "/v1/auth/challenge" => Some(ok(&Challenge {
                nonce: [7; 32].into(),
                expires_at: relay_now.plus_ms(60_000),
            })),
            "/v1/auth/token" => Some(ok(&Token {
                expires_at: relay_now.plus_ms(15 * 60_000),
                ..token("alice/1")
            })),
            _ => None,
        }));
        relay.asked.clear();
        alice.pass(relay, 13 * 60_000);
        let asked = relay.asked.iter().filter(|path| path.ends_with("/token"));
        assert_eq!(asked.count(), 1, "{ahead_ms} ms ahead");
    }
}

#[test]
fn a_call_that_needs_the_relay_ends_when_the_client_goes_offline() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let thread = alice.thread_with("bob");
    let sync = alice.call(Call::SyncThread { thread });
    let request = alice.requests.pop_front().unwrap();
    alice.call(Call::Disconnect);
    alice.hand_in(Input::Response {
        id: request.id,
        result: Ok(no(ErrorCode::TokenExpired)),
    });
    assert!(matches!(
        alice.result(sync),
        Some(Err(EngineError::Relay { .. }))
    ));
}

#[test]
fn nothing_leaves_after_the_client_went_offline() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let thread = alice.thread_with("bob");
    alice.now = alice.now.plus_ms(HOUR_MS);
    let sync = alice.call(Call::SyncThread { thread });
    assert!(!alice.requests.is_empty(), "a token is asked for first");
    alice.call(Call::Disconnect);
    relay.asked.clear();
    let waiting = alice.requests.len();
    alice.run(relay);
    alice.pass(relay, HOUR_MS);
    assert_eq!(relay.asked.len(), waiting, "{:?}", relay.asked);
    assert!(alice.result(sync).unwrap().is_err());
    alice.call(Call::Connect);
    alice.run(relay);
    assert!(relay.asked.iter().any(|path| path.ends_with("/token")));
}

#[test]
fn a_message_is_given_up_after_a_day_of_tries_and_not_without_a_last_one() {
    for (refusals, failed) in [(1, false), (u32::MAX, true)] {
        let relay = &mut Relay::default();
        let mut alice = Device::registered(relay, "alice", 1);
        let _bob = Device::registered(relay, "bob", 2);
        refuse_sends(relay, refusals, None);
        let local_id = alice.send(relay, "bob", "words");
        alice.age(25 * HOUR_MS);
        alice.run(relay);
        alice.pass(relay, 60_000);
        assert_eq!(relay.sends.len(), usize::from(!failed));
        let given_up = |event: &Event| matches!(event, Event::MessageFailed(message) if message.state == MessageState::Failed { code: "gave_up".to_owned() });
        assert_eq!(alice.events.iter().any(given_up), failed);

        // By hand it is tried again, for another day.
        relay.instead = None;
        let retried = alice.call(Call::Retry { local_id });
        alice.run(relay);
        alice.pass(relay, 60_000);
        assert_eq!(alice.result(retried).unwrap().is_ok(), failed);
        assert_eq!(relay.sends.len(), 1);
        assert_eq!(alice.restarted(9).texts("bob"), ["words"]);
    }
}
