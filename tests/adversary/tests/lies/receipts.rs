//! Receipts and announcements that are told again, are of nobody, or were never given.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{Event, MessageState};
use sealwire_tests::{read, same_everywhere, start_pair};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_told_again_takes_nothing_back() {
    let (_relay, alice, bob, thread) = start_pair().await;
    let first = alice.say(thread, "one").await;
    let second = alice.say(thread, "two").await;
    bob.hears("two").await;
    bob.client.mark_read(thread, None).await.unwrap();
    alice.events.until("read", read(second.local_id)).await;
    let receipts: Vec<_> = alice.adversary.frames();
    let receipts = receipts
        .iter()
        .filter(|frame| frame["t"] == "delivered" || frame["t"] == "read");
    for receipt in receipts {
        alice.adversary.inject(receipt);
    }
    // As if bob had got the first alone, said later than all the others.
    alice.adversary.inject(&json!({
        "t": "delivered", "frame_seq": 0, "thread_id": thread, "user_id": "bob",
        "up_to_msg_id": first.id, "at": 1, "version": 1_000,
    }));
    bob.say(thread, "three").await;
    alice.hears("three").await;
    for message in [&first, &second] {
        let held = alice.client.message(message.local_id).await.unwrap();
        assert_eq!(held.unwrap().state, MessageState::Read);
    }
    same_everywhere(thread, vec![alice, bob], &["one", "two", "three"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_somebody_who_is_not_in_the_thread_is_none() {
    let (_relay, alice, bob, thread) = start_pair().await;
    bob.offline().await;
    let sent = alice.say(thread, "one").await;
    alice.adversary.inject(&json!({
        "t": "read", "frame_seq": 0, "thread_id": thread, "user_id": "mallory",
        "up_to_msg_id": sent.id, "at": 1, "version": 9,
    }));
    bob.client.go_online().await.unwrap();
    bob.say(thread, "two").await;
    alice.hears("two").await;
    assert_eq!(alice.events.count(read(sent.local_id)), 0);
    let receipts = alice.client.receipts(sent.local_id).await.unwrap();
    let names: Vec<_> = receipts.iter().map(|of| of.user_id.as_str()).collect();
    assert_eq!(names, ["bob"]);
    same_everywhere(thread, vec![alice, bob], &["one", "two"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announcement_of_devices_told_again_changes_nothing() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "one").await;
    let known = |event: &Event| matches!(event, Event::DevicesChanged { user_id, .. } if user_id.as_str() == "bob");
    let before = alice.events.count(known);
    for version in [1, 1, 7, 1, u64::MAX] {
        alice
            .adversary
            .inject(&json!({"t": "devices", "frame_seq": 0, "user_id": "bob", "version": version}));
    }
    alice.say(thread, "two").await;
    bob.hears("two").await;
    assert_eq!(alice.events.count(known), before);
    same_everywhere(thread, vec![alice, bob], &["one", "two"]).await;
}
