//! What waits for a device list comes before what needs no wait any more, though the process ended or the disk was full between
//! the commit of the list and theirs.

use crate::device::Device;
use crate::relay::{Relay, no, ok};
use sealwire_engine::{Call, Event, Input, SocketInput};
use sealwire_wire::contract::{
    ErrorCode, MessagePage, MessageRow, Removal, RemovalReason, ServerEvent,
};
use std::collections::VecDeque;

/// Bob's texts to Alice, the first of which waits parked in her store; his list is there, and its commit was the last that the
/// disk took.
fn list_without_what_waited_for_it(relay: &mut Relay) -> (Device, VecDeque<MessageRow>) {
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    for text in ["first", "second", "third"] {
        bob.send(relay, "alice", text);
    }
    let mut rows = relay.queues.remove(&alice.name()).unwrap();
    keep_lists_back(relay);
    alice.take_rows(relay, vec![rows.pop_front().unwrap()]);
    assert_eq!(alice.engine.store().count_parked().unwrap(), 1);

    relay.instead = None;
    alice.now = alice.now.plus_ms(60_000);
    alice.hand_in(Input::Tick);
    let asks = alice.requests.pop_front().unwrap();
    assert!(asks.path.starts_with("/v1/users/bob/devices"));
    alice.engine.store().refuse_commits_after(Some(1));
    let result = Ok(relay.answer(&asks));
    alice.hand_in(Input::Response {
        id: asks.id,
        result,
    });
    alice.engine.store().refuse_commits_after(None);
    let store = alice.engine.store();
    assert!(store.newest_list(&bob.name().user_id).unwrap().is_some());
    assert_eq!(store.count_parked().unwrap(), 1);
    keep_lists_back(relay);
    (alice, rows)
}

fn keep_lists_back(relay: &mut Relay) {
    relay.instead = Some(Box::new(|request| {
        let asks = request.path.starts_with("/v1/users/bob/devices");
        asks.then(|| no(ErrorCode::Unavailable))
    }));
}

fn takes_them_in_order(mut alice: Device, rows: VecDeque<MessageRow>, relay: &mut Relay) {
    for row in rows {
        alice.take_rows(relay, vec![row]);
        assert!(alice.is_acknowledged());
    }
    let received = alice.events.iter().filter_map(|event| match event {
        Event::MessageReceived(message) => message.text(),
        _ => None,
    });
    assert_eq!(
        received.collect::<Vec<_>>(),
        ["first", "second", "third"],
        "{:?}",
        alice.events
    );
    let is_wrong = |event: &Event| {
        matches!(
            event,
            Event::MessageReordered { .. } | Event::MessageMissing { .. }
        )
    };
    assert!(!alice.events.iter().any(is_wrong), "{:?}", alice.events);
    assert_eq!(alice.engine.store().count_parked().unwrap(), 0);
    let cold = alice.restarted(9);
    assert_eq!(cold.texts("bob"), ["first", "second", "third"]);
}

#[test]
fn after_the_process_ended() {
    let relay = &mut Relay::default();
    let (alice, rows) = list_without_what_waited_for_it(relay);
    let mut alice = alice.restarted_at_its_time(8);
    alice.run(relay);
    takes_them_in_order(alice, rows, relay);
}

#[test]
fn once_the_disk_has_room_again() {
    let relay = &mut Relay::default();
    let (alice, rows) = list_without_what_waited_for_it(relay);
    takes_them_in_order(alice, rows, relay);
}

#[test]
fn while_the_disk_is_full_nothing_overtakes_them_and_nothing_is_acknowledged() {
    let relay = &mut Relay::default();
    let (mut alice, rows) = list_without_what_waited_for_it(relay);
    alice.engine.store().refuse_commits_after(Some(0));
    let closed = alice.sockets_closed;
    alice.take_rows(relay, vec![rows[0].clone()]);
    assert!(!alice.is_acknowledged());
    assert_eq!(alice.sockets_closed, closed + 1);
    alice.engine.store().refuse_commits_after(None);
    let mut alice = alice.restarted_at_its_time(8);
    alice.run(relay);
    takes_them_in_order(alice, rows, relay);
}

#[test]
fn lists_that_the_disk_did_not_take_are_asked_for_when_it_takes_a_message_that_waits_for_them() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "first");
    bob.send(relay, "alice", "second");
    let rows = relay.queues.remove(&alice.name()).unwrap();
    keep_lists_back(relay);
    alice.take_rows(relay, vec![rows[0].clone()]);
    relay.instead = None;
    // The relay answers each time, and the disk is full each time.
    for _ in 0..7 {
        alice.now = alice.now.plus_ms(61_000);
        alice.hand_in(Input::Tick);
        alice.engine.store().refuse_commits_after(Some(0));
        alice.run(relay);
        alice.engine.store().refuse_commits_after(None);
    }
    assert!(alice.texts("bob").is_empty());
    alice.take_rows(relay, vec![rows[1].clone()]);
    assert_eq!(alice.restarted(9).texts("bob"), ["first", "second"]);
}

#[test]
fn what_still_needs_the_network_stays_parked_once_and_holds_nobody_else_up() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    let mut carol = Device::registered(relay, "carol", 3);
    carol.send(relay, "alice", "from carol");
    alice.deliver(relay);
    bob.send(relay, "alice", "from bob");
    carol.send(relay, "alice", "again");
    let rows = relay.queues.remove(&alice.name()).unwrap();
    keep_lists_back(relay);
    alice.take_rows(relay, vec![rows[0].clone()]);
    let mut alice = alice.restarted_at_its_time(8);
    alice.run(relay);
    alice.take_rows(relay, vec![rows[1].clone()]);
    assert_eq!(alice.texts("carol"), ["from carol", "again"]);
    assert_eq!(alice.engine.store().count_parked().unwrap(), 1);
    assert!(alice.is_acknowledged());
    relay.instead = None;
    alice.pass(relay, 120_000);
    assert_eq!(alice.engine.store().count_parked().unwrap(), 0);
    assert_eq!(alice.restarted(9).texts("bob"), ["from bob"]);
}

