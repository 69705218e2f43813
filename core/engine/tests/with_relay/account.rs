//! Becoming a device: what was begun and came to nothing stands in nobody's way.

use crate::device::{Device, user};
use crate::relay::Relay;
use sealwire_crypto::device::ListChange;
use sealwire_engine::{
    Call, CallId, EngineError, Event, HttpRequest, Input, Reply, TransportFailure,
};
use sealwire_store::AccountState;
use sealwire_wire::contract::{ErrorCode, ServerEvent};

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
