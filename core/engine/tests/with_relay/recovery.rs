//! What could not be read comes back from the device that sent it, whatever broke; and costs no more than a few requests.

use crate::account::link;
use crate::device::{Device, user};
use crate::relay::{Relay, mismatch, no};
use sealwire_crypto::device::ListChange;
use sealwire_engine::{Event, Input, TransportFailure};
use sealwire_store::{
    MessageKind, MessageState, NewControl, NewMessage, NewUnreadRow, PrekeyKind, Transaction,
};
use sealwire_wire::contract::{
    ControlMessage, DeviceMismatch, DeviceName, EnvelopeType, ErrorCode, MessageRow, ServerEvent,
};
use sealwire_wire::{DeviceId, ThreadId};

const HOUR_MS: u64 = 60 * 60 * 1000;

/// Alice and bob, who have talked in both directions and are caught up.
fn acquainted(relay: &mut Relay) -> (Device, Device) {
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "first");
    alice.deliver(relay);
    alice.send(relay, "bob", "second");
    bob.deliver(relay);
    bob.send(relay, "alice", "third");
    alice.deliver(relay);
    alice.caught_up(relay);
    bob.caught_up(relay);
    assert_eq!(alice.texts("bob"), ["first", "second", "third"]);
    (alice, bob)
}

/// Time for everything that is asked, answered and delivered at once.
fn settle(relay: &mut Relay, alice: &mut Device, bob: &mut Device) {
    for _ in 0..6 {
        alice.deliver(relay);
        bob.deliver(relay);
        alice.pass(relay, 1_000);
        bob.pass(relay, 1_000);
    }
}

fn first_device(of: &str) -> DeviceName {
    DeviceName {
        user_id: user(of),
        device_id: DeviceId::FIRST,
    }
}

fn lose_session(tx: &mut Transaction<'_>, with: &str) {
    tx.delete_sessions(&user(with), DeviceId::FIRST).unwrap();
}

fn spoil_session(tx: &mut Transaction<'_>, with: &str) {
    let held = tx.session(&user(with), DeviceId::FIRST).unwrap().unwrap();
    let spoilt: Vec<u8> = held.record.iter().map(|byte| byte ^ 0x5a).collect();
    tx.save_session(&user(with), DeviceId::FIRST, Some(held.version), &spoilt)
        .unwrap();
}

/// Who told whom, in order.
fn told(relay: &Relay) -> Vec<(String, String)> {
    let of = |name: &DeviceName| format!("{}/{}", name.user_id, name.device_id);
    let told = relay.told.iter().flat_map(|(from, _, control)| {
        control.to.iter().map(move |to| {
            let to = DeviceName {
                user_id: to.user_id.clone(),
                device_id: to.device_id,
            };
            (of(from), of(&to))
        })
    });
    told.collect()
}

fn asks(relay: &Relay, from: &str) -> usize {
    let from = first_device(from);
    relay.told.iter().filter(|(who, ..)| *who == from).count()
}

fn recovered(device: &Device) -> usize {
    let recovered = |event: &&Event| matches!(event, Event::MessageRecovered(_));
    device.events.iter().filter(recovered).count()
}

/// Both see the same, nothing waits, and both can go on: also when each is opened anew.
fn all_is_well(relay: &mut Relay, mut alice: Device, mut bob: Device, expected: &[&str]) {
    assert_eq!(alice.texts("bob"), expected);
    assert_eq!(bob.texts("alice"), expected);
    for (round, text) in ["on", "we go"].into_iter().enumerate() {
        alice.send(relay, "bob", text);
        bob.deliver(relay);
        bob.send(relay, "alice", text);
        alice.deliver(relay);
        let told_so_far = relay.told.len();
        alice = alice.after_surgery(relay, 100 + round as u64, |_| {});
        bob = bob.after_surgery(relay, 200 + round as u64, |_| {});
        settle(relay, &mut alice, &mut bob);
        assert_eq!(relay.told.len(), told_so_far, "nothing is left to ask");
    }
    let expected: Vec<_> = expected
        .iter()
        .copied()
        .chain(["on", "on", "we go", "we go"])
        .collect();
    assert_eq!(alice.texts("bob"), expected);
    assert_eq!(bob.texts("alice"), expected);
    for device in [&alice, &bob] {
        let store = device.engine.store();
        assert_eq!(store.count_unread_rows().unwrap(), 0);
        assert!(store.outgoing_controls(9).unwrap().is_empty());
    }
}

