//! How far sent messages are, from what the relay says of marks; and what it says that is not believed.

use crate::device::{Device, user};
use crate::relay::{Relay, ok};
use sealwire_engine::{Call, Event, Input, Message, MessageState, Reply};
use sealwire_store::LocalId;
use sealwire_wire::contract::{
    AccountSettings, FailedRecipient, FailureReason, QueuePage, RecipientState, ServerEvent,
    ThreadMarks, UserMarks,
};
use sealwire_wire::{MessageId, ThreadId, Timestamp};

fn thread() -> ThreadId {
    ThreadId::direct(&user("alice"), &user("bob"))
}

pub(crate) fn delivered(of: &str, up_to_msg_id: MessageId, at: u64) -> ServerEvent {
    ServerEvent::Delivered {
        thread_id: thread(),
        user_id: user(of),
        up_to_msg_id,
        at: Timestamp(at),
        version: at,
    }
}

pub(crate) fn read(of: &str, up_to_msg_id: MessageId, at: u64) -> ServerEvent {
    ServerEvent::Read {
        thread_id: thread(),
        user_id: user(of),
        up_to_msg_id,
        at: Timestamp(at),
        version: at,
    }
}

fn failed(message_id: MessageId, reason: Option<FailureReason>, at: u64) -> ServerEvent {
    ServerEvent::Marks {
        marks: Box::new(ThreadMarks {
            thread_id: thread(),
            marks: Vec::new(),
            failed: vec![FailedRecipient {
                message_id,
                user_id: user("bob"),
                reason,
                at: Timestamp(at),
            }],
        }),
    }
}

pub(crate) fn tell(device: &mut Device, relay: &mut Relay, events: Vec<ServerEvent>) {
    let frames = events
        .into_iter()
        .map(|event| device.frame(event))
        .collect();
    device.take_frames(relay, frames);
}

fn message(device: &Device, id: i64) -> Message {
    Message::from_row(device.engine.store().message(LocalId(id)).unwrap().unwrap())
}

fn states(device: &Device, ids: &[i64]) -> Vec<MessageState> {
    ids.iter().map(|id| message(device, *id).state).collect()
}

fn id_of(device: &Device, id: i64) -> MessageId {
    message(device, id).id.unwrap()
}

/// Alice, who has sent bob that many messages; their local ids, and those of the relay.
fn alice_sent(relay: &mut Relay, count: usize) -> (Device, Vec<i64>, Vec<MessageId>) {
    let mut alice = Device::registered(relay, "alice", 1);
    Device::registered(relay, "bob", 2);
    let ids: Vec<_> = (0..count)
        .map(|number| alice.send(relay, "bob", &format!("number {number}")))
        .collect();
    let at_relay = ids.iter().map(|id| id_of(&alice, *id)).collect();
    alice.events.clear();
    (alice, ids, at_relay)
}

#[test]
fn a_sent_message_turns_delivered_then_read_and_never_back() {
    use MessageState::{Delivered, Read, Sent};
    let relay = &mut Relay::default();
    let (mut alice, ids, at) = alice_sent(relay, 3);
    tell(&mut alice, relay, vec![delivered("bob", at[1], 50)]);
    assert_eq!(states(&alice, &ids), [Delivered, Delivered, Sent]);
    tell(&mut alice, relay, vec![read("bob", at[0], 60)]);
    assert_eq!(states(&alice, &ids), [Read, Delivered, Sent]);
    // Late, repeated, and lower words.
    let late = vec![
        delivered("bob", at[0], 90),
        read("bob", at[0], 91),
        delivered("bob", at[1], 92),
    ];
    tell(&mut alice, relay, late);
    assert_eq!(states(&alice, &ids), [Read, Delivered, Sent]);
    assert!(alice.is_acknowledged());
    let told: Vec<_> = alice
        .events
        .iter()
        .filter_map(|event| match event {
            Event::MessageDelivered(message) | Event::MessageRead(message) => {
                Some((message.local_id, message.state.clone()))
            }
            _ => None,
        })
        .collect();
    assert_eq!(
        told,
        [(ids[0], Delivered), (ids[1], Delivered), (ids[0], Read)]
    );
    let cold = alice.restarted(3);
    assert_eq!(states(&cold, &ids), [Read, Delivered, Sent]);
    let receipts = cold.engine.store().receipts(LocalId(ids[0])).unwrap();
    assert_eq!(receipts[0].user_id, user("bob"));
    assert_eq!(receipts[0].state, RecipientState::Read);
    assert_eq!(receipts[0].delivered_at, Some(Timestamp(50)));
    assert_eq!(receipts[0].read_at, Some(Timestamp(60)));
}

