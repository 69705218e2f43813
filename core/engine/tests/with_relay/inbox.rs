//! What was read, on which device, and when the relay is told; what is unread, and what this account wants of a thread.

use crate::account::link;
use crate::device::{Device, user};
use crate::marks::{read, tell};
use crate::relay::{Relay, no, ok};
use sealwire_engine::{
    Call, Engine, EngineError, Event, HttpMethod, Input, Message, Reply, SocketInput,
};
use sealwire_wire::contract::{
    AccountSettings, Blocks, ErrorCode, MarkRead, Notifications, ServerEvent, ThreadPreferences,
};
use sealwire_wire::{MessageId, ThreadId, Timestamp};
use std::cell::RefCell;
use std::rc::Rc;

fn thread() -> ThreadId {
    ThreadId::direct(&user("alice"), &user("bob"))
}

/// Alice, to whom bob has written that many messages, and the ids of those.
fn bob_wrote(relay: &mut Relay, count: usize) -> (Device, Device, Vec<MessageId>) {
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    for number in 0..count {
        bob.send(relay, "alice", &format!("number {number}"));
    }
    alice.deliver(relay);
    let page = alice.engine.store().page(thread(), None, 100).unwrap();
    let mut ids: Vec<_> = page
        .iter()
        .filter_map(|message| message.message_id)
        .collect();
    ids.reverse();
    alice.events.clear();
    (alice, bob, ids)
}

fn unread(device: &Device) -> u64 {
    let row = device.engine.store().inbox_thread(thread()).unwrap();
    row.unwrap().unread
}

fn mark_read(device: &mut Device, up_to: Option<MessageId>) {
    let thread = thread();
    let call = device.call(Call::MarkRead { thread, up_to });
    assert!(matches!(device.result(call), Some(Ok(Reply::Nothing))));
}

/// The marks that the relay is told from now on; it takes them if it may.
fn told(relay: &mut Relay, takes: Rc<RefCell<bool>>) -> Rc<RefCell<Vec<MessageId>>> {
    let told = Rc::new(RefCell::new(Vec::new()));
    let marks = Rc::clone(&told);
    relay.instead = Some(Box::new(move |request| {
        if !request.path.ends_with("/read") {
            return None;
        }
        if !*takes.borrow() {
            return Some(no(ErrorCode::Unavailable));
        }
        let mark: MarkRead = serde_json::from_slice(request.body.as_deref()?).ok()?;
        marks.borrow_mut().push(mark.up_to_msg_id);
        Some(ok(&()))
    }));
    told
}

#[test]
fn reading_is_durable_here_first_and_only_the_highest_mark_is_told() {
    let relay = &mut Relay::default();
    let (mut alice, _, ids) = bob_wrote(relay, 4);
    assert_eq!(unread(&alice), 4);
    let told = told(relay, Rc::new(RefCell::new(true)));
    alice.call(Call::Disconnect);
    mark_read(&mut alice, Some(ids[0]));
    mark_read(&mut alice, Some(ids[2]));
    mark_read(&mut alice, Some(ids[1]));
    assert_eq!(unread(&alice), 1);
    let offline = alice
        .engine
        .store()
        .inbox_thread(thread())
        .unwrap()
        .unwrap();
    assert_eq!(offline.read_up_to, Some(ids[2]));
    // The process ended before there was a network again.
    let mut alice = alice.restarted(3);
    assert_eq!(unread(&alice), 1);
    alice.run(relay);
    assert_eq!(*told.borrow(), [ids[2]], "one write");
    mark_read(&mut alice, None);
    alice.run(relay);
    assert_eq!((told.borrow().len(), unread(&alice)), (2, 0));
    let mut alice = alice.restarted(4);
    alice.run(relay);
    assert_eq!((told.borrow().len(), unread(&alice)), (2, 0), "and no more");
}