#[test]
fn a_session_lost_at_the_receiver_is_repaired_with_one_request() {
    for spoil in [lose_session, spoil_session] {
        let relay = &mut Relay::default();
        let (mut alice, bob) = acquainted(relay);
        let mut bob = bob.after_surgery(relay, 3, |tx| spoil(tx, "alice"));
        for text in ["a", "b", "c"] {
            alice.send(relay, "bob", text);
        }
        let queue = relay.queues.remove(&bob.name()).unwrap();
        bob.take_rows(relay, queue.into());
        assert_eq!(bob.texts("alice")[3..], ["<no_session>"; 3]);
        let unread = |bob: &Device| bob.engine.store().count_unread().unwrap();
        let counted = unread(&bob);
        settle(relay, &mut alice, &mut bob);
        assert_eq!(recovered(&bob), 3);
        assert_eq!(unread(&bob), counted, "each is counted once");
        assert_eq!(
            told(relay),
            [
                ("bob/1".to_owned(), "alice/1".to_owned()),
                ("alice/1".to_owned(), "bob/1".to_owned()),
            ]
        );
        all_is_well(
            relay,
            alice,
            bob,
            &["first", "second", "third", "a", "b", "c"],
        );
    }
}

#[test]
fn a_session_lost_at_the_sender_is_begun_anew() {
    for spoil in [lose_session, spoil_session] {
        let relay = &mut Relay::default();
        let (alice, mut bob) = acquainted(relay);
        let mut alice = alice.after_surgery(relay, 3, |tx| spoil(tx, "bob"));
        alice.send(relay, "bob", "new");
        bob.send(relay, "alice", "old");
        settle(relay, &mut alice, &mut bob);
        all_is_well(
            relay,
            alice,
            bob,
            &["first", "second", "third", "new", "old"],
        );
    }
}

#[test]
fn both_sides_reset_at_once_recover_each_other() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = acquainted(relay);
    alice.send(relay, "bob", "a1");
    bob.send(relay, "alice", "b1");
    let mut alice = alice.after_surgery(relay, 3, |tx| lose_session(tx, "bob"));
    let mut bob = bob.after_surgery(relay, 4, |tx| lose_session(tx, "alice"));
    alice.send(relay, "bob", "a2");
    bob.send(relay, "alice", "b2");
    for device in [&mut alice, &mut bob] {
        let queue = relay.queues.remove(&device.name()).unwrap();
        device.take_rows(relay, queue.into());
    }
    // Both hold the session that they began.
    assert_eq!(bob.texts("alice")[3], "<envelope_tampered>");
    settle(relay, &mut alice, &mut bob);
    assert_eq!((recovered(&alice), recovered(&bob)), (1, 1));
    let all = ["first", "second", "third", "a1", "b1", "a2", "b2"];
    all_is_well(relay, alice, bob, &all);
}

/// Alice's first words to bob come while the one-time prekey that they name is gone.
#[test]
fn recovery_works_when_the_first_session_was_the_broken_one() {
    let relay = &mut Relay::default();
    let mut alice = Device::registered(relay, "alice", 1);
    let bob = Device::registered(relay, "bob", 2);
    let mut bob = bob.after_surgery(relay, 3, |tx| {
        let ids = tx.prekey_ids(PrekeyKind::OneTime).unwrap();
        for id in 1..ids.next {
            tx.delete_one_time_prekey(id).unwrap();
        }
    });
    alice.send(relay, "bob", "hello");
    alice.send(relay, "bob", "anybody there");
    bob.deliver(relay);
    assert_eq!(bob.texts("alice"), ["<prekey_missing>"; 2]);
    settle(relay, &mut alice, &mut bob);
    assert_eq!(recovered(&bob), 2);
    all_is_well(relay, alice, bob, &["hello", "anybody there"]);
}

#[test]
fn a_request_that_was_lost_is_made_again_later() {
    let relay = &mut Relay::default();
    let (mut alice, bob) = acquainted(relay);
    let mut bob = bob.after_surgery(relay, 3, |tx| lose_session(tx, "alice"));
    alice.send(relay, "bob", "a");
    bob.deliver(relay);
    bob.pass(relay, 5_000);
    assert_eq!(asks(relay, "bob"), 1);
    relay.controls.clear();
    bob.pass(relay, HOUR_MS);
    assert_eq!(asks(relay, "bob"), 1);
    let mut bob = bob.after_surgery(relay, 4, |_| {});
    bob.pass(relay, 6 * HOUR_MS);
    assert_eq!(asks(relay, "bob"), 2);
    settle(relay, &mut alice, &mut bob);
    all_is_well(relay, alice, bob, &["first", "second", "third", "a"]);
}

