//! Marks over HTTP and WebSocket: delivered, read, receipts, catch-up.

use crate::world::*;
use reqwest::StatusCode;
use sealwire_wire::contract::{
    AccountSettings, AcknowledgeQueue, ErrorCode, MarkRead, QueuePage, Receipts, RecipientState,
    ServerEvent, ThreadMarks,
};
use sealwire_wire::{MessageId, ThreadId};
use std::time::Duration;

async fn read(device: &Device, thread: ThreadId, up_to_msg_id: MessageId) {
    let answer = device
        .post(&format!("/v1/threads/{thread}/read"))
        .json(&MarkRead { up_to_msg_id })
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
}

async fn receipts(device: &Device, message: MessageId) -> Receipts {
    let path = format!("/v1/messages/{message}/receipts");
    ok(device.get(&path).send().await.unwrap()).await
}

async fn receipts_off(device: &Device) {
    let settings = AccountSettings {
        read_receipts: false,
        ..AccountSettings::default()
    };
    let answer = device.put("/v1/me/settings").json(&settings).send().await;
    assert_eq!(ok::<AccountSettings>(answer.unwrap()).await, settings);
}

/// The next frame that is about marks.
async fn mark(socket: &mut Socket) -> ServerEvent {
    loop {
        let event = socket.frame().await.event;
        if matches!(
            event,
            ServerEvent::Delivered { .. } | ServerEvent::Read { .. }
        ) {
            return event;
        }
    }
}

async fn is_quiet(socket: &mut Socket) {
    let quiet = tokio::time::timeout(Duration::from_millis(200), socket.hear()).await;
    assert!(quiet.is_err(), "{quiet:?}");
}

/// The marks of a catch-up with their cursor, which come after every message and before `caught_up`.
async fn catch_up(socket: &mut Socket) -> (usize, Vec<ThreadMarks>, String) {
    let (mut messages, mut all, mut cursor) = (0, Vec::new(), None);
    loop {
        match socket.frame().await.event {
            ServerEvent::Msg { .. } => {
                assert!(all.is_empty() && cursor.is_none());
                messages += 1;
            }
            ServerEvent::CatchingUp { .. } => {}
            ServerEvent::Marks { marks } => all.push(*marks),
            ServerEvent::MarksEnd { cursor: end } => cursor = Some(end),
            ServerEvent::CaughtUp { .. } => return (messages, all, cursor.unwrap()),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn delivered_by_the_client_ack_and_read_by_one_write_reach_the_sender_live() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let (mut alices, mut bobs) = (alice.socket().await, bob.socket().await);
    alices.catch_up().await;
    bobs.catch_up().await;
    let sent = alice.sent(thread, 1, &[&bob]).await;
    let (frame, _) = bobs.message().await;
    bobs.ack(frame).await;
    let ServerEvent::Delivered {
        user_id,
        up_to_msg_id,
        version,
        ..
    } = mark(&mut alices).await
    else {
        panic!()
    };
    assert_eq!(
        (&user_id, up_to_msg_id, version),
        (&bob.name.user_id, sent.id, 1)
    );
    read(&bob, thread, sent.id).await;
    let ServerEvent::Read {
        up_to_msg_id,
        version,
        ..
    } = mark(&mut alices).await
    else {
        panic!()
    };
    assert_eq!((up_to_msg_id, version), (sent.id, 2));
    let answer = receipts(&alice, sent.id).await;
    assert_eq!(answer.recipients[0].state, RecipientState::Read);
    // The device that did it is not told of itself.
    is_quiet(&mut bobs).await;
}

#[tokio::test]
async fn own_other_devices_follow_a_read_mark_receipts_off_or_on() {
    let relay = relay().await;
    let Pair {
        alice,
        bob,
        thread,
        mut bob_account,
        ..
    } = pair(&relay).await;
    let bob2 = bob.link(&mut bob_account).await;
    receipts_off(&bob).await;
    let sent = alice.sent(thread, 1, &[&bob, &bob2]).await;
    let (mut alices, mut seconds) = (alice.socket().await, bob2.socket().await);
    alices.catch_up().await;
    seconds.catch_up().await;
    read(&bob, thread, sent.id).await;
    assert!(matches!(
        mark(&mut seconds).await,
        ServerEvent::Read { up_to_msg_id, .. } if up_to_msg_id == sent.id
    ));
    assert!(matches!(
        mark(&mut alices).await,
        ServerEvent::Delivered { .. }
    ));
    is_quiet(&mut alices).await;
    let answer = receipts(&alice, sent.id).await;
    assert_eq!(answer.recipients[0].state, RecipientState::Delivered);
}

#[tokio::test]
async fn catch_up_is_replay_then_marks_then_caught_up() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let first = alice.sent(thread, 1, &[&bob]).await;
    read(&bob, thread, first.id).await;
    for client_seq in 1..=30 {
        bob.sent(thread, client_seq, &[&alice]).await;
    }
    let mut socket = alice.socket().await;
    let (messages, marks, cursor) = catch_up(&mut socket).await;
    assert_eq!(messages, 30);
    assert_eq!(marks.len(), 1);
    assert_eq!(marks[0].marks[0].read_up_to, Some(first.id));
    drop(socket);
    let query = format!("?marks_since={cursor}");
    let mut socket = Socket::try_open(relay.url(), &query, &alice.token)
        .await
        .unwrap();
    let (_, marks, cursor) = catch_up(&mut socket).await;
    assert!(marks.is_empty(), "{marks:?}");
    drop(socket);
    let second = alice.sent(thread, 2, &[&bob]).await;
    read(&bob, thread, second.id).await;
    let query = format!("?marks_since={cursor}");
    let mut socket = Socket::try_open(relay.url(), &query, &alice.token)
        .await
        .unwrap();
    let (_, marks, _) = catch_up(&mut socket).await;
    assert_eq!(marks[0].marks[0].read_up_to, Some(second.id));
}

#[tokio::test]
async fn a_cursor_that_the_relay_never_gave_is_refused_at_the_upgrade() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let (status, body) = Socket::try_open(relay.url(), "?marks_since=nonsense", &alice.token)
        .await
        .err()
        .unwrap();
    let problem: sealwire_wire::contract::Problem = serde_json::from_str(&body).unwrap();
    assert_eq!((status, problem.code), (400, ErrorCode::InvalidCursor));
}

