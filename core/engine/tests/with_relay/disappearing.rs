//! Messages with a time to live.

use crate::device::Device;
use crate::marks::{delivered, tell};
use crate::relay::{Relay, ok};
use sealwire_engine::{
    Call, EngineError, Event, Input, MessageContent, MessageState, Reply, SocketInput,
};
use sealwire_store::LocalId;
use sealwire_wire::contract::{MessagePage, MessageRow, Removal, RemovalReason, ServerEvent};
use sealwire_wire::{Base64, ThreadId, Timestamp};

const START: u64 = 1_800_000_000_000;

fn pair(relay: &mut Relay) -> (Device, Device) {
    relay.clock = START;
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    says_time(relay, &mut alice, START);
    says_time(relay, &mut bob, START);
    (alice, bob)
}

/// The relay begins a connection with its time.
fn says_time(relay: &mut Relay, device: &mut Device, ms: u64) {
    let frame = device.frame(ServerEvent::CatchingUp {
        queued: 0,
        now: Some(Timestamp(ms)),
    });
    device.take_frames(relay, vec![frame]);
}

fn send_for(device: &mut Device, relay: &mut Relay, text: &str, seconds: u32) -> i64 {
    let thread = device.thread_with("bob");
    let call = device.call(Call::SendText {
        thread,
        text: text.to_owned(),
        ttl_seconds: Some(seconds),
        key: None,
    });
    device.run(relay);
    match device.result(call) {
        Some(Ok(Reply::Queued(message))) => message.local_id,
        _ => panic!("not queued"),
    }
}

fn expired(device: &Device) -> usize {
    let told = |event: &&Event| matches!(event, Event::MessageExpired(message) if message.content == MessageContent::Removed);
    device.events.iter().filter(told).count()
}

fn finds(device: &Device, word: &str) -> bool {
    let found = device.engine.store().search(word, None, None, 10);
    !found.unwrap().is_empty()
}

/// Nothing of what it said is left in any table.
fn is_gone(device: &Device, local_id: i64) {
    let store = device.engine.store();
    let row = store.message(LocalId(local_id)).unwrap().unwrap();
    assert!(row.content.is_none() && row.text.is_none());
    assert!(store.outbox_entry(LocalId(local_id)).unwrap().is_none());
    assert!(!finds(device, "secret"));
}

#[test]
fn the_time_to_live_travels_inside_the_content_and_in_the_request() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay);
    send_for(&mut alice, relay, "secret", 60);
    assert_eq!(relay.sends[0].1.ttl_seconds, Some(60));
    // The relay's own word on it is no part of it.
    for queue in relay.queues.values_mut() {
        queue.iter_mut().for_each(|row| row.ttl_seconds = None);
    }
    bob.deliver(relay);
    let received = bob.events.iter().find_map(|event| match event {
        Event::MessageReceived(message) => Some(message.ttl_seconds),
        _ => None,
    });
    assert_eq!(received, Some(Some(60)));
    for seconds in [0, u32::MAX] {
        let thread = alice.thread_with("bob");
        let call = alice.call(Call::SendText {
            thread,
            text: "words".to_owned(),
            ttl_seconds: Some(seconds),
            key: None,
        });
        assert!(matches!(
            alice.result(call),
            Some(Err(EngineError::TtlInvalid))
        ));
    }
    assert_eq!(bob.restarted(9).texts("alice"), ["secret"]);
}

#[test]
fn when_its_time_is_over_a_message_is_gone_on_every_device() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay);
    let id = send_for(&mut alice, relay, "secret", 60);
    alice.send(relay, "bob", "stays");
    bob.deliver(relay);
    let last = alice.message(id).id.unwrap();
    tell(&mut alice, relay, vec![delivered("bob", last, START)]);
    assert!(finds(&alice, "secret") && finds(&bob, "secret"));
    for device in [&mut alice, &mut bob] {
        device.pass(relay, 55_000);
        assert_eq!(expired(device), 0);
        device.pass(relay, 10_000);
        assert_eq!(expired(device), 1);
    }
    assert_eq!(bob.texts("alice"), ["<removed>", "stays"]);
    assert_eq!(alice.state(id), MessageState::Delivered);
    is_gone(&alice, id);
    let mut bob = bob.restarted_at_its_time(9);
    is_gone(&bob, 1);

    // It is the mark against repeats still, and whoever's chain names it finds it.
    alice.send(relay, "bob", "after");
    bob.deliver(relay);
    assert_eq!(bob.texts("alice"), ["<removed>", "stays", "after"]);
    let missing = |event: &Event| matches!(event, Event::MessageMissing { .. });
    assert!(!bob.events.iter().any(missing));
}

