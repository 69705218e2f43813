//! Tokens: who gets one, and what does not count as one.

use crate::world::*;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Client, StatusCode};
use sealwire_relay::{Relay, RelayConfig, RelayData, StartError, Timings};
use sealwire_wire::DeviceId;
use sealwire_wire::contract::{ErrorCode, PlatformTokenRequest, TokenRequest};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_device_proves_its_key_and_may_use_its_token() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let answer = alice.get("/v1/me/devices").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_token_of_this_relay_is_unauthorized() {
    let (relay, other) = (relay().await, relay().await);
    let (_, mut alice) = open_account(relay.url(), "alice").await;
    let (_, elsewhere) = open_account(other.url(), "alice").await;
    let platform = platform_token(relay.url(), "alice").await;
    let cut = alice.token[..alice.token.len() - 4].to_owned();
    for forged in [
        elsewhere.token,
        platform,
        cut,
        "x".repeat(7000),
        String::new(),
    ] {
        alice.token = forged;
        let answer = alice.get("/v1/prekeys/count").send().await.unwrap();
        refused(answer, 401, ErrorCode::Unauthorized).await;
    }
    let url = format!("{}/v1/me/devices", relay.url());
    for header in ["Basic YTpi", "Bearer", "bearer"] {
        let request = Client::new().get(&url).header("authorization", header);
        refused(request.send().await.unwrap(), 401, ErrorCode::Unauthorized).await;
    }
    refused(
        Client::new().get(&url).send().await.unwrap(),
        401,
        ErrorCode::Unauthorized,
    )
    .await;
}

#[tokio::test]
async fn a_token_that_has_ended_says_so() {
    let timings = Timings {
        token_lifetime: Duration::ZERO,
        ..Timings::default()
    };
    let relay = relay_with(|config| config.timings(timings)).await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    // It counts to the end of its second.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let answer = alice.get("/v1/me/devices").send().await.unwrap();
    refused(answer, 401, ErrorCode::TokenExpired).await;
}

#[tokio::test]
async fn a_challenge_is_good_once_and_for_its_device_alone() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let (_, bob) = open_account(relay.url(), "bob").await;
    let url = format!("{}/v1/auth/token", relay.url());
    let ask = |request: TokenRequest| alice.http.post(&url).json(&request).send();

    let proof = alice.proof().await;
    assert_eq!(ask(proof.clone()).await.unwrap().status(), StatusCode::OK);
    refused(ask(proof).await.unwrap(), 401, ErrorCode::ChallengeInvalid).await;

    let mut as_bob = alice.proof().await;
    as_bob.user_id = bob.name.user_id.clone();
    assert_eq!(
        ask(as_bob).await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );

    let mut spoiled = alice.proof().await;
    spoiled.signature.0[5] ^= 1;
    assert!(ask(spoiled).await.unwrap().status().is_client_error());

    let mut invented = alice.proof().await;
    invented.nonce.0 = vec![9; 32];
    refused(
        ask(invented).await.unwrap(),
        401,
        ErrorCode::ChallengeInvalid,
    )
    .await;
}

#[tokio::test]
async fn an_answer_for_another_relay_opens_nothing_here() {
    let relay = relay_with(|config| config.public_origin("http://localhost:1")).await;
    let (_, first) = new_account("alice");
    let answer = Client::new()
        .post(format!("{}/v1/devices", relay.url()))
        .bearer_auth(platform_token(relay.url(), "alice").await)
        .json(&first.request)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    // This device signs the address that it reached, which is not the relay's public origin.
    let alice = Device::without_token(relay.url(), first);
    let url = format!("{}/v1/auth/token", relay.url());
    let answer = alice.http.post(url).json(&alice.proof().await).send().await;
    assert!(answer.unwrap().status().is_client_error());
}

#[tokio::test]
async fn a_device_that_no_list_holds_gets_no_token() {
    let relay = relay().await;
    let (account, alice) = open_account(relay.url(), "alice").await;
    let (device_id, grant) = alice.grant(&account).await;
    let mut second = new_device("alice", device_id);
    second.request.grant = Some(grant);
    let url = format!("{}/v1/devices", relay.url());
    let answer = alice.http.post(url).json(&second.request).send().await;
    assert_eq!(answer.unwrap().status(), StatusCode::CREATED);
    let second = Device::without_token(relay.url(), second);
    let url = format!("{}/v1/auth/token", relay.url());
    let answer = alice
        .http
        .post(url)
        .json(&second.proof().await)
        .send()
        .await;
    refused(answer.unwrap(), 403, ErrorCode::DeviceRevoked).await;
}