#[test]
fn a_mark_over_many_messages_is_one_event_and_the_newest_hundred() {
    let relay = &mut Relay::default();
    let (mut alice, ids, at) = alice_sent(relay, 130);
    tell(&mut alice, relay, vec![read("bob", at[129], 60)]);
    let read = |event: &&Event| matches!(event, Event::MessageRead(_));
    assert_eq!(alice.events.iter().filter(read).count(), 100);
    let moved = |event: &&Event| matches!(event, Event::MarksMoved { .. });
    assert_eq!(alice.events.iter().filter(moved).count(), 1);
    let changed = |event: &&Event| matches!(event, Event::InboxChanged { .. });
    assert_eq!(alice.events.iter().filter(changed).count(), 1);
    let cold = alice.restarted(3);
    assert!(
        states(&cold, &ids)
            .iter()
            .all(|state| *state == MessageState::Read)
    );
}

#[test]
fn a_mark_that_is_quicker_than_the_202_counts_once_the_message_has_its_place() {
    let relay = &mut Relay::default();
    let (mut alice, _, _) = alice_sent(relay, 1);
    let thread = thread();
    let text = "quick".to_owned();
    let call = alice.call(Call::SendText {
        thread,
        text,
        ttl_seconds: None,
        key: None,
    });
    let Some(Ok(Reply::Queued(queued))) = alice.result(call) else {
        panic!("not queued");
    };
    let request = alice.requests.pop_front().unwrap();
    let answer = relay.answer(&request);
    let sent: sealwire_wire::contract::SentMessage = serde_json::from_slice(&answer.body).unwrap();
    tell(&mut alice, relay, vec![read("bob", sent.id, 70)]);
    alice.hand_in(Input::Response {
        id: request.id,
        result: Ok(answer),
    });
    let (mut sent_at, mut read_at) = (None, None);
    for (place, event) in alice.events.iter().enumerate() {
        match event {
            Event::MessageSent(_) => sent_at = Some(place),
            Event::MessageRead(read) if read.local_id == queued.local_id => read_at = Some(place),
            _ => {}
        }
    }
    assert!(sent_at.is_some() && sent_at < read_at);
    let cold = alice.restarted(3);
    assert_eq!(states(&cold, &[queued.local_id]), [MessageState::Read]);
}

#[test]
fn what_did_not_reach_a_recipient_failed_until_it_is_on_its_way_again() {
    let relay = &mut Relay::default();
    let (mut alice, ids, at) = alice_sent(relay, 2);
    let expired = Some(FailureReason::Expired);
    tell(
        &mut alice,
        relay,
        vec![failed(at[0], expired, 100), read("bob", at[1], 110)],
    );
    let code = "expired".to_owned();
    assert_eq!(
        states(&alice, &ids),
        [MessageState::Failed { code }, MessageState::Read]
    );
    let told =
        |event: &&Event| matches!(event, Event::MessageFailed(failed) if failed.local_id == ids[0]);
    assert_eq!(alice.events.iter().filter(told).count(), 1);
    let receipt = |device: &Device| {
        let mut receipts = device.engine.store().receipts(LocalId(ids[0])).unwrap();
        receipts.remove(0)
    };
    assert_eq!(receipt(&alice).reason, expired);
    assert_eq!(receipt(&alice).failed_at, Some(Timestamp(100)));
    // The newest word wins, in whichever order they come.
    tell(
        &mut alice,
        relay,
        vec![failed(at[0], None, 200), failed(at[0], expired, 100)],
    );
    let alice = alice.restarted(3);
    assert_eq!(
        states(&alice, &ids),
        [MessageState::Sent, MessageState::Read]
    );
    let mut alice = alice;
    alice.run(relay);
    tell(
        &mut alice,
        relay,
        vec![delivered("bob", MessageId::from_parts(9_000, 0), 300)],
    );
    let cold = alice.restarted(4);
    assert_eq!(receipt(&cold).state, RecipientState::Read);
}

#[test]
fn what_arrives_below_a_mark_that_cannot_rise_is_delivered_too() {
    let relay = &mut Relay::default();
    let (mut alice, ids, at) = alice_sent(relay, 2);
    let blocked = Some(FailureReason::Blocked);
    let frames = vec![
        failed(at[0], blocked, 100),
        delivered("bob", at[1], 110),
        failed(at[0], None, 200),
        delivered("bob", at[1], 110),
    ];
    tell(&mut alice, relay, frames);
    let expected = [MessageState::Sent, MessageState::Delivered];
    assert_eq!(states(&alice, &ids), expected);
    alice.events.clear();
    tell(&mut alice, relay, vec![delivered("bob", at[1], 300)]);
    let told = |event: &&Event| matches!(event, Event::MessageDelivered(message) if message.local_id == ids[0]);
    assert_eq!(alice.events.iter().filter(told).count(), 1);
    let cold = alice.restarted(4);
    assert_eq!(
        states(&cold, &ids),
        [MessageState::Delivered, MessageState::Delivered]
    );
}

