//! Histories that end too early, or never.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::Event;
use sealwire_tests::{Fate, answer, edit, same_everywhere, start_pair};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_is_cut_short_is_missed_with_the_next_message() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "zero").await;
    bob.hears("zero").await;
    bob.adversary.on_frame(|frame| match frame["t"] == "msg" {
        true => Vec::new(),
        false => vec![frame],
    });
    bob.adversary.on_request(|seen| {
        if !seen.is("GET", "/v1/threads/") {
            return Fate::Passed;
        }
        edit(|page| {
            page["messages"].as_array_mut().unwrap().truncate(2);
            page["has_more"] = json!(false);
        })
    });
    alice.say(thread, "one").await;
    let held_back = alice.say(thread, "two").await;
    assert_eq!(bob.client.sync_thread(thread).await.unwrap(), 1);
    bob.adversary.rest();
    alice.say(thread, "three").await;
    bob.hears("three").await;
    bob.events
        .until("missed", |event| {
            matches!(event, Event::MessageMissing { client_seq, .. } if *client_seq == held_back.client_seq)
        })
        .await;
    assert_eq!(bob.cold().await.texts(thread), ["zero", "one", "three"]);
    same_everywhere(thread, vec![alice], &["zero", "one", "two", "three"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_whose_place_moves_for_ever_is_given_up() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    let mut place = 0;
    bob.adversary.on_request(move |seen| {
        if !seen.is("GET", "/v1/threads/") {
            return Fate::Passed;
        }
        place += 1;
        let page = json!({"messages": [], "next_cursor": place.to_string(), "has_more": true});
        Fate::Answered(answer(200, page.to_string()))
    });
    let error = bob.client.sync_thread(thread).await.unwrap_err();
    assert_eq!(error.code(), "relay_garbage");
    assert!(error.retryable());
    bob.adversary.rest();
    // The place that it was led to is none of the true relay's: it reads from the beginning, and finds all.
    bob.client.sync_thread(thread).await.unwrap();
    alice.say(thread, "after").await;
    bob.hears("after").await;
    same_everywhere(thread, vec![alice, bob], &["before", "after"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_whose_place_goes_in_circles_is_given_up() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.say(thread, "before").await;
    bob.hears("before").await;
    let mut turn = 0;
    bob.adversary.on_request(move |seen| {
        if !seen.is("GET", "/v1/threads/") {
            return Fate::Passed;
        }
        turn += 1;
        let next = ["a", "b"][turn % 2];
        let page = json!({"messages": [], "next_cursor": next, "has_more": true});
        Fate::Answered(answer(200, page.to_string()))
    });
    let error = bob.client.sync_thread(thread).await.unwrap_err();
    assert_eq!(error.code(), "relay_garbage");
    bob.adversary.rest();
    alice.say(thread, "after").await;
    bob.hears("after").await;
    same_everywhere(thread, vec![alice, bob], &["before", "after"]).await;
}
