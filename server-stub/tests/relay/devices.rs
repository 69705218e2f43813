//! Registering, listing and revoking devices; prekeys.

use crate::world::*;
use reqwest::StatusCode;
use sealwire_crypto::device::ListChange;
use sealwire_relay::{Pace, Paces};
use sealwire_wire::contract::{
    BundlesAnswer, BundlesQuery, DeviceListsAnswer, DeviceListsQuery, ErrorCode, KnownDeviceList,
    OwnDevices, PrekeyCount, PrekeyUpload, UserBundles, UserDeviceLists, WantedBundles,
};
use std::collections::HashSet;

#[tokio::test]
async fn a_second_registration_of_an_account_needs_a_grant() {
    let relay = relay().await;
    let _ = open_account(relay.url(), "alice").await;
    let (_, impostor) = new_account("alice");
    let answer = reqwest::Client::new()
        .post(format!("{}/v1/devices", relay.url()))
        .bearer_auth(platform_token(relay.url(), "alice").await)
        .json(&impostor.request)
        .send()
        .await
        .unwrap();
    refused(answer, 409, ErrorCode::AccountExists).await;
}

#[tokio::test]
async fn a_linked_device_is_listed_and_others_see_every_version() {
    let relay = relay().await;
    let Pair {
        alice,
        bob,
        mut alice_account,
        ..
    } = pair(&relay).await;
    let second = alice.link(&mut alice_account).await;

    let own: OwnDevices = ok(second.get("/v1/me/devices").send().await.unwrap()).await;
    let own: Vec<_> = own
        .devices
        .iter()
        .map(|one| (one.device_id.get(), one.active))
        .collect();
    assert_eq!(own, [(1, true), (2, true)]);

    let lists = |since: u64| {
        let path = format!("/v1/users/alice/devices?since={since}");
        bob.get(&path).send()
    };
    let all: UserDeviceLists = ok(lists(0).await.unwrap()).await;
    assert_eq!((all.version, all.lists.len()), (2, 2));
    let newer: UserDeviceLists = ok(lists(1).await.unwrap()).await;
    assert_eq!(newer.lists, all.lists[1..]);

    let query = DeviceListsQuery {
        users: [("alice", 1), ("nobody", 0)]
            .map(|(user, known_version)| KnownDeviceList {
                user_id: user.parse().unwrap(),
                known_version,
            })
            .to_vec(),
    };
    let answer = bob
        .post("/v1/devices/query")
        .json(&query)
        .send()
        .await
        .unwrap();
    let found: DeviceListsAnswer = ok(answer).await;
    assert_eq!(found.users, [newer]);

    let nobody = bob.get("/v1/users/nobody/devices").send().await.unwrap();
    refused(nobody, 404, ErrorCode::UserUnknown).await;
}

#[tokio::test]
async fn a_grant_lets_one_device_in_once() {
    let relay = relay().await;
    let (account, alice) = open_account(relay.url(), "alice").await;
    let (device_id, grant) = alice.grant(&account).await;
    let url = format!("{}/v1/devices", relay.url());
    let mut second = new_device("alice", device_id);
    second.request.grant = Some(grant.clone());
    let register = |request| alice.http.post(&url).json(request).send();
    assert_eq!(
        register(&second.request).await.unwrap().status(),
        StatusCode::CREATED
    );
    // The answer may have been lost: the same registration again is the same answer.
    assert_eq!(
        register(&second.request).await.unwrap().status(),
        StatusCode::CREATED
    );

    let mut third = new_device("alice", device_id);
    third.request.grant = Some(grant);
    let answer = problem(register(&third.request).await.unwrap()).await;
    assert!([ErrorCode::GrantUsed, ErrorCode::DeviceIdTaken].contains(&answer.code));

    let mut spoiled = new_device("alice", device_id);
    let mut forged = alice.sign_grant(&account, device_id);
    forged.account_signature.0[3] ^= 1;
    spoiled.request.grant = Some(forged);
    let answer = problem(register(&spoiled.request).await.unwrap()).await;
    assert!([ErrorCode::GrantInvalid, ErrorCode::DeviceIdTaken].contains(&answer.code));
}

#[tokio::test]
async fn a_list_that_names_a_device_that_never_registered_is_refused() {
    let relay = relay().await;
    let (account, alice) = open_account(relay.url(), "alice").await;
    let (device_id, _) = alice.grant(&account).await;
    let ghost = new_device("alice", device_id);
    let change = ListChange {
        put: vec![entry(&ghost, &account.key)],
        remove: vec![],
    };
    let answer = alice.put_list(&alice.sign_list(&account, &change)).await;
    refused(answer, 409, ErrorCode::DeviceNotRegistered).await;
}

#[tokio::test]
async fn of_two_next_versions_one_is_taken() {
    let relay = relay().await;
    let (account, alice) = open_account(relay.url(), "alice").await;
    let change = ListChange::default();
    let (one, other) = (
        alice.sign_list(&account, &change),
        alice.sign_list(&account, &change),
    );
    assert_eq!(alice.put_list(&one).await.status(), StatusCode::NO_CONTENT);
    assert_eq!(alice.put_list(&one).await.status(), StatusCode::NO_CONTENT);
    refused(
        alice.put_list(&other).await,
        409,
        ErrorCode::DeviceListConflict,
    )
    .await;
}

