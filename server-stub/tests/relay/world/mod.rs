//! Accounts and devices as a client would make them, and a relay for them.

mod device;
mod registration;
mod socket;

pub(crate) use registration::{
    Unregistered, entry, kem_prekeys, new_account, new_device, prekeys, wire_list,
};
pub(crate) use socket::{Heard, Socket};

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use reqwest::{Client, Response, StatusCode};
use sealwire_crypto::device::DeviceList;
use sealwire_crypto::keys::{AccountKeyPair, IdentityKeyPair};
use sealwire_relay::{Relay, RelayConfig, RelayData};
use sealwire_wire::contract::{
    DeviceName, ErrorCode, MessageKind, PlatformTokenRequest, Problem, SendMessage, Token,
};
use sealwire_wire::{Base64, Bytes32, ClientSeq, ThreadId, UserId};
use std::time::Duration;

/// Nothing on loopback takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

/// A relay that keeps nothing.
pub(crate) async fn relay() -> Relay {
    relay_with(|config| config).await
}

pub(crate) async fn relay_with(change: impl FnOnce(RelayConfig) -> RelayConfig) -> Relay {
    let config = change(RelayConfig::new(RelayData::Memory));
    Relay::start(config).await.unwrap()
}

pub(crate) fn rng() -> ChaCha20Rng {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).unwrap();
    ChaCha20Rng::from_seed(seed)
}

/// An account as its devices hold it: its key and the end of its list's chain.
pub(crate) struct Account {
    pub(crate) user_id: UserId,
    pub(crate) key: AccountKeyPair,
    pub(crate) list: DeviceList,
}

/// A device with its keys, and its way to the relay.
pub(crate) struct Device {
    pub(crate) name: DeviceName,
    pub(crate) identity: IdentityKeyPair,
    pub(crate) registration_id: u32,
    pub(crate) base: String,
    pub(crate) token: String,
    pub(crate) http: Client,
}

/// Two people with one device each.
pub(crate) struct Pair {
    pub(crate) alice: Device,
    pub(crate) bob: Device,
    pub(crate) alice_account: Account,
    pub(crate) bob_account: Account,
    pub(crate) thread: ThreadId,
}

pub(crate) async fn pair(relay: &Relay) -> Pair {
    let (alice_account, alice) = open_account(relay.url(), "alice").await;
    let (bob_account, bob) = open_account(relay.url(), "bob").await;
    let thread = ThreadId::direct(&alice.name.user_id, &bob.name.user_id);
    Pair {
        alice,
        bob,
        alice_account,
        bob_account,
        thread,
    }
}

pub(crate) async fn platform_token(base: &str, user: &str) -> String {
    let user_id = user.parse().unwrap();
    let answer = Client::new()
        .post(format!("{base}/v1/dev/platform-token"))
        .json(&PlatformTokenRequest { user_id })
        .send()
        .await
        .unwrap();
    ok::<Token>(answer).await.token
}

/// Opens an account with its first device.
pub(crate) async fn open_account(base: &str, user: &str) -> (Account, Device) {
    let (account, first) = new_account(user);
    let answer = Client::new()
        .post(format!("{base}/v1/devices"))
        .bearer_auth(platform_token(base, user).await)
        .json(&first.request)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    (account, Device::of(base, first).await)
}

/// A message to these devices; in a 1:1 thread the first of them is the other user's.
pub(crate) fn message(client_seq: u64, to: &[&Device]) -> SendMessage {
    SendMessage {
        client_seq: ClientSeq(client_seq),
        ciphertext: Base64(format!("sealed {client_seq:0>200}").into_bytes()),
        commitment: Bytes32([3; 32]),
        envelopes: to.iter().map(|device| device.envelope()).collect(),
        device_list_versions: std::collections::BTreeMap::new(),
        kind: MessageKind::Message,
        target_msg_id: None,
        ttl_seconds: None,
        attachment_ids: Vec::new(),
        urgent: false,
        to: to.first().map(|device| device.name.user_id.clone()),
    }
}

pub(crate) fn now_ms() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.unwrap().as_millis() as u64
}

/// The body of an answer that went well.
pub(crate) async fn ok<T: serde::de::DeserializeOwned>(answer: Response) -> T {
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{status}: {text}");
    serde_json::from_str(&text).unwrap()
}

/// The problem of an answer that did not, after a look at its form.
pub(crate) async fn problem(answer: Response) -> Problem {
    let status = answer.status();
    let content_type = answer.headers()["content-type"]
        .to_str()
        .unwrap()
        .to_owned();
    let retry_after = answer.headers().contains_key("retry-after");
    let text = answer.text().await.unwrap();
    assert_eq!(content_type, "application/problem+json", "{status}: {text}");
    let problem: Problem = serde_json::from_str(&text).unwrap();
    assert_eq!(problem.status, status.as_u16(), "{text}");
    assert_eq!(problem.retry_after_ms.is_some(), retry_after, "{text}");
    assert!(
        !problem.detail.is_empty() && !problem.title.is_empty(),
        "{text}"
    );
    problem
}

/// An answer has this status and code.
pub(crate) async fn refused(answer: Response, status: u16, code: ErrorCode) {
    let problem = problem(answer).await;
    assert_eq!(
        (problem.status, problem.code),
        (status, code),
        "{}",
        problem.detail
    );
}
