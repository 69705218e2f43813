//! Becoming a device: what was begun and came to nothing stands in nobody's way.

use crate::device::{Device, user};
use crate::relay::{Relay, refusal, signed};
use sealwire_crypto::device::{DeviceList, ListChange};
use sealwire_engine::{
    Call, CallId, ConnectionState, EngineError, Event, HttpRequest, Input, Reply, TransportFailure,
};
use sealwire_store::AccountState;
use sealwire_wire::contract::{ErrorCode, Problem, ServerEvent};
use sealwire_wire::{DeviceId, Timestamp};

fn lost(device: &mut Device, request: &HttpRequest) {
    let detail = "cut off".to_owned();
    device.hand_in(Input::Response {
        id: request.id,
        result: Err(TransportFailure { detail }),
    });
}

fn is_registered(result: Option<Result<Reply, EngineError>>, as_user: &str) -> bool {
    matches!(result, Some(Ok(Reply::Registered { user_id, .. })) if user_id == user(as_user))
}

/// Lets `new` into the account of `old`; how it ended for the new one.
pub(crate) fn link(
    relay: &mut Relay,
    old: &mut Device,
    new: &mut Device,
) -> Option<Result<Reply, EngineError>> {
    let code = code(relay, new);
    let finish = new.call(Call::FinishLinking);
    old.call(Call::LinkDevice { code });
    for _ in 0..20 {
        old.pass(relay, 400);
        new.pass(relay, 400);
    }
    new.result(finish)
}

fn code(relay: &mut Relay, new: &mut Device) -> String {
    let start = new.call(Call::StartLinking);
    let opened = new.requests.pop_front().unwrap();
    let result = Ok(relay.answer(&opened));
    new.hand_in(Input::Response {
        id: opened.id,
        result,
    });
    match new.result(start) {
        Some(Ok(Reply::LinkCode(code))) => code,
        Some(Err(error)) => panic!("no code: {error}"),
        _ => panic!("no code"),
    }
}

/// A registration whose answer is lost.
fn lost_registration(relay: &mut Relay, device: &mut Device, name: &str) {
    let call = device.register(name);
    let token = device.requests.pop_front().unwrap();
    let result = Ok(relay.answer(&token));
    device.hand_in(Input::Response {
        id: token.id,
        result,
    });
    let register = device.requests.pop_front().unwrap();
    lost(device, &register);
    assert!(matches!(
        device.result(call),
        Some(Err(EngineError::Network(_)))
    ));
}

#[test]
fn a_registration_that_failed_leaves_nothing_to_one_under_another_name() {
    let relay = &mut Relay::default();
    let mut device = Device::new(1);
    lost_registration(relay, &mut device, "alice");
    let call = device.register("bob");
    device.run(relay);
    assert!(is_registered(device.result(call), "bob"));
}

#[test]
fn a_device_is_linked_after_a_registration_and_a_linking_came_to_nothing() {
    let relay = &mut Relay::default();
    let mut old = Device::registered(relay, "alice", 1);
    let mut new = Device::new(2);
    lost_registration(relay, &mut new, "bob");
    // Of this linking the relay's answer is an error, after the keys were made, and nobody asks how it ended.
    let first = code(relay, &mut new);
    relay.instead = Some(Box::new(|request| {
        let registers = request.path == "/v1/devices";
        registers.then(|| crate::relay::no(ErrorCode::GrantInvalid))
    }));
    let letting = old.call(Call::LinkDevice { code: first });
    for _ in 0..5 {
        old.pass(relay, 400);
        new.pass(relay, 400);
    }
    old.call(Call::CancelLinking);
    old.run(relay);
    assert!(old.result(letting).unwrap().is_err());
    let registrations = |path: &&String| *path == "Post /v1/devices";
    assert_eq!(relay.asked.iter().filter(registrations).count(), 2);
    relay.instead = None;
    assert!(is_registered(link(relay, &mut old, &mut new), "alice"));
    new.send(relay, "alice", "from the new one");
    old.deliver(relay);
    assert_eq!(old.texts("alice"), ["from the new one"]);
}

#[test]
fn while_a_registration_is_under_way_its_keys_are_not_thrown_away() {
    let relay = &mut Relay::default();
    let mut device = Device::new(1);
    let alice = device.register("alice");
    let refused = |device: &mut Device, call: CallId| {
        matches!(device.result(call), Some(Err(EngineError::LinkState(_))))
    };
    let bob = device.register("bob");
    assert!(refused(&mut device, bob));
    let linking = device.call(Call::StartLinking);
    assert!(refused(&mut device, linking));
    let again = device.register("alice");
    device.run(relay);
    for call in [alice, again] {
        assert!(is_registered(device.result(call), "alice"));
    }
}

