//! Prekeys over HTTP: the two modes of a device that has run out, and the check of keys that are given out again and again.

use crate::world::*;
use reqwest::StatusCode;
use sealwire_wire::Bytes32;
use sealwire_wire::contract::{
    BundlesQuery, ErrorCode, PrekeyCheck, PrekeyCheckAnswer, PrekeyCount, UserBundles,
    WantedBundles,
};

#[tokio::test]
async fn a_bundle_comes_without_a_one_time_key_when_none_is_left() {
    let relay = relay().await;
    let Pair { alice, .. } = pair(&relay).await;
    for left in (0..20).rev() {
        let answer = alice.get("/v1/users/bob/prekeys").send().await.unwrap();
        let bundles: UserBundles = ok(answer).await;
        assert!(bundles.bundles[0].one_time_prekey.is_some(), "{left}");
    }
    let answer = alice.get("/v1/users/bob/prekeys").send().await.unwrap();
    let bundles: UserBundles = ok(answer).await;
    assert_eq!(bundles.bundles[0].one_time_prekey, None);
}

#[tokio::test]
async fn a_deployment_that_demands_one_time_keys_answers_503_and_takes_none_of_others() {
    let relay = relay_with(|config| config.demand_one_time_prekeys(true)).await;
    let Pair { alice, bob, .. } = pair(&relay).await;
    let (_, carol) = open_account(relay.url(), "carol").await;
    for _ in 0..20 {
        let answer = alice.get("/v1/users/bob/prekeys").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
    let answer = alice.get("/v1/users/bob/prekeys").send().await.unwrap();
    let refusal = problem(answer).await;
    assert_eq!(
        (refusal.status, refusal.code),
        (503, ErrorCode::PrekeysExhausted)
    );
    assert!(refusal.retryable && refusal.retry_after_ms.is_some());
    let users = ["carol", "bob"].map(|user| WantedBundles {
        user_id: user.parse().unwrap(),
        device_ids: Vec::new(),
    });
    let query = BundlesQuery {
        users: users.to_vec(),
    };
    let answer = alice.post("/v1/prekeys/query").json(&query).send().await;
    refused(answer.unwrap(), 503, ErrorCode::PrekeysExhausted).await;
    let left = carol.get("/v1/prekeys/count").send().await.unwrap();
    assert_eq!(ok::<PrekeyCount>(left).await.one_time_prekeys, 20);
    // A top-up ends it.
    let more = prekeys(&bob.identity, 2, 21..=25);
    bob.put("/v1/prekeys").json(&more).send().await.unwrap();
    let answer = alice.get("/v1/users/bob/prekeys").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_check_of_other_keys_than_the_relay_has_does_not_match() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let check = PrekeyCheck {
        digest: Bytes32([9; 32]),
    };
    let answer = alice.post("/v1/prekeys/check").json(&check).send().await;
    let answer: PrekeyCheckAnswer = ok(answer.unwrap()).await;
    assert!(!answer.matches);
    assert_eq!(
        (answer.count.one_time_prekeys, answer.count.signed_prekey_id),
        (20, 1)
    );
}
