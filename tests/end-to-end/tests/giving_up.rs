//! What cannot leave for as long as the app allows fails with its reason, and goes when it is retried.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{Event, MessageState, ThreadId};
use sealwire_tests::{
    Device, Fate, SeenRequest, answer, bundle, lists_of, same_everywhere, soon, start_pair,
};
use sealwire_wire::contract::SentMessage;
use sealwire_wire::{DeviceId, MessageId, Timestamp};
use serde_json::json;
use std::time::Duration;

/// In place of the day that an app allows by default.
const ALLOWED: Duration = Duration::from_secs(2);

async fn impatient(device: Device) -> Device {
    let home = device.close().await;
    let device = home
        .open_with(|builder| builder.give_up_after(ALLOWED))
        .await;
    device.online().await;
    device
}

async fn fails(device: &Device, local_id: i64, code: &str) {
    let failed = device.events.until("failed", |event| {
        matches!(event, Event::MessageFailed(message)
            if message.local_id == local_id && message.state == MessageState::Failed { code: code.to_owned() })
    });
    failed.await;
}

fn sequences(device: &Device) -> Vec<u64> {
    let sends = device.adversary.sends().into_iter();
    sends
        .map(|send| send.body["client_seq"].as_u64().unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_finds_no_relay_for_as_long_as_the_app_allows_fails_and_arrives_in_order_when_it_is_retried()
 {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    let alice = impatient(alice).await;
    alice.adversary.on_request(|seen| match seen.is_send() {
        true => Fate::Lost,
        false => Fate::Passed,
    });
    let first = alice.write(thread, "first").await;
    let second = alice.write(thread, "second").await;
    fails(&alice, first.local_id, "gave_up").await;
    fails(&alice, second.local_id, "gave_up").await;
    let tried = sequences(&alice);
    assert!(!tried.is_empty());

    // Also for whoever missed every event.
    let alice = alice.close().await.open_online().await;
    for message in [&first, &second] {
        let held = alice.client.message(message.local_id).await.unwrap();
        let gave_up = MessageState::Failed {
            code: "gave_up".to_owned(),
        };
        assert_eq!(held.unwrap().state, gave_up);
    }
    assert_eq!(sequences(&alice), [0; 0], "nothing goes by itself");
    for message in [&first, &second] {
        alice.client.retry(message.local_id).await.unwrap();
    }
    bob.hears("second").await;
    let again = sequences(&alice);
    assert_eq!(again[0], tried[0], "the same number");
    same_everywhere(thread, vec![alice, bob], &["before", "first", "second"]).await;
}

/// Lists and bundles of bob's next account key, and a relay that takes what is wrapped for it.
async fn show_next_account_key(alice: &Device, bob: &Device, thread: ThreadId) {
    let (recovery, _, identity) = bob.keys().await.recovery(5);
    let lists = lists_of(&"bob".parse().unwrap(), &[&recovery]);
    let bundle = serde_json::to_value(bundle(5, 77, &identity)).unwrap();
    alice.adversary.on_request(move |seen: &SeenRequest| {
        if seen.is("GET", "/v1/users/bob/devices") {
            return Fate::Answered(answer(200, serde_json::to_vec(&lists).unwrap()));
        }
        if seen.is("POST", "/v1/prekeys/query") {
            let users = json!({"users": [{"user_id": "bob", "bundles": [bundle]}]});
            return Fate::Answered(answer(200, users.to_string()));
        }
        if seen.is_send() {
            let sent = SentMessage {
                id: MessageId::from_parts(1_900_000_000_000, 1),
                thread_id: thread,
                sender_id: "alice".parse().unwrap(),
                sender_device_id: DeviceId::FIRST,
                client_seq: serde_json::from_value(seen.body["client_seq"].clone()).unwrap(),
                created_at: Timestamp(1_900_000_000_000),
                requeued_at: None,
            };
            return Fate::Answered(answer(202, serde_json::to_vec(&sent).unwrap()));
        }
        Fate::Passed
    });
    let devices = json!({"t": "devices", "frame_seq": 0, "user_id": "bob", "version": 2});
    alice.adversary.inject(&devices);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_an_account_key_that_nobody_accepts_fails_and_goes_once_it_is_accepted_and_retried()
 {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    let alice = impatient(alice).await;
    show_next_account_key(&alice, &bob, thread).await;
    let list_hash = alice.events.until_offered("bob").await;
    let message = alice.write(thread, "is it you?").await;
    fails(&alice, message.local_id, "account_key_changed").await;
    assert_eq!(
        sequences(&alice),
        [0; 0],
        "nothing for a key nobody accepted"
    );

    // To retry alone changes nothing about that.
    let mut events = alice.client.events();
    alice.client.retry(message.local_id).await.unwrap();
    let fails_again =
        async { while !matches!(events.next().await, Some(Event::MessageFailed(_))) {} };
    soon("failed again", fails_again).await;
    assert_eq!(sequences(&alice), [0; 0]);
    let accepted = alice.client.accept_account_key("bob", &list_hash).await;
    accepted.unwrap();
    alice.client.retry(message.local_id).await.unwrap();
    let sent = |event: &Event| matches!(event, Event::MessageSent(sent) if sent.local_id == message.local_id);
    alice.events.until("sent", sent).await;
    let sends = alice.adversary.sends();
    let envelopes = sends[0].body["envelopes"].as_array().unwrap();
    assert_eq!((sends.len(), envelopes.len()), (1, 1));
    assert_eq!(envelopes[0]["device_id"], 5);
    assert_eq!(alice.cold().await.texts(thread), ["before", "is it you?"]);
}