#[test]
fn an_answer_to_a_linking_that_was_cancelled_is_for_nobody() {
    let relay = &mut Relay::default();
    let mut device = Device::new(1);
    device.call(Call::StartLinking);
    let stale = device.requests.pop_front().unwrap();
    device.call(Call::CancelLinking);
    let start = device.call(Call::StartLinking);
    device.hand_in(Input::Response {
        id: stale.id,
        result: Ok(crate::relay::no(ErrorCode::NotFound)),
    });
    let opened = device.requests.pop_front().unwrap();
    let result = Ok(relay.answer(&opened));
    device.hand_in(Input::Response {
        id: opened.id,
        result,
    });
    assert!(matches!(device.result(start), Some(Ok(Reply::LinkCode(_)))));
}

#[test]
fn a_device_that_is_in_no_list_knows_it_after_a_crash() {
    let relay = &mut Relay::default();
    let mut old = Device::registered(relay, "alice", 1);
    let mut new = Device::new(2);
    assert!(is_registered(link(relay, &mut old, &mut new), "alice"));
    old.run(relay);
    let without_new = old.next_list(ListChange {
        put: Vec::new(),
        remove: vec![2],
    });
    relay.publish(&user("alice"), &without_new);
    let told = new.frame(ServerEvent::Devices {
        user_id: user("alice"),
        version: 3,
    });
    new.take_frames(relay, vec![told]);
    assert!(new.events.contains(&Event::DeviceRevoked) && new.engine.account().is_none());
    let mut store = new.engine.into_store();
    // As if the process had ended between the list's commit and this one.
    store
        .transaction(|tx| tx.set_account_state(AccountState::Registered))
        .unwrap();
    let mut new = Device::over(store, 3);
    new.carry_out();
    assert!(new.events.contains(&Event::DeviceRevoked) && new.engine.account().is_none());
}

#[test]
fn a_linking_whose_list_is_out_is_not_cancelled() {
    let relay = &mut Relay::default();
    let mut old = Device::registered(relay, "alice", 1);
    let mut new = Device::new(2);
    let code = code(relay, &mut new);
    let finish = new.call(Call::FinishLinking);
    let letting = old.call(Call::LinkDevice { code });
    let publishes = |request: &HttpRequest| request.path == "/v1/me/devices/list";
    for _ in 0..50 {
        if old.requests.front().is_some_and(publishes) {
            break;
        }
        new.pass(relay, 400);
        old.step(relay, 400);
    }
    assert!(old.requests.front().is_some_and(publishes));
    let cancel = old.call(Call::CancelLinking);
    assert!(matches!(
        old.result(cancel),
        Some(Err(EngineError::LinkState(_)))
    ));
    for _ in 0..10 {
        old.pass(relay, 400);
        new.pass(relay, 400);
    }
    assert!(matches!(
        old.result(letting),
        Some(Ok(Reply::Linked { .. }))
    ));
    assert!(is_registered(new.result(finish), "alice"));
}

#[test]
fn a_new_device_is_listed_since_its_list_was_signed_however_long_people_took() {
    let relay = &mut Relay::default();
    let mut old = Device::registered(relay, "alice", 1);
    let mut new = Device::new(2);
    let code = code(relay, &mut new);
    let finish = new.call(Call::FinishLinking);
    old.call(Call::LinkDevice { code });
    let publishes = |request: &HttpRequest| request.path == "/v1/me/devices/list";
    while !old.requests.front().is_some_and(publishes) {
        new.pass(relay, 400);
        old.step(relay, 400);
    }
    old.lose(relay, false);
    old.now = old.now.plus_ms(30_000);
    let signed_at = old.now;
    for _ in 0..10 {
        old.run(relay);
        new.pass(relay, 400);
        old.now = old.now.plus_ms(400);
        old.hand_in(Input::Tick);
    }
    assert!(is_registered(new.result(finish), "alice"));
    // By this it knows which rows of history were never meant for it.
    let newest = relay.lists[&user("alice")].last().unwrap();
    let newest = DeviceList::danger_restore_verified(&signed(newest)).unwrap();
    assert_eq!(newest.device(2).unwrap().added_at_ms, signed_at.0);
}

/// Alice with a second device.
fn two_devices(relay: &mut Relay) -> (Device, Device) {
    let mut old = Device::registered(relay, "alice", 1);
    let mut new = Device::new(2);
    assert!(is_registered(link(relay, &mut old, &mut new), "alice"));
    old.run(relay);
    (old, new)
}