#[test]
fn what_waits_parked_is_not_told_of_as_over_when_history_names_it_without_its_envelope() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    relay.clock = alice.now.0;
    bob.send(relay, "alice", "words");
    let row = relay
        .queues
        .remove(&alice.name())
        .unwrap()
        .remove(0)
        .unwrap();
    let thread = alice.thread_with("bob");
    let without_envelope = MessageRow {
        envelope: None,
        ..row.clone()
    };
    // Acknowledged is deleted: the relay has no envelope of it for her any more.
    relay.instead = Some(Box::new(move |request| {
        if request.path.starts_with("/v1/users/bob/devices") {
            return Some(no(ErrorCode::Unavailable));
        }
        request.path.contains("?since=").then(|| {
            ok(&MessagePage {
                messages: vec![without_envelope.clone()],
                next_cursor: Some("end".to_owned()),
                has_more: false,
            })
        })
    }));
    alice.take_rows(relay, vec![row]);
    assert!(alice.is_acknowledged());
    alice.call(Call::SyncThread { thread });
    alice.run(relay);
    assert!(alice.texts("bob").is_empty(), "{:?}", alice.texts("bob"));
    relay.instead = None;
    alice.pass(relay, 120_000);
    let told = |event: &&Event| {
        matches!(
            event,
            Event::MessageUnreadable(_) | Event::MessageRecovered(_)
        )
    };
    assert_eq!(alice.events.iter().find(told), None);
    assert_eq!(alice.engine.store().count_parked().unwrap(), 0);
    assert_eq!(alice.restarted(9).texts("bob"), ["words"]);
}

#[test]
fn what_says_that_one_of_them_is_over_waits_with_them() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    for text in ["first", "over", "third"] {
        bob.send(relay, "alice", text);
    }
    let mut rows = relay.queues.remove(&alice.name()).unwrap();
    rows[1].removed = Some(Removal {
        reason: RemovalReason::Expired,
        at: alice.now,
    });
    rows[1].envelope = None;
    let third = rows.pop_back().unwrap();
    keep_lists_back(relay);
    alice.take_rows(relay, rows.into());
    assert!(alice.is_acknowledged());
    let mut alice = alice.restarted_at_its_time(8);
    relay.instead = None;
    alice.pass(relay, 60_000);
    alice.take_rows(relay, vec![third]);
    let is_missing = |event: &Event| matches!(event, Event::MessageMissing { .. });
    assert!(!alice.events.iter().any(is_missing), "{:?}", alice.events);
    assert_eq!(alice.engine.store().count_parked().unwrap(), 0);
    let cold = alice.restarted(9);
    assert_eq!(cold.texts("bob"), ["first", "<removed>", "third"]);
}

#[test]
fn what_names_a_newer_list_is_not_judged_by_an_answer_that_was_asked_for_before_it_came() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    alice.queue("bob", "hello");
    alice.carry_out();
    let asked = alice.requests.pop_front().unwrap();
    assert!(asked.path.starts_with("/v1/users/bob/devices"));
    let before = relay.answer(&asked);

    crate::account::link(relay, &mut bob, &mut Device::new(3));
    bob.send(relay, "alice", "of the second list");
    let rows = relay.queues.remove(&alice.name()).unwrap();
    let frames = rows.into_iter().map(|row| {
        let message = Box::new(row);
        alice.frame(ServerEvent::Msg { message })
    });
    let frames = frames.collect();
    alice.hand_in(Input::Socket(SocketInput::Frames(frames)));
    alice.hand_in(Input::Response {
        id: asked.id,
        result: Ok(before),
    });
    alice.run(relay);
    let is_harm = |event: &Event| {
        matches!(
            event,
            Event::DeviceListRollback { .. } | Event::MessageUnreadable(_)
        )
    };
    assert!(!alice.events.iter().any(is_harm), "{:?}", alice.events);
    let cold = alice.restarted(9);
    assert_eq!(cold.texts("bob"), ["of the second list", "hello"]);
}

#[test]
fn what_a_list_opens_is_shown_with_it_though_a_newer_one_is_still_to_come() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "of the first list");
    alice.queue("bob", "hello");
    alice.carry_out();
    let asked = alice.requests.pop_front().unwrap();
    assert!(asked.path.starts_with("/v1/users/bob/devices"));
    let before = relay.answer(&asked);

    crate::account::link(relay, &mut bob, &mut Device::new(3));
    bob.send(relay, "alice", "of the second list");
    let rows = relay.queues.remove(&alice.name()).unwrap();
    let frames = rows.into_iter().map(|row| {
        let message = Box::new(row);
        alice.frame(ServerEvent::Msg { message })
    });
    let frames = frames.collect();
    alice.hand_in(Input::Socket(SocketInput::Frames(frames)));
    keep_lists_back(relay);
    alice.hand_in(Input::Response {
        id: asked.id,
        result: Ok(before),
    });
    alice.run(relay);
    assert_eq!(alice.texts("bob"), ["of the first list", "hello"]);
    relay.instead = None;
    alice.pass(relay, 120_000);
    let cold = alice.restarted(9);
    let all = ["of the first list", "of the second list", "hello"];
    assert_eq!(cold.texts("bob"), all);
}
