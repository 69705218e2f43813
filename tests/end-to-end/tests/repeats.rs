//! Messages that the relay has and a recipient did not get: they fail, and a retry leaves that state.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::MessageState;
use sealwire::transport::HttpMethod;
use sealwire_tests::{ByHand, Device, delivered, failed, soon, start_pair};

/// A device that is off blocks this user, or no longer.
async fn block(by: &ByHand, user: &str, blocked: bool) {
    let path = format!("/v1/blocks/{user}");
    let method = match blocked {
        true => HttpMethod::Put,
        false => HttpMethod::Delete,
    };
    let answer = by.ask(method, &path, None, None).await;
    assert!((200..300).contains(&answer.status), "{}", answer.status);
}

async fn state(device: &Device, id: i64) -> MessageState {
    device.client.message(id).await.unwrap().unwrap().state
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_reaches_whom_it_did_not_reach_and_every_device_shows_it_once() {
    let (relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "hello").await;
    bob.hears("hello").await;
    let by_bob = ByHand::device(relay.url(), &bob.keys().await).await;
    bob.offline().await;
    let one = alice.say(thread, "one").await.local_id;
    block(&by_bob, "alice", true).await;
    alice.events.until("failed", failed(one)).await;
    let code = "blocked".to_owned();
    assert_eq!(state(&alice, one).await, MessageState::Failed { code });
    block(&by_bob, "alice", false).await;
    alice.client.retry(one).await.unwrap();
    soon("sent again", async {
        while state(&alice, one).await != MessageState::Sent {
            tokio::task::yield_now().await;
        }
    })
    .await;
    bob.client.go_online().await.unwrap();
    bob.hears("one").await;
    alice.events.until("delivered", delivered(one)).await;
    let cold = alice.cold().await;
    assert_eq!(cold.messages(thread)[1].state, MessageState::Delivered);
    assert_eq!(bob.cold().await.texts(thread), ["hello", "one"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_below_what_was_delivered_meanwhile_is_delivered_too() {
    let (relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "hello").await;
    bob.hears("hello").await;
    let by_bob = ByHand::device(relay.url(), &bob.keys().await).await;
    bob.offline().await;
    let one = alice.say(thread, "one").await.local_id;
    block(&by_bob, "alice", true).await;
    alice.events.until("failed", failed(one)).await;
    block(&by_bob, "alice", false).await;
    bob.client.go_online().await.unwrap();
    let two = alice.say(thread, "two").await.local_id;
    bob.hears("two").await;
    alice.events.until("delivered", delivered(two)).await;
    alice.client.retry(one).await.unwrap();
    bob.hears("one").await;
    soon("delivered too", async {
        while state(&alice, one).await != MessageState::Delivered {
            tokio::task::yield_now().await;
        }
    })
    .await;
    let cold = alice.cold().await;
    assert_eq!(cold.messages(thread)[1].state, MessageState::Delivered);
    let cold = bob.cold().await;
    assert_eq!(cold.texts(thread), ["hello", "one", "two"], "in its place");
}