#[test]
fn requests_and_answers_that_come_twice_late_and_in_reverse_do_no_harm() {
    let relay = &mut Relay::default();
    let (mut alice, bob) = acquainted(relay);
    let mut bob = bob.after_surgery(relay, 3, |tx| lose_session(tx, "alice"));
    alice.send(relay, "bob", "a");
    alice.send(relay, "bob", "b");
    let mut seen = Vec::new();
    for (seed, row) in (50..).zip(relay.queues.remove(&bob.name()).unwrap()) {
        bob = bob.after_surgery(relay, seed, |tx| lose_session(tx, "alice"));
        bob.take_rows(relay, vec![row]);
        bob.pass(relay, 5_000);
        let requests = relay.controls.remove(&alice.name()).unwrap();
        for request in requests.iter().chain(&requests) {
            alice.take_control(relay, request.clone());
        }
        alice.pass(relay, 5_000);
        seen.extend(requests);
    }
    let answers = relay.controls.remove(&bob.name()).unwrap();
    assert_eq!((seen.len(), answers.len()), (2, 2));
    for answer in answers.iter().rev().chain(&answers) {
        bob.take_control(relay, answer.clone());
    }
    assert_eq!(recovered(&bob), 2);
    let mut alice = alice.after_surgery(relay, 5, |_| {});
    for request in seen.iter().rev() {
        alice.take_control(relay, request.clone());
    }
    settle(relay, &mut alice, &mut bob);
    assert_eq!(told(relay).len(), 4, "each was answered once");
    all_is_well(relay, alice, bob, &["first", "second", "third", "a", "b"]);
}

#[test]
fn a_control_message_keeps_its_bytes_and_its_key_through_failures_and_restarts() {
    let relay = &mut Relay::default();
    let (mut alice, bob) = acquainted(relay);
    let mut bob = bob.after_surgery(relay, 3, |tx| lose_session(tx, "alice"));
    alice.send(relay, "bob", "a");
    relay.instead = Some(Box::new(|request| {
        (request.path == "/v1/control").then(|| no(ErrorCode::Unavailable))
    }));
    bob.deliver(relay);
    bob.pass(relay, 20_000);
    let mut bob = bob.after_surgery(relay, 4, |_| {});
    bob.pass(relay, 60_000);
    relay.instead = None;
    bob.pass(relay, 60_000);
    // The answer to the last one is lost: the relay gets it once more, and delivers it once.
    let tries = relay.told.len();
    assert!(tries > 3);
    assert!(relay.told.iter().all(|told| *told == relay.told[0]));
    assert_eq!(relay.controls[&alice.name()].len(), 1);
    settle(relay, &mut alice, &mut bob);
    all_is_well(relay, alice, bob, &["first", "second", "third", "a"]);
}

#[test]
fn an_answer_that_was_lost_on_its_way_to_the_client_makes_no_second_control_message() {
    let relay = &mut Relay::default();
    let (mut alice, bob) = acquainted(relay);
    let mut bob = bob.after_surgery(relay, 3, |tx| lose_session(tx, "alice"));
    alice.send(relay, "bob", "a");
    let queue = relay.queues.remove(&bob.name()).unwrap();
    let frames = queue.into_iter().map(|row| {
        bob.frame(ServerEvent::Msg {
            message: Box::new(row),
        })
    });
    let frames: Vec<_> = frames.collect();
    bob.hand_in(Input::Socket(sealwire_engine::SocketInput::Frames(frames)));
    while let Some(request) = bob.requests.pop_front() {
        let answer = relay.answer(&request);
        let result = if request.path == "/v1/control" && relay.told.len() == 1 {
            let detail = "cut off".to_owned();
            Err(TransportFailure { detail })
        } else {
            Ok(answer)
        };
        bob.hand_in(Input::Response {
            id: request.id,
            result,
        });
    }
    bob.pass(relay, 5_000);
    assert_eq!(relay.told.len(), 2);
    assert_eq!(relay.controls[&alice.name()].len(), 1);
    settle(relay, &mut alice, &mut bob);
    all_is_well(relay, alice, bob, &["first", "second", "third", "a"]);
}