fn remove(device: &mut Device, relay: &mut Relay, which: u32) -> Result<(), &'static str> {
    let device_id = DeviceId::new(which).unwrap();
    let call = device.call(Call::RemoveDevice { device_id });
    device.run(relay);
    device.pass(relay, 1_000);
    let result = device.result(call).unwrap();
    result.map(drop).map_err(|error| error.code().as_str())
}

#[test]
fn a_device_that_is_removed_does_not_wake_for_what_it_can_no_longer_send() {
    let relay = &mut Relay::default();
    let (mut old, mut new) = two_devices(relay);
    new.queue("nobody", "never leaves");
    assert_eq!(remove(&mut old, relay, 2), Ok(()));
    let told = new.frame(ServerEvent::Devices {
        user_id: user("alice"),
        version: 3,
    });
    new.take_frames(relay, vec![told]);
    assert!(new.events.contains(&Event::DeviceRevoked));
    let now = new.now;
    let wakes_soon = |at: Timestamp| at.since_ms(now) < 60_000;
    assert!(!new.engine.wake_at().is_some_and(wakes_soon));
    let new = new.restarted(9);
    assert!(!new.engine.wake_at().is_some_and(wakes_soon));
}

#[test]
fn a_device_that_is_removed_stands_in_no_list_and_none_removes_itself() {
    let relay = &mut Relay::default();
    let (mut old, mut new) = two_devices(relay);
    assert_eq!(remove(&mut old, relay, 1), Err("own_device"));
    assert_eq!(remove(&mut old, relay, 3), Err("unknown_device"));
    assert_eq!(relay.lists[&user("alice")].len(), 2);
    assert_eq!(remove(&mut old, relay, 2), Ok(()));
    assert_eq!(relay.lists[&user("alice")].len(), 3);
    let told = new.frame(ServerEvent::Devices {
        user_id: user("alice"),
        version: 3,
    });
    new.take_frames(relay, vec![told]);
    assert!(new.events.contains(&Event::DeviceRevoked));
    assert_eq!(
        remove(&mut old.restarted(8), relay, 2),
        Err("unknown_device")
    );
}

#[test]
fn a_removal_that_another_list_came_before_is_signed_anew() {
    let relay = &mut Relay::default();
    let (mut old, new) = two_devices(relay);
    // The other device publishes a version of its own, of which this one has not heard.
    let other = new.next_list(ListChange::default());
    relay.publish(&user("alice"), &other);
    let mut refusals = 1;
    relay.instead = Some(Box::new(move |request| {
        let publishes = request.path == "/v1/me/devices/list" && refusals > 0;
        publishes.then(|| {
            refusals -= 1;
            refusal(Problem::new(
                ErrorCode::DeviceListConflict,
                "another came first",
            ))
        })
    }));
    assert_eq!(remove(&mut old, relay, 2), Ok(()));
    assert_eq!(relay.lists[&user("alice")].len(), 4);
}

#[test]
fn a_disabled_device_knows_it_and_knocks_once_an_hour() {
    const HOUR_MS: u64 = 60 * 60 * 1000;
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    relay.instead = Some(Box::new(|request| {
        let said = || Problem::new(ErrorCode::DeviceRevoked, "this device is disabled");
        let is_open = request.path == "/v1/auth/challenge";
        (!is_open).then(|| refusal(said()))
    }));
    alice.sockets_stay_shut = true;
    alice.lose_socket(Some(4003), None);
    relay.asked.clear();
    alice.pass(relay, 2_000);
    alice.lose_socket(None, Some(403));
    alice.pass(relay, HOUR_MS);
    let told = |event: &&Event| matches!(event, Event::DeviceRevoked);
    assert_eq!(alice.events.iter().filter(told).count(), 1);
    let states = alice.events.iter().rev().find_map(|event| match event {
        Event::Connection(state) => Some(*state),
        _ => None,
    });
    assert!(
        matches!(
            states,
            Some(ConnectionState::Refused {
                code: ErrorCode::DeviceRevoked,
                ..
            })
        ),
        "{states:?}"
    );
    let knocks = |relay: &Relay| {
        let knocks = relay.asked.iter().filter(|asked| asked.contains("/auth/"));
        knocks.count()
    };
    assert!(knocks(relay) <= 4, "{:?}", relay.asked);
    let call = alice.call(Call::OwnDevices);
    assert!(matches!(
        alice.result(call),
        Some(Err(EngineError::DeviceRevoked))
    ));
    // The relay may have been wrong: the app asks anew.
    relay.instead = None;
    alice.sockets_stay_shut = false;
    alice.call(Call::Connect);
    alice.run(relay);
    alice.pass(relay, 1_000);
    alice.send(relay, "alice", "back");
    assert_eq!(relay.sends.len(), 1);
}