#[test]
fn a_mark_that_the_relay_does_not_take_is_told_again_and_holds_no_message_up() {
    let relay = &mut Relay::default();
    let (mut alice, _, ids) = bob_wrote(relay, 2);
    let takes = Rc::new(RefCell::new(false));
    let told = told(relay, Rc::clone(&takes));
    mark_read(&mut alice, Some(ids[0]));
    alice.run(relay);
    alice.send(relay, "bob", "meanwhile");
    assert_eq!(relay.sends.len(), 3, "the message left");
    alice.pass(relay, 20_000);
    let tries = relay
        .asked
        .iter()
        .filter(|asked| asked.ends_with("/read"))
        .count();
    assert!((4..=12).contains(&tries), "{tries} tries in 20 s");
    *takes.borrow_mut() = true;
    mark_read(&mut alice, Some(ids[1]));
    alice.pass(relay, 60_000);
    assert_eq!(*told.borrow(), [ids[1]]);
    assert_eq!(unread(&alice.restarted(3)), 0);
}

#[test]
fn a_mark_that_was_raised_while_a_lower_one_was_under_way_is_told_too() {
    let relay = &mut Relay::default();
    let (mut alice, _, ids) = bob_wrote(relay, 2);
    let told = told(relay, Rc::new(RefCell::new(true)));
    mark_read(&mut alice, Some(ids[0]));
    mark_read(&mut alice, Some(ids[1]));
    assert_eq!(alice.requests.len(), 1, "one at a time");
    alice.run(relay);
    assert_eq!(*told.borrow(), ids);
    assert_eq!(unread(&alice.restarted(3)), 0);
}

#[test]
fn a_mark_that_the_relay_refuses_for_good_is_told_no_more_and_stays_here() {
    let relay = &mut Relay::default();
    let (mut alice, _, ids) = bob_wrote(relay, 1);
    relay.instead = Some(Box::new(|request| {
        request
            .path
            .ends_with("/read")
            .then(|| no(ErrorCode::NotFound))
    }));
    mark_read(&mut alice, Some(ids[0]));
    alice.run(relay);
    alice.pass(relay, 300_000);
    let tries = relay
        .asked
        .iter()
        .filter(|asked| asked.ends_with("/read"))
        .count();
    assert_eq!((tries, unread(&alice.restarted(3))), (1, 0));
}

#[test]
fn only_what_this_device_knows_can_be_read() {
    let relay = &mut Relay::default();
    let (mut alice, _, _) = bob_wrote(relay, 1);
    let unknown = MessageId::from_parts(77_777, 0);
    let (known, strange) = (thread(), ThreadId::from_bytes([1; 16]));
    for (thread, up_to) in [(known, Some(unknown)), (strange, None)] {
        let call = alice.call(Call::MarkRead { thread, up_to });
        let refused = alice.result(call).unwrap();
        assert!(matches!(
            refused.err(),
            Some(EngineError::UnknownMessage | EngineError::UnknownThread)
        ));
    }
    assert_eq!(unread(&alice.restarted(3)), 1);
}

#[test]
fn unread_is_in_step_on_all_own_devices() {
    let relay = &mut Relay::default();
    let mut desk = Device::registered(relay, "alice", 1);
    let mut phone = Device::new(3);
    link(relay, &mut desk, &mut phone).unwrap().unwrap();
    let mut bob = Device::registered(relay, "bob", 2);
    bob.send(relay, "alice", "one");
    bob.send(relay, "alice", "two");
    desk.deliver(relay);
    phone.deliver(relay);
    // What the other device sends is not unread, neither here nor there.
    desk.send(relay, "bob", "mine");
    phone.deliver(relay);
    assert_eq!((unread(&desk), unread(&phone)), (2, 2));
    let page = phone.engine.store().page(thread(), None, 10).unwrap();
    let first = page.last().unwrap().message_id.unwrap();
    mark_read(&mut desk, Some(first));
    desk.run(relay);
    phone.events.clear();
    tell(&mut phone, relay, vec![read("alice", first, 500)]);
    assert_eq!((unread(&desk), unread(&phone)), (1, 1));
    let thread = thread();
    assert!(phone.events.contains(&Event::InboxChanged { thread }));
    // The other way round, and what still waits to be told there is told no more.
    mark_read(&mut phone, None);
    let newest = page.first().unwrap().message_id.unwrap();
    tell(&mut desk, relay, vec![read("alice", newest, 600)]);
    assert_eq!(
        (unread(&desk.restarted(5)), unread(&phone.restarted(6))),
        (0, 0)
    );
}