#[test]
fn a_control_message_for_a_device_that_is_not_live_is_dropped() {
    let relay = &mut Relay::default();
    let (mut alice, bob) = acquainted(relay);
    let mut bob = bob.after_surgery(relay, 3, |tx| lose_session(tx, "alice"));
    alice.send(relay, "bob", "a");
    relay.instead = Some(Box::new(|request| {
        (request.path == "/v1/control").then(|| {
            mismatch(DeviceMismatch {
                extra: vec![first_device("alice")],
                ..DeviceMismatch::default()
            })
        })
    }));
    bob.deliver(relay);
    bob.pass(relay, 10_000);
    assert_eq!(relay.told.len(), 1);
    assert!(bob.engine.store().outgoing_controls(9).unwrap().is_empty());
    assert_eq!(bob.texts("alice")[3..], ["<no_session>"]);
}

/// Bob's second device stands before a message that was never wrapped for it, as if it had been delivered there.
fn pretend_delivered(tx: &mut Transaction<'_>, thread: ThreadId, number: u64) {
    let placeholder = NewMessage {
        thread,
        sender: user("alice"),
        sender_device: DeviceId::FIRST,
        client_seq: sealwire_wire::ClientSeq(number),
        revision: 0,
        message_id: Some(sealwire_wire::MessageId::from_parts(1, 7)),
        uid: None,
        kind: MessageKind::Placeholder,
        state: MessageState::Unreadable,
        reason: Some("no_session".to_owned()),
        content: None,
        text: None,
        commitment: None,
        stamp: None,
        digest: None,
        prev: None,
        created_at: Some(sealwire_wire::Timestamp(7)),
        local_at: sealwire_wire::Timestamp(7),
    };
    let local_id = tx.insert_message(&placeholder).unwrap().local_id();
    tx.keep_unread_row(&NewUnreadRow {
        local_id,
        user: user("alice"),
        device: DeviceId::FIRST,
        row: None,
        received_at: sealwire_wire::Timestamp(7),
    })
    .unwrap();
}

/// Alice, bob's two devices, and a message of alice's from before the second one.
fn with_second_device(relay: &mut Relay) -> (Device, Device, Device, ThreadId) {
    let (mut alice, mut bob) = acquainted(relay);
    let thread = alice.thread_with("bob");
    let mut tablet = Device::new(7);
    tablet.now = bob.now;
    assert!(link(relay, &mut bob, &mut tablet).unwrap().is_ok());
    tablet.caught_up(relay);
    alice.send(relay, "bob", "to both");
    settle(relay, &mut alice, &mut tablet);
    assert_eq!(tablet.texts("alice"), ["to both"]);
    (alice, bob, tablet, thread)
}

#[test]
fn a_device_gets_nothing_of_a_message_that_was_not_wrapped_for_it() {
    let relay = &mut Relay::default();
    let (mut alice, _bob, tablet, thread) = with_second_device(relay);
    let mut tablet = tablet.after_surgery(relay, 8, |tx| pretend_delivered(tx, thread, 1));
    settle(relay, &mut alice, &mut tablet);
    assert_eq!(
        told(relay),
        [
            ("bob/2".to_owned(), "alice/1".to_owned()),
            ("alice/1".to_owned(), "bob/2".to_owned()),
        ]
    );
    assert!(
        tablet
            .texts("alice")
            .contains(&"<no_longer_held>".to_owned())
    );
    assert_eq!(recovered(&tablet), 0);
    assert_eq!(tablet.engine.store().count_unread_rows().unwrap(), 0);
}

#[test]
fn a_device_that_was_removed_gets_no_answer() {
    let relay = &mut Relay::default();
    let (mut alice, bob, tablet, thread) = with_second_device(relay);
    let list = bob.next_list(ListChange {
        put: Vec::new(),
        remove: vec![2],
    });
    relay.publish(&user("bob"), &list);
    let changed = alice.frame(ServerEvent::Devices {
        user_id: user("bob"),
        version: list_version(&alice) + 1,
    });
    alice.take_frames(relay, vec![changed]);
    assert_eq!(list_version(&alice), 3);
    // It does not know yet.
    let mut tablet = tablet.after_surgery(relay, 8, |tx| pretend_delivered(tx, thread, 2));
    settle(relay, &mut alice, &mut tablet);
    assert_eq!(told(relay), [("bob/2".to_owned(), "alice/1".to_owned())]);
    assert!(
        alice
            .engine
            .store()
            .outgoing_controls(9)
            .unwrap()
            .is_empty()
    );
}

fn list_version(device: &Device) -> u64 {
    let newest = device.engine.store().newest_list(&user("bob")).unwrap();
    newest.unwrap().version
}

