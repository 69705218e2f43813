//! Numbers at the end of their range, ids of the far future, and frames that are meant for another device.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{Event, MessageState};
use sealwire_tests::{acquainted, same_everywhere, start_pair};
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const LAST_ULID: &str = "7ZZZZZZZZZZZZZZZZZZZZZZZZZ";

fn is_message(frame: &Value) -> bool {
    frame["t"] == "msg"
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_under_an_id_of_the_far_future_is_shown_and_keeps_nothing_else_away() {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    let mut done = false;
    bob.adversary.on_frame(move |mut frame| {
        if is_message(&frame) && !done {
            done = true;
            frame["message"]["id"] = json!(LAST_ULID);
            frame["message"]["created_at"] = json!(4_000_000_000_000_u64);
        }
        vec![frame]
    });
    alice.say(thread, "from the future").await;
    bob.hears("from the future").await;
    bob.client.mark_read(thread, None).await.unwrap();
    alice.say(thread, "from today").await;
    bob.hears("from today").await;
    bob.client.sync_thread(thread).await.unwrap();
    bob.client.mark_read(thread, None).await.unwrap();
    bob.say(thread, "an answer").await;
    alice.hears("an answer").await;
    let rest = ["hello", "hello yourself"];
    // Where a message stands is the relay's to say.
    let shown = [&rest[..], &["from today", "an answer", "from the future"]].concat();
    assert_eq!(bob.cold().await.texts(thread), shown);
    let sent = [&rest[..], &["from the future", "from today", "an answer"]].concat();
    same_everywhere(thread, vec![alice], &sent).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_beyond_every_range_are_refused_and_what_follows_is_read() {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    let truth: Arc<Mutex<Option<Value>>> = Arc::default();
    let into = Arc::clone(&truth);
    bob.adversary.on_frame(move |mut frame| {
        let mut truth = into.lock().unwrap();
        if is_message(&frame) && truth.is_none() {
            *truth = Some(frame.clone());
            frame["message"]["client_seq"] = json!(u64::MAX);
        }
        vec![frame]
    });
    alice.say(thread, "the message").await;
    bob.events
        .until("refused", |event| matches!(event, Event::FrameRefused))
        .await;
    let frame = truth.lock().unwrap().clone().unwrap();
    bob.adversary.inject(&frame);
    bob.hears("the message").await;
    let most = u64::MAX;
    for frame in [
        json!({"t": "catching_up", "frame_seq": 0, "queued": most, "now": most}),
        json!({"t": "caught_up", "frame_seq": 0, "replayed": most}),
        json!({"t": "prekeys_low", "frame_seq": 0, "remaining": u32::MAX, "remaining_kem": u32::MAX}),
        json!({"t": "ping", "frame_seq": 0, "now": most}),
        json!({"t": "read", "frame_seq": 0, "thread_id": thread, "user_id": "alice",
            "up_to_msg_id": LAST_ULID, "at": most, "version": most}),
        json!({"t": "presence", "frame_seq": 0, "user_id": "alice", "online": true, "last_seen_at": most}),
        json!({"t": "devices", "frame_seq": most, "user_id": "alice", "version": most}),
    ] {
        bob.adversary.inject(&frame);
    }
    bob.say(thread, "still here").await;
    alice.hears("still here").await;
    alice.say(thread, "good").await;
    bob.hears("good").await;
    let expected = [
        "hello",
        "hello yourself",
        "the message",
        "still here",
        "good",
    ];
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_more_than_64_bits_cost_a_reconnect_and_nothing_else() {
    let (_relay, alice, bob, thread) = acquainted(&["hello", "hello yourself"]).await;
    let mut done = false;
    bob.adversary.on_frame(move |frame| {
        if is_message(&frame) && !done {
            done = true;
            return vec![json!({"t": "caught_up", "frame_seq": 1e30})];
        }
        vec![frame]
    });
    alice.say(thread, "the message").await;
    bob.hears("the message").await;
    let expected = ["hello", "hello yourself", "the message"];
    same_everywhere(thread, vec![alice, bob], &expected).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frame_for_another_device_of_the_account_opens_nothing_here() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let phone = bob.link().await;
    alice.say(thread, "hello").await;
    bob.hears("hello").await;
    phone.hears("hello").await;
    // Both sessions are answered, so that a message begins none.
    for (device, text) in [(&bob, "from the desk"), (&phone, "from the phone")] {
        device.say(thread, text).await;
        alice.hears(text).await;
    }
    bob.hears("from the phone").await;
    // The desk gets what is the phone's, in place of its own.
    let own: Arc<Mutex<Option<Value>>> = Arc::default();
    let into = Arc::clone(&own);
    bob.adversary.on_frame(move |frame| {
        if is_message(&frame) {
            *into.lock().unwrap() = Some(frame);
            return Vec::new();
        }
        vec![frame]
    });
    alice.say(thread, "the message").await;
    phone.hears("the message").await;
    let phones = phone.adversary.frames().into_iter().rfind(is_message);
    let own = bob
        .adversary
        .until("the desk's own", |_| own.lock().unwrap().clone())
        .await;
    bob.adversary.rest();
    bob.adversary.inject(&phones.unwrap());
    bob.events
        .until("envelope_tampered", |event| {
            matches!(event, Event::MessageUnreadable(_))
        })
        .await;
    let shown = bob.texts(thread).await;
    assert_eq!(shown.last().unwrap(), "<envelope_tampered>");
    bob.adversary.inject(&own);
    bob.events
        .until("its own", |event| {
            matches!(event, Event::MessageRecovered(_))
        })
        .await;
    let sent = bob.say(thread, "an answer").await;
    assert_eq!(sent.state, MessageState::Sent);
    alice.hears("an answer").await;
    let expected = [
        "hello",
        "from the desk",
        "from the phone",
        "the message",
        "an answer",
    ];
    same_everywhere(thread, vec![alice, bob, phone], &expected).await;
}