#[test]
fn a_device_that_was_off_takes_away_at_its_start_what_was_over_within_a_quarter_of_an_hour() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay);
    for number in 0..250 {
        send_for(&mut alice, relay, &format!("secret {number}"), 60);
    }
    bob.deliver(relay);
    let day_ms = 24 * 60 * 60 * 1000;
    bob.now = bob.now.plus_ms(day_ms);
    let bob = bob.restarted_at_its_time(9);
    assert_eq!(expired(&bob), 250);
    is_gone(&bob, 1);
}

#[test]
fn a_message_that_comes_after_its_time_leaves_nothing() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay);
    send_for(&mut alice, relay, "secret", 60);
    bob.now = bob.now.plus_ms(120_000);
    says_time(relay, &mut bob, START + 120_000);
    bob.deliver(relay);
    assert_eq!(
        (expired(&bob), bob.texts("alice")),
        (1, vec!["<removed>".to_owned()])
    );
    is_gone(&bob.restarted_at_its_time(9), 1);
}

#[test]
fn neither_a_clock_that_jumps_nor_a_relay_that_lies_of_the_time_destroys_a_message_early() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay);
    let id = send_for(&mut alice, relay, "secret", 60 * 60);
    bob.deliver(relay);
    // The device's clock is set a year ahead while it runs, and while it is off.
    bob.now = bob.now.plus_ms(365 * DAY_MS);
    bob.hand_in(Input::Tick);
    bob.now = bob.now.plus_ms(365 * DAY_MS);
    let mut bob = bob.restarted_at_its_time(9);
    says_time(relay, &mut bob, START + 5_000);
    assert_eq!(
        (expired(&bob), bob.texts("alice")),
        (0, vec!["secret".to_owned()])
    );
    // The relay's is wrong, or it lies.
    for device in [&mut alice, &mut bob] {
        says_time(relay, device, START + 365 * DAY_MS);
        says_time(relay, device, START + 6_000);
        says_time(relay, device, u64::MAX);
        assert_eq!(expired(device), 0);
    }
    assert!(finds(&alice, "secret") && finds(&bob, "secret"));
    // Its time passes all the same, with nobody to ask.
    bob.pass(relay, 60 * 60 * 1000);
    alice.pass(relay, 60 * 60 * 1000);
    is_gone(&bob.restarted_at_its_time(9), 1);
    assert!(alice.message(id).content == MessageContent::Removed);
}

#[test]
fn a_time_to_live_longer_than_a_quarter_of_an_hour_ends_for_a_device_that_was_off_when_the_relay_confirms_it()
 {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay);
    send_for(&mut alice, relay, "secret", 60 * 60);
    bob.deliver(relay);
    bob.now = bob.now.plus_ms(DAY_MS);
    let mut bob = bob.restarted_at_its_time(9);
    assert_eq!(expired(&bob), 0);
    says_time(relay, &mut bob, START + DAY_MS);
    assert_eq!(expired(&bob), 1);
    is_gone(&bob, 1);
}

#[test]
fn what_the_relay_said_before_the_process_was_frozen_does_not_settle_how_long_that_was() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    for thawed_by_frames in [true, false] {
        let relay = &mut Relay::default();
        let (mut alice, mut bob) = pair(relay);
        send_for(&mut alice, relay, "secret", 60 * 60);
        bob.deliver(relay);
        bob.catch_up(relay);
        let before = bob.frame(ServerEvent::Ping {
            now: Timestamp(START + 30_000),
        });
        bob.now = bob.now.plus_ms(DAY_MS);
        bob.hand_in(match thawed_by_frames {
            // It lay in the socket's buffer while nobody ran.
            true => Input::Socket(SocketInput::Frames(vec![before])),
            false => Input::Tick,
        });
        bob.run(relay);
        assert_eq!((bob.sockets_closed, bob.sockets_opened), (1, 2));
        assert_eq!(expired(&bob), 0);
        says_time(relay, &mut bob, START + DAY_MS);
        assert_eq!(expired(&bob), 1);
        is_gone(&bob.restarted_at_its_time(9), 1);
    }
}