#[test]
fn a_flood_of_unreadable_frames_costs_three_requests_and_then_one_an_hour() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = acquainted(relay);
    alice.send(relay, "bob", "true");
    let row = relay
        .queues
        .remove(&bob.name())
        .unwrap()
        .pop_back()
        .unwrap();
    for hour in 0..10u64 {
        for frame in 0..30u64 {
            let mut forged = row.clone();
            forged.client_seq.0 += 1 + hour * 100 + frame;
            forged.id = sealwire_wire::MessageId::from_parts(50_000 + hour * 100 + frame, 0);
            let body = &mut forged.envelope.as_mut().unwrap().body.0;
            *body.last_mut().unwrap() ^= 1;
            bob.take_rows(relay, vec![forged]);
            bob.pass(relay, 1_000);
        }
        bob.pass(relay, HOUR_MS - 30_000);
    }
    let asked = asks(relay, "bob");
    assert!((3..=13).contains(&asked), "{asked}");
    assert!(bob.engine.store().count_unread_rows().unwrap() <= 300);
    bob.take_rows(relay, vec![row]);
    assert!(bob.texts("alice").contains(&"true".to_owned()));
    settle(relay, &mut alice, &mut bob);
    assert!(asks(relay, "alice") <= asked);
}

#[test]
fn a_relay_that_corrupts_every_frame_holds_up_what_it_corrupts_and_no_more() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = acquainted(relay);
    let corrupt = |body: &mut Vec<u8>| *body.last_mut().unwrap() ^= 1;
    for text in ["a", "b", "c", "d"] {
        alice.send(relay, "bob", text);
        for mut row in relay.queues.remove(&bob.name()).unwrap_or_default() {
            corrupt(&mut row.envelope.as_mut().unwrap().body.0);
            corrupt(&mut row.ciphertext.0);
            bob.take_rows(relay, vec![row]);
        }
        bob.pass(relay, HOUR_MS / 2);
        for device in [&mut alice, &mut bob] {
            for mut control in relay.controls.remove(&device.name()).unwrap_or_default() {
                corrupt(&mut control.envelope.body.0);
                device.take_control(relay, control);
            }
            device.pass(relay, 1_000);
        }
    }
    let unread = bob.texts("alice").split_off(3);
    assert!(unread.len() == 4 && unread.iter().all(|text| text.starts_with('<')));
    // Now it is honest. What is asked for and answered opens the rows that it has, not those that it delivered.
    for _ in 0..40 {
        settle(relay, &mut alice, &mut bob);
        alice.pass(relay, HOUR_MS);
        bob.pass(relay, HOUR_MS);
    }
    assert_eq!(recovered(&bob), 4);
    all_is_well(
        relay,
        alice,
        bob,
        &["first", "second", "third", "a", "b", "c", "d"],
    );
}

#[test]
fn what_the_sender_no_longer_has_says_so() {
    let relay = &mut Relay::default();
    let (mut alice, bob) = acquainted(relay);
    let mut bob = bob.after_surgery(relay, 3, |tx| lose_session(tx, "alice"));
    alice.send(relay, "bob", "a");
    let mut alice = alice.after_surgery(relay, 4, |tx| {
        tx.prune_send_log(sealwire_wire::Timestamp(u64::MAX / 2))
            .unwrap();
    });
    settle(relay, &mut alice, &mut bob);
    assert_eq!(bob.texts("alice")[3..], ["<no_longer_held>"]);
    let told = |event: &Event| matches!(event, Event::MessageUnreadable(_));
    assert_eq!(bob.events.iter().filter(|event| told(event)).count(), 2);
}

#[test]
fn a_listed_device_that_missed_the_account_key_gets_it_from_an_own_device() {
    let relay = &mut Relay::default();
    let (_alice, mut bob, tablet, _thread) = with_second_device(relay);
    bob.caught_up(relay);
    let mut tablet = tablet.after_surgery(relay, 8, |tx| {
        let mut account = tx.account().unwrap().unwrap();
        account.account_secret = None;
        tx.save_account(&account).unwrap();
    });
    settle(relay, &mut bob, &mut tablet);
    let secret = |device: &Device| {
        device
            .engine
            .store()
            .account()
            .unwrap()
            .unwrap()
            .account_secret
    };
    assert_eq!(secret(&tablet), secret(&bob));
    assert!(secret(&tablet).is_some());
    // It can let others in now, without a restart.
    let mut phone = Device::new(9);
    phone.now = tablet.now;
    assert!(link(relay, &mut tablet, &mut phone).unwrap().is_ok());
    let mut tablet = tablet.after_surgery(relay, 10, |_| {});
    let so_far = relay.told.len();
    tablet.pass(relay, HOUR_MS);
    assert_eq!(relay.told.len(), so_far);
}