#[test]
fn a_live_stream_tells_each_change_of_the_inbox_and_the_store_says_the_same() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob, _) = bob_wrote(relay, 1);
    let thread = thread();
    let changes = |device: &mut Device| {
        let events = std::mem::take(&mut device.events);
        let changed = |event: &&Event| **event == Event::InboxChanged { thread };
        events.iter().filter(changed).count()
    };
    bob.send(relay, "alice", "new");
    bob.send(relay, "alice", "newer");
    alice.deliver(relay);
    assert_eq!(changes(&mut alice), 1, "one for a batch");
    mark_read(&mut alice, None);
    assert_eq!(changes(&mut alice), 1);
    mark_read(&mut alice, None);
    assert_eq!(changes(&mut alice), 0, "nothing changed");
    alice.send(relay, "bob", "mine");
    assert!(changes(&mut alice) >= 2, "queued, then sent");
    let cold = alice.restarted(3);
    let shown = cold.engine.store().inbox(None, 10).unwrap().remove(0);
    let last = Message::from_row(shown.last.unwrap());
    assert_eq!((last.text(), shown.unread), (Some("mine"), 0));
}

#[test]
fn preferences_of_a_thread_follow_on_all_devices() {
    let relay = &mut Relay::default();
    let (mut alice, _, _) = bob_wrote(relay, 1);
    let wanted = ThreadPreferences {
        muted_until: Some(Timestamp(5_000)),
        notifications: Notifications::None,
    };
    relay.instead = Some(Box::new(move |request| {
        let is_it = request.method == HttpMethod::Put && request.path.ends_with("/me");
        is_it.then(|| ok(&wanted))
    }));
    let thread = thread();
    let call = alice.call(Call::SetThreadPreferences {
        thread,
        preferences: wanted,
    });
    alice.run(relay);
    assert!(matches!(alice.result(call), Some(Ok(Reply::Preferences(held))) if held == wanted));
    let held = |device: &Device| {
        let row = device.engine.store().inbox_thread(thread).unwrap();
        row.unwrap().preferences
    };
    assert_eq!(held(&alice), wanted);
    let mine = Some(ThreadPreferences::default());
    alice.events.clear();
    tell(
        &mut alice,
        relay,
        vec![ServerEvent::Thread {
            thread_id: thread,
            mine,
        }],
    );
    assert!(alice.events.contains(&Event::InboxChanged { thread }));
    let mine = Some(ThreadPreferences {
        muted_until: Some(Timestamp(u64::MAX)),
        ..wanted
    });
    tell(
        &mut alice,
        relay,
        vec![ServerEvent::Thread {
            thread_id: thread,
            mine,
        }],
    );
    assert_eq!(held(&alice.restarted(3)), ThreadPreferences::default());
}

#[test]
fn an_answer_about_preferences_is_older_than_what_the_relay_said_meanwhile() {
    let relay = &mut Relay::default();
    let (mut alice, _, _) = bob_wrote(relay, 1);
    let [first, second] =
        [Notifications::None, Notifications::Mentions].map(|notifications| ThreadPreferences {
            muted_until: None,
            notifications,
        });
    relay.instead = Some(Box::new(move |request| {
        let is_it = request.method == HttpMethod::Put && request.path.ends_with("/me");
        is_it.then(|| ok(&first))
    }));
    let thread = thread();
    let set = |alice: &mut Device| {
        alice.call(Call::SetThreadPreferences {
            thread,
            preferences: first,
        })
    };
    let held = |device: &Device| {
        let row = device.engine.store().inbox_thread(thread).unwrap();
        row.unwrap().preferences
    };
    // Another device sets them after this one did, and the relay's word of it overtakes its answer.
    let call = set(&mut alice);
    let event = ServerEvent::Thread {
        thread_id: thread,
        mine: Some(second),
    };
    tell(&mut alice, relay, vec![event]);
    assert!(matches!(
        alice.result(call),
        Some(Ok(Reply::Preferences(_)))
    ));
    assert_eq!(held(&alice), second);
    // What was said before the next question says nothing of its answer.
    set(&mut alice);
    alice.run(relay);
    assert_eq!(held(&alice.restarted(3)), first);
}

