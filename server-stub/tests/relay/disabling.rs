//! Disabling a device at once, without a signature.

use crate::world::*;
use reqwest::{Client, Method, Response, StatusCode};
use sealwire_crypto::device::ListChange;
use sealwire_relay::{Pace, Paces};
use sealwire_wire::DeviceId;
use sealwire_wire::contract::{ErrorCode, OwnDevices, UserBundles, UserDeviceLists};
use std::time::{Duration, Instant};

async fn disable(by: &Device, device: DeviceId) -> Response {
    as_holder(&by.base, Method::DELETE, device, &by.token).await
}

async fn as_holder(base: &str, method: Method, device: DeviceId, token: &str) -> Response {
    Client::new()
        .request(method, format!("{base}/v1/devices/{device}"))
        .bearer_auth(token)
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_disabled_device_is_cut_off_its_socket_included() {
    let relay = relay().await;
    let Pair {
        bob,
        mut bob_account,
        ..
    } = pair(&relay).await;
    let lost = bob.link(&mut bob_account).await;
    let mut socket = lost.socket().await;
    socket.catch_up().await;
    let answer = disable(&bob, lost.name.device_id).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(socket.close_code().await, 4003);
    // Its token counts for nothing, and it gets no other.
    let asked = lost.get("/v1/me/devices").send().await.unwrap();
    refused(asked, 403, ErrorCode::DeviceRevoked).await;
    let again = Socket::try_open(&lost.base, "", &lost.token).await;
    assert_eq!(again.err().unwrap().0, 403);
    let proof = lost.proof().await;
    let url = format!("{}/v1/auth/token", lost.base);
    let token = Client::new().post(url).json(&proof).send().await.unwrap();
    refused(token, 403, ErrorCode::DeviceRevoked).await;
    // Once more is the same; a stranger to the account is nobody.
    let again = disable(&bob, lost.name.device_id).await;
    assert_eq!(again.status(), StatusCode::NO_CONTENT);
    let unknown = disable(&bob, DeviceId::new(9).unwrap()).await;
    refused(unknown, 404, ErrorCode::NotFound).await;
    let own: OwnDevices = ok(bob.get("/v1/me/devices").send().await.unwrap()).await;
    assert_eq!(own.devices[0].disabled_at, None);
    assert!(own.devices[1].disabled_at.is_some() && own.devices[1].active);
}

#[tokio::test]
async fn the_socket_of_a_disabled_device_is_closed_within_a_second() {
    let relay = relay().await;
    let Pair {
        bob,
        mut bob_account,
        ..
    } = pair(&relay).await;
    let mut quickest = Duration::MAX;
    // A machine that stops for a while does not do so each time.
    for _ in 0..3 {
        let lost = bob.link(&mut bob_account).await;
        let mut socket = lost.socket().await;
        socket.catch_up().await;
        let began = Instant::now();
        disable(&bob, lost.name.device_id).await;
        assert_eq!(socket.close_code().await, 4003);
        quickest = began.elapsed().min(quickest);
    }
    assert!(quickest < Duration::from_secs(1), "{quickest:?}");
}

#[tokio::test]
async fn senders_may_leave_a_disabled_device_out_or_not_and_a_list_removes_it() {
    let relay = relay().await;
    let Pair {
        alice,
        bob,
        thread,
        mut bob_account,
        ..
    } = pair(&relay).await;
    let lost = bob.link(&mut bob_account).await;
    disable(&bob, lost.name.device_id).await;
    alice.sent(thread, 1, &[&bob]).await;
    alice.sent(thread, 2, &[&bob, &lost]).await;
    let path = "/v1/users/bob/prekeys";
    let bundles: UserBundles = ok(alice.get(path).send().await.unwrap()).await;
    assert_eq!(bundles.bundles.len(), 1);
    // The lists stay as they were signed, until one removes it.
    let path = "/v1/users/bob/devices?since=1";
    let lists: UserDeviceLists = ok(alice.get(path).send().await.unwrap()).await;
    assert_eq!(lists.version, 2);
    let change = ListChange {
        put: Vec::new(),
        remove: vec![lost.name.device_id.get()],
    };
    bob.publish(&mut bob_account, &change).await;
    let named = problem(alice.send(thread, 3, &[&bob, &lost]).await).await;
    assert_eq!(named.device_mismatch.unwrap().extra, [lost.name]);
    assert_eq!(bob.socket().await.catch_up().await.0, [1, 2]);
}

#[tokio::test]
async fn the_platform_lists_and_disables_devices_also_the_last_one() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let (of_bob, of_alice) = (
        platform_token(relay.url(), "bob").await,
        platform_token(relay.url(), "alice").await,
    );
    let url = format!("{}/v1/me/devices", relay.url());
    let list = async |token: &str| {
        let answer = Client::new().get(&url).bearer_auth(token).send().await;
        ok::<OwnDevices>(answer.unwrap()).await.devices
    };
    assert_eq!(list(&of_bob).await.len(), 1);
    let device = bob.name.device_id;
    let answer = as_holder(&bob.base, Method::DELETE, device, &of_bob).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    let asked = bob.get("/v1/me/devices").send().await.unwrap();
    refused(asked, 403, ErrorCode::DeviceRevoked).await;
    assert!(list(&of_bob).await[0].disabled_at.is_some());
    assert_eq!(list(&of_alice).await[0].disabled_at, None);
    // What is sent meanwhile waits for nobody, and is stored.
    let mut message = message(1, &[]);
    message.to = Some(bob.name.user_id);
    let answer = alice.send_message(thread, &message).await;
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
}

#[tokio::test]
async fn the_platforms_word_for_a_user_goes_at_a_devices_pace_and_takes_none_of_theirs() {
    let mut paces = Paces::default();
    paces.requests.device = Pace::new(0.01, 2.0);
    let relay = relay_with(|config| config.paces(paces)).await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let (of_alice, of_bob) = (
        platform_token(relay.url(), "alice").await,
        platform_token(relay.url(), "bob").await,
    );
    let url = format!("{}/v1/me/devices", relay.url());
    let list = async |token: &str| {
        let answer = Client::new().get(&url).bearer_auth(token).send().await;
        answer.unwrap()
    };
    for _ in 0..2 {
        assert_eq!(list(&of_alice).await.status(), StatusCode::OK);
    }
    refused(list(&of_alice).await, 429, ErrorCode::RateLimited).await;
    let device = DeviceId::new(2).unwrap();
    let answer = as_holder(&alice.base, Method::DELETE, device, &of_alice).await;
    refused(answer, 429, ErrorCode::RateLimited).await;
    assert_ne!(list(&of_bob).await.status(), StatusCode::TOO_MANY_REQUESTS);
    let own = alice.get("/v1/me/devices").send().await.unwrap();
    assert_eq!(own.status(), StatusCode::OK);
}
