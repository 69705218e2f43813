//! Prekeys run out, disagree, are spoilt: sessions begin all the same, or wait alone.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire_relay::{Relay, RelayConfig, RelayData};
use sealwire_tests::{
    ByHand, Device, Fate, PATIENCE, answer, fields_of, pair, problem, same_everywhere, start_pair,
};
use sealwire_wire::contract::ErrorCode;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

async fn left(by: &ByHand) -> u64 {
    let count = by.get("/v1/prekeys/count").await;
    fields_of(&count)["one_time_prekeys"].as_u64().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_begins_without_a_one_time_key_when_all_are_given_out() {
    let config = RelayConfig::new(RelayData::Memory).without_limits();
    let relay = Relay::start(config).await.unwrap();
    let (alice, bob, thread) = pair(relay.url()).await;
    let by_bob = ByHand::device(relay.url(), &bob.keys().await).await;
    let by_alice = ByHand::device(relay.url(), &alice.keys().await).await;
    let bob = bob.close().await;
    assert_eq!(left(&by_bob).await, 100);
    let mut last = None;
    for _ in 0..101 {
        last = Some(fields_of(&by_alice.get("/v1/users/bob/prekeys").await));
    }
    assert!(last.unwrap()["bundles"][0]["one_time_prekey"].is_null());
    alice.say(thread, "hello").await;
    let bob = bob.open_online().await;
    bob.hears("hello").await;
    bob.say(thread, "hello to you").await;
    alice.hears("hello to you").await;
    // And it is topped up.
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while left(&by_bob).await < 100 {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    same_everywhere(thread, vec![alice, bob], &["hello", "hello to you"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_waits_for_the_peers_one_time_keys_and_no_other_thread_waits_for_it() {
    let (relay, alice, bob, thread) = start_pair().await;
    let carol = Device::register(relay.url(), "carol").await;
    let exhausted = Arc::new(AtomicBool::new(true));
    let still = Arc::clone(&exhausted);
    alice.adversary.on_request(move |seen| {
        let asks_bob =
            seen.is("POST", "/v1/prekeys/query") && seen.body.to_string().contains("bob");
        if asks_bob && still.load(Ordering::SeqCst) {
            let mut refusal = problem(ErrorCode::PrekeysExhausted);
            refusal.retry_after_ms = Some(1_500);
            return Fate::Answered(refusal);
        }
        Fate::Passed
    });
    let waiting = alice.write(thread, "to bob").await;
    let with_carol = alice.client.direct_thread("carol").await.unwrap();
    alice.say(with_carol, "to carol").await;
    carol.hears("to carol").await;
    let asked = |seen: &sealwire_tests::Adversary| {
        let requests = seen.requests();
        let asked = requests
            .iter()
            .filter(|seen| seen.is("POST", "/v1/prekeys/query"));
        (asked.count() >= 3).then_some(())
    };
    alice.adversary.until("it is asked for again", asked).await;
    assert!(bob.texts(thread).await.is_empty());
    exhausted.store(false, Ordering::SeqCst);
    sealwire_tests::soon("sent", alice.client.wait_until_sent(waiting.local_id))
        .await
        .unwrap();
    bob.hears("to bob").await;
    same_everywhere(thread, vec![alice, bob], &["to bob"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_relay_has_other_keys_a_new_signed_prekey_is_uploaded_at_the_next_connect() {
    let (relay, alice, bob, thread) = start_pair().await;
    let home = bob.close().await;
    let bob = home.open().await;
    bob.adversary.on_request(|seen| {
        if seen.is("POST", "/v1/prekeys/check") {
            let said = json!({
                "matches": false,
                "count": { "one_time_prekeys": 100, "signed_prekey_id": 1 },
            });
            return Fate::Answered(answer(200, said.to_string()));
        }
        Fate::Passed
    });
    bob.adversary.break_socket();
    let uploaded = |seen: &sealwire_tests::Adversary| {
        let requests = seen.requests();
        let upload = requests.iter().find(|seen| seen.is("PUT", "/v1/prekeys"))?;
        upload.body["signed_prekey"]["id"].as_u64()
    };
    assert_eq!(bob.adversary.until("an upload", uploaded).await, 2);
    bob.adversary.rest();
    bob.online().await;
    let by_alice = ByHand::device(relay.url(), &alice.keys().await).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let bundle = fields_of(&by_alice.get("/v1/users/bob/prekeys").await);
        if bundle["bundles"][0]["signed_prekey"]["id"].as_u64() >= Some(2) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    alice.say(thread, "hello").await;
    bob.hears("hello").await;
    same_everywhere(thread, vec![alice, bob], &["hello"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_demands_one_time_keys_holds_a_first_message_up_until_there_are_some() {
    let config = RelayConfig::new(RelayData::Memory).without_limits();
    let relay = Relay::start(config.demand_one_time_prekeys(true))
        .await
        .unwrap();
    let (alice, bob, thread) = pair(relay.url()).await;
    let by_bob = ByHand::device(relay.url(), &bob.keys().await).await;
    let by_alice = ByHand::device(relay.url(), &alice.keys().await).await;
    let bob = bob.close().await;
    for _ in 0..100 {
        assert_eq!(by_alice.get("/v1/users/bob/prekeys").await.status, 200);
    }
    let refused = by_alice.get("/v1/users/bob/prekeys").await;
    assert_eq!(refused.status, 503);
    assert_eq!(ByHand::code(&refused), "prekeys_exhausted");
    assert!(refused.retry_after_ms.is_some());
    // The relay's refusal is passed on; its minute is made a second, for the sake of this test alone.
    alice.adversary.on_request(|seen| {
        if !seen.is("POST", "/v1/prekeys/query") {
            return Fate::Passed;
        }
        Fate::Rewritten(Box::new(|mut answer| {
            if answer.status == 503 {
                assert_eq!(ByHand::code(&answer), "prekeys_exhausted");
                let mut body = fields_of(&answer);
                body["retry_after_ms"] = json!(1_000);
                answer.body = body.to_string().into_bytes();
                answer.retry_after_ms = Some(1_000);
            }
            answer
        }))
    });
    let waiting = alice.write(thread, "hello").await;
    let asked = |seen: &sealwire_tests::Adversary| {
        let requests = seen.requests();
        let asked = requests
            .iter()
            .any(|seen| seen.is("POST", "/v1/prekeys/query"));
        asked.then_some(())
    };
    alice.adversary.until("it is asked for", asked).await;
    assert_eq!((alice.adversary.sends().len(), left(&by_bob).await), (0, 0));
    let bob = bob.open_online().await;
    bob.hears("hello").await;
    sealwire_tests::soon("sent", alice.client.wait_until_sent(waiting.local_id))
        .await
        .unwrap();
    bob.say(thread, "hello to you").await;
    alice.hears("hello to you").await;
    same_everywhere(thread, vec![alice, bob], &["hello", "hello to you"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_that_the_relay_answers_with_no_renews_the_signed_prekey_and_a_collision_skips_ahead()
 {
    let (relay, alice, bob, thread) = start_pair().await;
    let keys = bob.keys().await;
    let by_bob = ByHand::device(relay.url(), &keys).await;
    let by_alice = ByHand::device(relay.url(), &alice.keys().await).await;
    let bob = bob.close().await;
    // Under the very number that comes next, a key that Bob's store knows nothing of.
    let uploaded = by_bob.upload_signed_prekey(2, &keys.identity).await;
    assert!(uploaded.status < 300, "{}", uploaded.status);
    let bob = bob.open_online().await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let bundle = fields_of(&by_alice.get("/v1/users/bob/prekeys").await);
        if bundle["bundles"][0]["signed_prekey"]["id"].as_u64() > Some(2) {
            break;
        }
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    alice.say(thread, "hello").await;
    bob.hears("hello").await;
    same_everywhere(thread, vec![alice, bob], &["hello"]).await;
}