#[test]
fn what_is_sent_before_the_relay_said_how_long_the_device_was_off_has_all_of_its_time() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    let relay = &mut Relay::default();
    let (mut alice, _bob) = pair(relay);
    alice.now = alice.now.plus_ms(DAY_MS);
    relay.clock += DAY_MS;
    let mut alice = alice.restarted_at_its_time(9);
    let id = send_for(&mut alice, relay, "secret", 60);
    says_time(relay, &mut alice, relay.clock + 2_000);
    assert_eq!(expired(&alice), 0);
    alice.pass(relay, 50_000);
    assert!(finds(&alice, "secret"));
    alice.pass(relay, 15_000);
    assert_eq!(expired(&alice), 1);
    let cold = alice.restarted_at_its_time(9).message(id);
    assert!(cold.content == MessageContent::Removed);
}

#[test]
fn without_the_relays_time_a_time_to_live_runs_from_the_arrival() {
    let relay = &mut Relay::default();
    relay.clock = START;
    let mut alice = Device::registered(relay, "alice", 1);
    let mut bob = Device::registered(relay, "bob", 2);
    send_for(&mut alice, relay, "secret", 60);
    bob.now = bob.now.plus_ms(60 * 60 * 1000);
    bob.deliver(relay);
    bob.pass(relay, 50_000);
    assert_eq!(bob.texts("alice"), ["secret"]);
    bob.pass(relay, 15_000);
    assert_eq!(bob.restarted_at_its_time(9).texts("alice"), ["<removed>"]);
}

#[test]
fn the_relays_clock_counts_and_is_remembered() {
    const HOUR_MS: u64 = 60 * 60 * 1000;
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay);
    // Bob's clock is an hour ahead.
    bob.now = Timestamp(START + HOUR_MS);
    says_time(relay, &mut bob, START);
    send_for(&mut alice, relay, "secret", 60);
    bob.deliver(relay);
    bob.pass(relay, 30_000);
    let mut bob = bob.restarted_at_its_time(9);
    bob.run(relay);
    assert_eq!(bob.texts("alice"), ["secret"]);
    bob.pass(relay, 40_000);
    assert_eq!(bob.texts("alice"), ["<removed>"]);
    assert_eq!(bob.restarted_at_its_time(9).texts("alice"), ["<removed>"]);
}

#[test]
fn a_repeat_that_queued_it_anew_gives_it_its_time_anew() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay);
    send_for(&mut alice, relay, "secret", 60);
    let queued = |row: &mut MessageRow| row.requeued_at = Some(Timestamp(START + 100_000));
    relay.queues.values_mut().flatten().for_each(queued);
    says_time(relay, &mut bob, START + 100_000);
    bob.deliver(relay);
    bob.pass(relay, 50_000);
    assert_eq!(bob.texts("alice"), ["secret"]);
    bob.pass(relay, 15_000);
    assert_eq!(bob.restarted_at_its_time(9).texts("alice"), ["<removed>"]);
}

#[test]
fn what_may_be_repeated_stays_out_of_sight_until_it_arrived_or_a_day_is_over() {
    const DAY_MS: u64 = 24 * 60 * 60 * 1000;
    for arrives in [true, false] {
        let relay = &mut Relay::default();
        let (mut alice, _) = pair(relay);
        let id = send_for(&mut alice, relay, "secret", 60);
        alice.pass(relay, 65_000);
        assert_eq!((expired(&alice), finds(&alice, "secret")), (1, false));
        let message = alice.message(id);
        assert!(message.content == MessageContent::Removed);
        let kept = |alice: &Device| {
            let entry = alice.engine.store().outbox_entry(LocalId(id)).unwrap();
            entry.is_some()
        };
        assert!(kept(&alice));
        match arrives {
            true => {
                let told = delivered("bob", message.id.unwrap(), START);
                tell(&mut alice, relay, vec![told]);
            }
            false => {
                alice.age(DAY_MS);
                alice.pass(relay, 1_000);
            }
        }
        assert!(!kept(&alice), "{arrives}");
        is_gone(&alice.restarted_at_its_time(9), id);
    }
}