#[test]
fn marks_of_people_outside_the_thread_and_numbers_beyond_all_bounds_are_dropped() {
    let relay = &mut Relay::default();
    let (mut alice, ids, at) = alice_sent(relay, 1);
    let far = MessageId::from_parts(99_999, 0);
    let strange = ThreadId::from_bytes([9; 16]);
    let mut elsewhere = delivered("bob", far, 5);
    if let ServerEvent::Delivered { thread_id, .. } = &mut elsewhere {
        *thread_id = strange;
    }
    let hostile = vec![
        read("mallory", far, 1),
        delivered("mallory", far, 1),
        elsewhere,
        delivered("bob", at[0], u64::MAX),
        failed(
            MessageId::from_parts(1, 1),
            Some(FailureReason::Unknown),
            u64::MAX,
        ),
        ServerEvent::MarksEnd {
            cursor: "a&b=c".to_owned(),
        },
    ];
    tell(&mut alice, relay, hostile);
    assert!(alice.is_acknowledged() && alice.sockets_closed == 0);
    assert_eq!(states(&alice, &ids), [MessageState::Sent]);
    let cold = alice.restarted(3);
    let store = cold.engine.store();
    assert_eq!(store.marks(thread(), &user("mallory")).unwrap(), None);
    assert_eq!(store.marks(thread(), &user("bob")).unwrap(), None);
    assert_eq!(store.marks(strange, &user("bob")).unwrap(), None);
    assert!(!cold.socket_path.contains("marks_since"));
}

#[test]
fn the_next_connection_asks_for_the_marks_since_the_last_one() {
    let relay = &mut Relay::default();
    let (mut alice, ids, at) = alice_sent(relay, 1);
    assert!(!alice.socket_path.contains("marks_since"));
    let marks = ServerEvent::Marks {
        marks: Box::new(ThreadMarks {
            thread_id: thread(),
            marks: vec![UserMarks {
                user_id: user("bob"),
                version: 3,
                delivered_up_to: Some(at[0]),
                delivered_at: Some(Timestamp(40)),
                read_up_to: None,
                read_at: None,
            }],
            failed: Vec::new(),
        }),
    };
    let end = ServerEvent::MarksEnd {
        cursor: "place-7".to_owned(),
    };
    tell(&mut alice, relay, vec![marks, end]);
    let mut alice = alice.restarted(3);
    alice.run(relay);
    assert!(alice.socket_path.ends_with("&marks_since=place-7"));
    assert_eq!(states(&alice, &ids), [MessageState::Delivered]);
    // A place that the relay no longer knows is given up for all of them.
    alice.hand_in(Input::Socket(sealwire_engine::SocketInput::Closed {
        code: None,
        status: Some(400),
        retry_after_ms: None,
    }));
    alice.pass(relay, 2_000);
    assert!(!alice.socket_path.contains("marks_since"));
}

#[test]
fn marks_come_with_the_queue_where_there_is_no_socket() {
    let relay = &mut Relay::default();
    let (mut alice, ids, at) = alice_sent(relay, 1);
    let up_to = at[0];
    relay.instead = Some(Box::new(move |request| {
        let marks = ThreadMarks {
            thread_id: thread(),
            marks: vec![UserMarks {
                user_id: user("bob"),
                version: 3,
                delivered_up_to: Some(up_to),
                delivered_at: Some(Timestamp(40)),
                read_up_to: Some(up_to),
                read_at: Some(Timestamp(41)),
            }],
            failed: Vec::new(),
        };
        let is_first = request.path.ends_with("&marks_since=");
        request.path.starts_with("/v1/me/queue?").then(|| {
            ok(&QueuePage {
                entries: Vec::new(),
                has_more: false,
                marks: is_first.then_some(marks).into_iter().collect(),
                marks_cursor: Some("place-8".to_owned()),
            })
        })
    }));
    for _ in 0..2 {
        let call = alice.call(Call::FetchQueue);
        alice.run(relay);
        assert!(matches!(
            alice.result(call),
            Some(Ok(Reply::Fetched { .. }))
        ));
    }
    let read = |event: &&Event| matches!(event, Event::MessageRead(_));
    assert_eq!(alice.events.iter().filter(read).count(), 1);
    let last = relay.asked.last().unwrap();
    assert!(last.ends_with("&marks_since=place-8"), "{last}");
    assert_eq!(states(&alice.restarted(3), &ids), [MessageState::Read]);
}

#[test]
fn with_receipts_off_nobody_s_reading_is_shown() {
    let relay = &mut Relay::default();
    let (mut alice, ids, at) = alice_sent(relay, 2);
    tell(&mut alice, relay, vec![read("bob", at[0], 50)]);
    let off = AccountSettings {
        read_receipts: false,
        ..AccountSettings::default()
    };
    relay.instead = Some(Box::new(move |request| {
        request.path.contains("/v1/me/settings").then(|| ok(&off))
    }));
    let call = alice.call(Call::SetSettings(off));
    alice.run(relay);
    assert!(matches!(alice.result(call), Some(Ok(Reply::Settings(held))) if held == off));
    tell(&mut alice, relay, vec![read("bob", at[1], 60)]);
    let states = states(&alice.restarted(3), &ids);
    assert_eq!(
        states,
        [MessageState::Read, MessageState::Delivered],
        "what was shown stays"
    );
}
