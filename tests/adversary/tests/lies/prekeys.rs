//! Keys that are another's, or that somebody else was given too.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{Event, MessageContent, UnreadableReason};
use sealwire_tests::{Device, Fate, edit, same_everywhere, start_pair, strangers_bundle};
use serde_json::Value;
use std::sync::{Arc, Mutex};

/// The bundles that the relay gives out next are changed like this, the first answer only.
fn change_bundle(device: &Device, change: impl FnOnce(&mut Value) + Send + 'static) {
    let mut change = Some(change);
    device.adversary.on_request(move |seen| {
        if !seen.is("POST", "/v1/prekeys/query") {
            return Fate::Passed;
        }
        match change.take() {
            Some(change) => edit(|answer| change(&mut answer["users"][0]["bundles"][0])),
            None => Fate::Passed,
        }
    });
}

/// A placeholder stands for it, and what it said comes when its sender was asked.
async fn is_asked_for_again(device: &Device, text: &str, because: UnreadableReason) {
    device
        .events
        .until(because.as_str(), |event| {
            matches!(event, Event::MessageUnreadable(message)
                if message.content == MessageContent::Unreadable(because))
        })
        .await;
    device
        .events
        .until(text, |event| {
            matches!(event, Event::MessageRecovered(message) if message.text() == Some(text))
        })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_one_time_prekey_opens_nothing_and_the_message_is_sent_again() {
    let (_relay, alice, bob, thread) = start_pair().await;
    change_bundle(&alice, |bundle| {
        let strange = serde_json::to_value(strangers_bundle(1, 1)).unwrap();
        assert!(bundle["one_time_prekey"]["id"].is_u64());
        bundle["one_time_prekey"]["key"] = strange["signed_prekey"]["key"].clone();
    });
    alice.say(thread, "for bob").await;
    is_asked_for_again(&bob, "for bob", UnreadableReason::EnvelopeTampered).await;
    bob.say(thread, "for alice").await;
    alice.hears("for alice").await;
    same_everywhere(thread, vec![alice, bob], &["for bob", "for alice"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_one_time_prekey_given_out_twice_opens_the_first_message_and_the_second_is_sent_again() {
    let (relay, alice, bob, thread) = start_pair().await;
    let carol = Device::register(relay.url(), "carol").await;
    let given: Arc<Mutex<Value>> = Arc::default();
    let into = Arc::clone(&given);
    change_bundle(&alice, move |bundle| {
        *into.lock().unwrap() = bundle.clone();
    });
    change_bundle(&carol, move |bundle| {
        *bundle = given.lock().unwrap().clone();
    });
    alice.say(thread, "from alice").await;
    bob.hears("from alice").await;
    let other = carol.client.direct_thread("bob").await.unwrap();
    carol.say(other, "from carol").await;
    is_asked_for_again(&bob, "from carol", UnreadableReason::PrekeyMissing).await;
    bob.say(other, "for carol").await;
    carol.hears("for carol").await;
    let cold = carol.cold().await;
    assert_eq!(cold.texts(other), ["from carol", "for carol"]);
    assert_eq!(bob.texts(other).await, ["from carol", "for carol"]);
    same_everywhere(thread, vec![alice, bob], &["from alice"]).await;
}