#[test]
fn a_del_is_honoured_only_where_the_content_itself_carries_a_time_to_live() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay);
    send_for(&mut alice, relay, "secret", 60);
    alice.send(relay, "bob", "stays");
    let ids: Vec<_> = relay.queues[&bob.name()].iter().map(|row| row.id).collect();
    bob.deliver(relay);
    let thread = ThreadId::direct(&alice.name().user_id, &bob.name().user_id);
    for reason in [RemovalReason::Unknown, RemovalReason::Expired] {
        let frames = ids.iter().map(|id| {
            bob.frame(ServerEvent::Del {
                thread_id: thread,
                message_id: *id,
                removed: Removal {
                    reason,
                    at: Timestamp(START),
                },
            })
        });
        let frames = frames.collect::<Vec<_>>();
        bob.take_frames(relay, frames);
        let expected = match reason {
            RemovalReason::Expired => ["<removed>", "stays"],
            RemovalReason::Unknown => ["secret", "stays"],
        };
        assert_eq!(bob.texts("alice"), expected);
    }
    let refused = |event: &&Event| matches!(event, Event::RemovalRefused { .. });
    assert_eq!(bob.events.iter().filter(refused).count(), 3);
    assert!(bob.is_acknowledged());
    let bob = bob.restarted(9);
    assert_eq!(bob.texts("alice"), ["<removed>", "stays"]);
    is_gone(&bob, 1);
}

#[test]
fn a_row_of_history_that_is_removed_takes_nothing_away_by_itself_and_satisfies_the_chain() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay);
    alice.send(relay, "bob", "first");
    bob.deliver(relay);
    send_for(&mut alice, relay, "secret", 60);
    alice.send(relay, "bob", "last");
    let mut rows: Vec<_> = relay.queues.remove(&bob.name()).unwrap().into();
    let removed = Some(Removal {
        reason: RemovalReason::Expired,
        at: Timestamp(START),
    });
    let gone = |row: &MessageRow| MessageRow {
        removed,
        ciphertext: Base64(Vec::new()),
        envelope: None,
        ..row.clone()
    };
    // The second was over before Bob came; the last is there, and the relay says of it too that it is gone.
    rows[0] = gone(&rows[0]);
    let lie = gone(&rows[1]);
    let thread = bob.thread_with("alice");
    for messages in [rows, vec![lie]] {
        relay.instead = Some(Box::new(move |request| {
            request.path.contains("since=").then(|| {
                ok(&MessagePage {
                    messages: messages.clone(),
                    next_cursor: Some("c".to_owned()),
                    has_more: false,
                })
            })
        }));
        let sync = bob.call(Call::SyncThread { thread });
        bob.run(relay);
        assert!(bob.result(sync).unwrap().is_ok());
    }
    assert_eq!(bob.texts("alice"), ["first", "<removed>", "last"]);
    let missing = |event: &Event| matches!(event, Event::MessageMissing { .. });
    assert!(!bob.events.iter().any(missing));
    let refused = |event: &&Event| matches!(event, Event::RemovalRefused { .. });
    assert_eq!(bob.events.iter().filter(refused).count(), 1);
    bob.hand_in(Input::Tick);
    assert_eq!(
        bob.restarted(9).texts("alice"),
        ["first", "<removed>", "last"]
    );
}

#[test]
fn a_message_whose_tombstone_came_first_and_that_was_queued_anew_is_read() {
    let relay = &mut Relay::default();
    let (mut alice, mut bob) = pair(relay);
    alice.send(relay, "bob", "first");
    bob.deliver(relay);
    send_for(&mut alice, relay, "secret", 60);
    alice.send(relay, "bob", "last");
    let rows: Vec<_> = relay.queues.remove(&bob.name()).unwrap().into();
    let tombstone = MessageRow {
        removed: Some(Removal {
            reason: RemovalReason::Expired,
            at: Timestamp(START),
        }),
        ciphertext: Base64(Vec::new()),
        envelope: None,
        ..rows[0].clone()
    };
    bob.take_rows(relay, vec![tombstone.clone(), rows[1].clone()]);
    assert_eq!(bob.texts("alice"), ["first", "<removed>", "last"]);
    let requeued = MessageRow {
        requeued_at: Some(Timestamp(START + 61_000)),
        ..rows[0].clone()
    };
    bob.take_rows(relay, vec![requeued.clone()]);
    assert_eq!(bob.texts("alice"), ["first", "secret", "last"]);
    let harm = |event: &Event| {
        matches!(
            event,
            Event::MessageMissing { .. } | Event::MessageReordered { .. }
        )
    };
    assert!(!bob.events.iter().any(harm), "{:?}", bob.events);
    bob.take_rows(relay, vec![requeued, tombstone]);
    assert_eq!(bob.texts("alice"), ["first", "<removed>", "last"], "once");
    assert_eq!(
        bob.restarted(9).texts("alice"),
        ["first", "<removed>", "last"]
    );
}