#[test]
fn settings_are_those_of_the_relay_whatever_crossed_on_the_way() {
    let old = AccountSettings::default();
    let [one, two] = [true, false].map(|presence| AccountSettings {
        read_receipts: false,
        presence,
        ..old
    });
    // What is asked or set, in this order; what the relay says to each; and what it holds then.
    let questions: [(&[_], &[_], _); 4] = [
        (&[None, Some(one)], &[old, one], one),
        (&[Some(one), None], &[one, old], one),
        (&[Some(one), Some(two)], &[one, two], one),
        (&[Some(two), Some(one), None], &[two, one, two], two),
    ];
    for (asked, said, holds) in questions {
        for first in 0..asked.len() {
            let relay = &mut Relay::default();
            let (mut alice, _, _) = bob_wrote(relay, 1);
            let mut said = said.to_vec();
            said.rotate_left(first);
            said.reverse();
            relay.instead = Some(Box::new(move |request| {
                let is_it = request.path == "/v1/me/settings";
                is_it.then(|| ok(&said.pop().unwrap_or(holds)))
            }));
            let mut calls = Vec::new();
            for question in asked {
                match question {
                    Some(settings) => calls.push(alice.call(Call::SetSettings(*settings))),
                    None => {
                        let frame = alice.frame(ServerEvent::CaughtUp { replayed: 0 });
                        alice.hand_in(Input::Socket(SocketInput::Frames(vec![frame])));
                        alice.carry_out();
                    }
                }
            }
            alice.requests.rotate_left(first);
            alice.run(relay);
            for call in calls {
                assert!(matches!(alice.result(call), Some(Ok(Reply::Settings(_)))));
            }
            let cold = alice.restarted(3);
            let held = Engine::account_settings(cold.engine.store()).unwrap();
            assert_eq!(held, holds, "{asked:?}, from {first} on");
        }
    }
}

#[test]
fn settings_are_asked_for_with_each_connection_and_blocks_go_through() {
    let relay = &mut Relay::default();
    let (mut alice, _, _) = bob_wrote(relay, 1);
    relay.asked.clear();
    tell(
        &mut alice,
        relay,
        vec![ServerEvent::CaughtUp { replayed: 0 }],
    );
    assert_eq!(relay.asked, ["Get /v1/me/settings"]);
    relay.instead = Some(Box::new(|request| {
        let blocks = Blocks {
            users: vec![user("bob")],
        };
        match request.method {
            HttpMethod::Get if request.path == "/v1/blocks" => Some(ok(&blocks)),
            HttpMethod::Put | HttpMethod::Delete => Some(ok(&())),
            _ => None,
        }
    }));
    let user_id = user("bob");
    for blocked in [true, false] {
        let user_id = user_id.clone();
        let call = alice.call(Call::SetBlock { user_id, blocked });
        alice.run(relay);
        assert!(matches!(alice.result(call), Some(Ok(Reply::Nothing))));
    }
    let call = alice.call(Call::BlockedUsers);
    alice.run(relay);
    assert!(matches!(alice.result(call), Some(Ok(Reply::Users(users))) if users == [user_id]));
    let asked = [
        "Put /v1/blocks/bob",
        "Delete /v1/blocks/bob",
        "Get /v1/blocks",
    ];
    assert_eq!(relay.asked[1..], asked);
    alice.call(Call::Disconnect);
    let call = alice.call(Call::BlockedUsers);
    assert!(matches!(
        alice.result(call),
        Some(Err(EngineError::Offline))
    ));
    alice.hand_in(Input::Tick);
}