#[tokio::test]
async fn a_list_with_a_forged_signature_is_refused() {
    let relay = relay().await;
    let (account, alice) = open_account(relay.url(), "alice").await;
    let mut forged = alice.sign_list(&account, &ListChange::default());
    forged.signer_signature[9] ^= 1;
    refused(
        alice.put_list(&forged).await,
        400,
        ErrorCode::InvalidSignature,
    )
    .await;
    // The account key alone, which somebody may have from a backup, publishes nothing.
    let mut by_account = alice.sign_list(&account, &ListChange::default());
    by_account.signer_signature = by_account.account_signature.clone();
    refused(
        alice.put_list(&by_account).await,
        400,
        ErrorCode::InvalidSignature,
    )
    .await;
}

#[tokio::test]
async fn a_device_that_is_taken_off_the_list_may_do_nothing_more() {
    let relay = relay().await;
    let (mut account, alice) = open_account(relay.url(), "alice").await;
    let second = alice.link(&mut account).await;
    let mut socket = second.socket().await;
    socket.catch_up().await;
    let change = ListChange {
        put: vec![],
        remove: vec![2],
    };
    alice.publish(&mut account, &change).await;
    assert_eq!(socket.close_code().await, 4003);
    let answer = second.get("/v1/me/devices").send().await.unwrap();
    refused(answer, 403, ErrorCode::DeviceRevoked).await;
    let (status, _) = Socket::try_open(relay.url(), "", &second.token)
        .await
        .err()
        .unwrap();
    assert_eq!(status, 403);
}

#[tokio::test]
async fn a_one_time_key_is_given_out_once() {
    let relay = relay().await;
    let Pair { alice, bob, .. } = pair(&relay).await;
    let mut given = HashSet::new();
    for _ in 0..20 {
        let answer = alice.get("/v1/users/bob/prekeys").send().await.unwrap();
        let bundles: UserBundles = ok(answer).await;
        let key = bundles.bundles[0].one_time_prekey.as_ref().unwrap();
        assert!(given.insert(key.id), "{} was given out before", key.id);
    }
    let answer = alice
        .get("/v1/users/bob/prekeys?device_id=1")
        .send()
        .await
        .unwrap();
    let bundles: UserBundles = ok(answer).await;
    assert_eq!(bundles.bundles[0].one_time_prekey, None);

    let count: PrekeyCount = ok(bob.get("/v1/prekeys/count").send().await.unwrap()).await;
    assert_eq!((count.one_time_prekeys, count.signed_prekey_id), (0, 1));
    let upload = prekeys(&bob.identity, 2, 21..=25);
    let put = |upload: PrekeyUpload| bob.put("/v1/prekeys").json(&upload).send();
    assert_eq!(
        put(upload.clone()).await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(put(upload).await.unwrap().status(), StatusCode::NO_CONTENT);
    let count: PrekeyCount = ok(bob.get("/v1/prekeys/count").send().await.unwrap()).await;
    assert_eq!((count.one_time_prekeys, count.signed_prekey_id), (5, 2));

    let others = PrekeyUpload {
        signed_prekey: None,
        ..prekeys(&bob.identity, 3, 25..=26)
    };
    refused(put(others).await.unwrap(), 409, ErrorCode::PrekeyIdConflict).await;

    let query = BundlesQuery {
        users: ["bob", "nobody"]
            .map(|user| WantedBundles {
                user_id: user.parse().unwrap(),
                device_ids: vec![],
            })
            .to_vec(),
    };
    let answer = alice
        .post("/v1/prekeys/query")
        .json(&query)
        .send()
        .await
        .unwrap();
    let found: BundlesAnswer = ok(answer).await;
    assert_eq!(found.users.len(), 1);
    assert!(found.users[0].bundles[0].one_time_prekey.is_some());
}

#[tokio::test]
async fn a_signed_prekey_that_the_device_did_not_sign_is_refused() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let mut upload = prekeys(&alice.identity, 2, []);
    upload.signed_prekey.as_mut().unwrap().signature.0[0] ^= 1;
    let answer = alice.put("/v1/prekeys").json(&upload).send().await.unwrap();
    refused(answer, 400, ErrorCode::InvalidSignature).await;
}

#[tokio::test]
async fn a_user_does_not_make_others_verify_lists_without_end() {
    let lists = Pace {
        per_second: 0.01,
        burst: 2.0,
    };
    let paces = Paces {
        lists,
        ..Paces::default()
    };
    let relay = relay_with(|config| config.paces(paces)).await;
    let Pair {
        alice,
        bob,
        mut alice_account,
        mut bob_account,
        ..
    } = pair(&relay).await;
    let unchanged = ListChange::default();
    alice.publish(&mut alice_account, &unchanged).await;
    alice.publish(&mut alice_account, &unchanged).await;
    let third = alice.sign_list(&alice_account, &unchanged);
    let answer = problem(alice.put_list(&third).await).await;
    assert_eq!((answer.status, answer.code), (429, ErrorCode::RateLimited));
    bob.publish(&mut bob_account, &unchanged).await;
}

#[tokio::test]
async fn a_device_that_floods_does_not_keep_the_others_from_removing_it() {
    let lists = Pace {
        per_second: 0.01,
        burst: 3.0,
    };
    let paces = Paces {
        lists,
        ..Paces::default()
    };
    let relay = relay_with(|config| config.paces(paces)).await;
    let Pair {
        bob,
        mut bob_account,
        ..
    } = pair(&relay).await;
    let stolen = bob.link(&mut bob_account).await;
    let nonsense = || stolen.put("/v1/me/devices/list").json(&1).send();
    while nonsense().await.unwrap().status() != StatusCode::TOO_MANY_REQUESTS {}
    let removed = ListChange {
        put: Vec::new(),
        remove: vec![stolen.name.device_id.get()],
    };
    bob.publish(&mut bob_account, &removed).await;
}