#[tokio::test]
async fn dev_tokens_are_for_this_machine_under_its_own_name() {
    let relay = relay().await;
    let url = format!("{}/v1/dev/platform-token", relay.url());
    let user_id = "alice".parse().unwrap();
    let answer = Client::new()
        .post(url)
        .header("host", "rebound.evil.example")
        .json(&PlatformTokenRequest { user_id })
        .send()
        .await
        .unwrap();
    refused(answer, 403, ErrorCode::Forbidden).await;
}

#[tokio::test]
async fn dev_mode_gives_no_token_to_whoever_is_behind_a_proxy() {
    for (behind_proxy, header) in [(true, "accept"), (false, "x-forwarded-for"), (false, "via")] {
        let relay = relay_with(|config| config.behind_proxy(behind_proxy)).await;
        let user_id = "alice".parse().unwrap();
        let answer = Client::new()
            .post(format!("{}/v1/dev/platform-token", relay.url()))
            .header(header, "192.0.2.1")
            .json(&PlatformTokenRequest { user_id })
            .send()
            .await
            .unwrap();
        refused(answer, 403, ErrorCode::Forbidden).await;
    }
}

#[tokio::test]
async fn dev_mode_has_no_public_origin() {
    let config = RelayConfig::new(RelayData::Memory).public_origin("https://relay.example");
    let refused = Relay::start(config).await.err();
    assert!(matches!(refused, Some(StartError::PublicDevMode(_))));
}

#[tokio::test]
async fn dev_mode_listens_on_loopback_alone() {
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let config = RelayConfig::new(RelayData::Memory).listen(everywhere);
    let refused = Relay::start(config).await.err().unwrap();
    assert!(matches!(refused, StartError::NotLoopback(address) if address == everywhere));
    assert!(refused.to_string().contains("--platform-jwks"));
}

/// An Ed25519 key of a platform (RFC 8410, section 7, around a raw seed).
fn platform_key(seed: u8) -> EncodingKey {
    let head = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    EncodingKey::from_ed_der(&[head.as_slice(), &[seed; 32]].concat())
}

#[tokio::test]
async fn with_the_platforms_keys_its_tokens_count_and_dev_mode_is_off() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let jwk = Jwk::from_encoding_key(&platform_key(1), Algorithm::EdDSA).unwrap();
    std::fs::write(&file, json!({ "keys": [jwk] }).to_string()).unwrap();
    let relay = relay_with(|config| config.platform_jwks(&file)).await;

    let dev = Client::new().post(format!("{}/v1/dev/platform-token", relay.url()));
    let dev = dev.json(&json!({"user_id": "alice"})).send().await.unwrap();
    refused(dev, 404, ErrorCode::NotFound).await;

    let claims = json!({"sub": "alice", "exp": now_ms() / 1000 + 60, "aud": "sealwire"});
    let sign = |seed| {
        jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &platform_key(seed)).unwrap()
    };
    let (_, first) = new_account("alice");
    let register = |token: String| {
        let request = Client::new().post(format!("{}/v1/devices", relay.url()));
        request.bearer_auth(token).json(&first.request).send()
    };
    let forged = register(sign(2)).await.unwrap();
    refused(forged, 401, ErrorCode::Unauthorized).await;
    let registered = register(sign(1)).await.unwrap();
    assert_eq!(registered.status(), StatusCode::CREATED);
}

#[tokio::test]
async fn a_relay_that_listens_everywhere_is_told_its_origin() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("jwks.json");
    let jwk = Jwk::from_encoding_key(&platform_key(1), Algorithm::EdDSA).unwrap();
    std::fs::write(&file, json!({ "keys": [jwk] }).to_string()).unwrap();
    for everywhere in ["0.0.0.0:0", "[::]:0"] {
        let config = RelayConfig::new(RelayData::Memory)
            .platform_jwks(&file)
            .listen(everywhere.parse().unwrap());
        let refused = Relay::start(config.clone()).await.err().unwrap();
        assert!(matches!(refused, StartError::NoOrigin(_)));
        assert!(refused.to_string().contains("--public-origin"));
    }
    let config = RelayConfig::new(RelayData::Memory)
        .platform_jwks(&file)
        .listen("0.0.0.0:0".parse().unwrap())
        .public_origin("https://relay.example");
    Relay::start(config).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn a_platform_token_opens_the_account_of_its_user_alone() {
    let relay = relay().await;
    let (_, first) = new_account("alice");
    assert_eq!(first.request.device_id, DeviceId::FIRST);
    let register = |token: Option<String>| {
        let request = Client::new().post(format!("{}/v1/devices", relay.url()));
        let request = match token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        request.json(&first.request).send()
    };
    let bobs = platform_token(relay.url(), "bob").await;
    let answer = problem(register(Some(bobs)).await.unwrap()).await;
    assert!([401, 403].contains(&answer.status), "{}", answer.detail);
    let answer = problem(register(None).await.unwrap()).await;
    assert!([401, 403].contains(&answer.status), "{}", answer.detail);
}