#[test]
fn an_envelope_delivered_as_a_control_message_opens_in_its_own_place_later() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = acquainted(relay);
    alice.send(relay, "bob", "a");
    let row = relay.queues.remove(&bob.name()).unwrap().remove(0).unwrap();
    let misplaced = ControlMessage {
        id: row.id,
        sender_id: row.sender_id.clone(),
        sender_device_id: row.sender_device_id,
        envelope: row.envelope.clone().unwrap(),
        created_at: row.created_at,
    };
    bob.take_control(relay, misplaced);
    assert!(bob.is_acknowledged());
    bob.take_rows(relay, vec![row]);
    settle(relay, &mut alice, &mut bob);
    assert!(relay.told.is_empty());
    all_is_well(relay, alice, bob, &["first", "second", "third", "a"]);
}

#[test]
fn a_control_message_delivered_as_a_message_is_heeded_in_its_own_place_later() {
    let relay = &mut Relay::default();
    let (mut alice, bob) = acquainted(relay);
    let mut bob = bob.after_surgery(relay, 3, |tx| lose_session(tx, "alice"));
    alice.send(relay, "bob", "a");
    let row = relay.queues[&bob.name()][0].clone();
    bob.deliver(relay);
    bob.pass(relay, 5_000);
    let request = relay.controls.remove(&alice.name()).unwrap();
    let request = request[0].clone();
    let misplaced = MessageRow {
        id: sealwire_wire::MessageId::from_parts(90_000, 0),
        sender_id: request.sender_id.clone(),
        client_seq: sealwire_wire::ClientSeq(900),
        envelope: Some(request.envelope.clone()),
        ..row
    };
    alice.take_rows(relay, vec![misplaced]);
    assert!(alice.texts("bob").contains(&"<malformed>".to_owned()));
    alice.take_control(relay, request);
    settle(relay, &mut alice, &mut bob);
    assert_eq!(recovered(&bob), 1);
    assert_eq!(bob.texts("alice"), ["first", "second", "third", "a"]);
}

/// As many as are on their way at once, and more, wait for somebody whose list the relay does not show.
#[test]
fn what_waits_for_one_users_list_holds_up_no_recovery_from_another() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = acquainted(relay);
    let mut carol = Device::registered(relay, "carol", 5);
    carol.send(relay, "alice", "from carol");
    // Bob's next list is his alone: what he sends names it, and the relay never shows it.
    let next = bob.next_list(ListChange {
        put: Vec::new(),
        remove: Vec::new(),
    });
    relay.publish(&user("bob"), &next);
    let changed = bob.frame(ServerEvent::Devices {
        user_id: user("bob"),
        version: 2,
    });
    bob.take_frames(relay, vec![changed]);
    bob.send(relay, "alice", "under a list that nobody sees");
    relay.lists.get_mut(&user("bob")).unwrap().pop();
    alice.deliver(relay);
    let rolled_back = Event::DeviceListRollback {
        user_id: user("bob"),
    };
    assert!(alice.events.contains(&rolled_back));
    let registration_id = relay.registered[&first_device("bob")].registration_id;
    let mut alice = alice.after_surgery(relay, 6, |tx| {
        for number in 0..10u8 {
            tx.queue_control(&NewControl {
                user: user("bob"),
                device: DeviceId::FIRST,
                registration_id,
                kind: EnvelopeType::Ratchet,
                body: vec![number; 40],
                idempotency_key: format!("to-bob-{number}").parse().unwrap(),
                created_at: sealwire_wire::Timestamp(1_800_000_000_000),
            })
            .unwrap();
        }
        lose_session(tx, "carol");
    });
    carol.send(relay, "alice", "unread");
    relay.told.clear();
    settle(relay, &mut alice, &mut carol);
    let waiting = alice.engine.store().outgoing_controls(99).unwrap();
    let for_bob = waiting
        .iter()
        .filter(|one| one.control.user == user("bob"))
        .count();
    assert!(recovered(&alice) > 0, "{:?}", told(relay));
    assert_eq!(for_bob, 10, "and these wait still");
    // Nor does it turn in circles for them.
    let asked = relay.told.len();
    alice.pass(relay, HOUR_MS);
    assert_eq!(relay.told.len(), asked);
}