#[tokio::test]
async fn no_move_is_lost_between_the_marks_of_a_catch_up_and_live() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let mut ids = Vec::new();
    for client_seq in 1..=60 {
        ids.push(alice.sent(thread, client_seq, &[&bob]).await.id);
    }
    let last = ids[59];
    let reading = tokio::spawn(async move {
        for id in ids {
            read(&bob, thread, id).await;
        }
    });
    let (mut seen, mut cursor) = (None, String::new());
    while seen != Some(last) {
        let query = format!("?marks_since={cursor}");
        let mut socket = Socket::try_open(relay.url(), &query, &alice.token)
            .await
            .unwrap();
        let (_, marks, end) = catch_up(&mut socket).await;
        cursor = end;
        let caught = marks.iter().flat_map(|thread| &thread.marks);
        seen = seen.max(caught.filter_map(|mark| mark.read_up_to).max());
        for _ in 0..3 {
            if seen == Some(last) {
                break;
            }
            // Whatever moved since the look at the marks comes live: waiting for it never fails.
            let ServerEvent::Read { up_to_msg_id, .. } = mark(&mut socket).await else {
                continue;
            };
            seen = seen.max(Some(up_to_msg_id));
        }
    }
    reading.await.unwrap();
}

#[tokio::test]
async fn a_read_of_an_unknown_or_foreign_message_is_not_found() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let (_, carol) = open_account(relay.url(), "carol").await;
    alice.sent(thread, 1, &[&bob]).await;
    let other = ThreadId::direct(&alice.name.user_id, &carol.name.user_id);
    let foreign = alice.sent(other, 2, &[&carol]).await.id;
    for id in [foreign, MessageId::from_u128(1)] {
        let answer = bob
            .post(&format!("/v1/threads/{thread}/read"))
            .json(&MarkRead { up_to_msg_id: id })
            .send()
            .await;
        refused(answer.unwrap(), 404, ErrorCode::NotFound).await;
    }
    let answer = carol
        .post(&format!("/v1/threads/{thread}/read"))
        .json(&MarkRead {
            up_to_msg_id: foreign,
        })
        .send()
        .await;
    refused(answer.unwrap(), 403, ErrorCode::NotAParticipant).await;
    let answer = carol.get(&format!(
        "/v1/messages/{}/receipts",
        MessageId::from_u128(1)
    ));
    refused(answer.send().await.unwrap(), 404, ErrorCode::NotFound).await;
}

#[tokio::test]
async fn a_poll_of_the_queue_brings_the_marks_that_moved_and_its_acknowledgement_moves_them() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let mut socket = alice.socket().await;
    socket.catch_up().await;
    let sent = alice.sent(thread, 1, &[&bob]).await;
    let poll = async |device: &Device, query: &str| {
        let answer = device.get(&format!("/v1/me/queue{query}")).send().await;
        ok::<QueuePage>(answer.unwrap()).await
    };
    let page = poll(&bob, "").await;
    assert_eq!((page.marks_cursor, page.marks), (None, vec![]));
    let entry_ids = vec![page.entries[0].entry_id.clone()];
    let answer = bob
        .post("/v1/me/queue/ack")
        .json(&AcknowledgeQueue { entry_ids })
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert!(matches!(
        mark(&mut socket).await,
        ServerEvent::Delivered { up_to_msg_id, .. } if up_to_msg_id == sent.id
    ));
    let page = poll(&alice, "?marks_since=").await;
    assert_eq!(page.marks[0].marks[0].delivered_up_to, Some(sent.id));
    let query = format!("?marks_since={}", page.marks_cursor.unwrap());
    assert!(poll(&alice, &query).await.marks.is_empty());
    let answer = alice
        .get("/v1/me/queue?marks_since=x")
        .send()
        .await
        .unwrap();
    refused(answer, 400, ErrorCode::InvalidCursor).await;
}
