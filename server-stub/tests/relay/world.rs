//! Accounts and devices as a client would make them, and a relay for them.

use futures_util::{SinkExt as _, StreamExt as _};
use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng as _;
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use sealwire_crypto::challenge::Challenge as SignedText;
use sealwire_crypto::device::{
    DeviceList, ListChange, NewDevice, RegistrationGrant, SignedDeviceList, consent_to_listing,
};
use sealwire_crypto::keys::{AccountKeyPair, IdentityKeyPair, OneTimePreKeyPair, SignedPreKeyPair};
use sealwire_relay::{Relay, RelayConfig, RelayData};
use sealwire_wire::contract::{
    Challenge, ChallengeRequest, ClientFrame, DeviceEnvelope, DeviceName, EnvelopeType, ErrorCode,
    PlatformTokenRequest, PrekeyUpload, Problem, PublicPrekey, PublicSignedPrekey,
    PublishDeviceList, RegisterDevice, ReservedDevice, SendMessage, SentMessage, ServerEvent,
    ServerFrame, SignedGrant, SignedList, Token, TokenRequest,
};
use sealwire_wire::{Base64, Bytes32, ClientSeq, DeviceId, ThreadId, UserId};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// Nothing on loopback takes longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

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

/// A device's registration before it is sent, so that a test can spoil it.
pub(crate) struct Unregistered {
    pub(crate) identity: IdentityKeyPair,
    pub(crate) request: RegisterDevice,
}

pub(crate) fn new_device(user: &str, device_id: DeviceId) -> Unregistered {
    let identity = IdentityKeyPair::generate(&mut rng());
    let request = RegisterDevice {
        user_id: user.parse().unwrap(),
        device_id,
        identity_key: identity.public().to_bytes().into(),
        registration_id: 1000 + device_id.get(),
        prekeys: prekeys(&identity, 1, 1..=20),
        list: None,
        grant: None,
    };
    Unregistered { identity, request }
}

/// A first device with list version 1, and its account.
pub(crate) fn new_account(user: &str) -> (Account, Unregistered) {
    let mut first = new_device(user, DeviceId::FIRST);
    let key = AccountKeyPair::generate(&mut rng());
    let entry = entry(&first, &key);
    let signed =
        SignedDeviceList::sign_first(&key, &first.identity, user, &entry, 1, &mut rng()).unwrap();
    let list = signed.verify_first(user).unwrap();
    first.request.list = Some(wire_list(&signed));
    let user_id = user.parse().unwrap();
    (Account { user_id, key, list }, first)
}

pub(crate) fn entry(device: &Unregistered, account: &AccountKeyPair) -> NewDevice {
    let user = device.request.user_id.as_str();
    NewDevice {
        device_id: device.request.device_id.get(),
        registration_id: device.request.registration_id,
        identity_key: device.identity.public(),
        added_at_ms: 1,
        protocol_versions: vec![3],
        features: Vec::new(),
        device_signature: consent_to_listing(&device.identity, user, &account.public(), &mut rng())
            .unwrap(),
    }
}

pub(crate) fn prekeys(
    identity: &IdentityKeyPair,
    signed_id: u32,
    one_time: impl IntoIterator<Item = u32>,
) -> PrekeyUpload {
    let mut rng = rng();
    let signed = SignedPreKeyPair::generate(signed_id, &mut rng)
        .public()
        .to_bytes();
    PrekeyUpload {
        signed_prekey: Some(PublicSignedPrekey {
            id: signed_id,
            key: signed.into(),
            signature: identity.sign(&mut rng, &signed).to_bytes().into(),
        }),
        one_time_prekeys: one_time
            .into_iter()
            .map(|id| PublicPrekey {
                id,
                key: OneTimePreKeyPair::generate(id, &mut rng)
                    .public()
                    .to_bytes()
                    .into(),
            })
            .collect(),
    }
}

pub(crate) fn wire_list(list: &SignedDeviceList) -> SignedList {
    SignedList {
        payload: list.payload.clone().into(),
        account_signature: list.account_signature.clone().into(),
        signer_device_id: DeviceId::new(list.signer_device_id).unwrap(),
        signer_signature: list.signer_signature.clone().into(),
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

impl Device {
    async fn of(base: &str, registered: Unregistered) -> Self {
        let mut device = Self::without_token(base, registered);
        device.token = device.fresh_token().await;
        device
    }

    pub(crate) fn without_token(base: &str, registered: Unregistered) -> Self {
        let Unregistered { identity, request } = registered;
        Self {
            name: DeviceName {
                user_id: request.user_id,
                device_id: request.device_id,
            },
            identity,
            registration_id: request.registration_id,
            base: base.to_owned(),
            token: String::new(),
            http: Client::new(),
        }
    }

    /// The same device at a relay that was started again.
    pub(crate) fn moved_to(mut self, base: &str) -> Self {
        base.clone_into(&mut self.base);
        self
    }

    pub(crate) async fn fresh_token(&self) -> String {
        let request = self.proof().await;
        let url = format!("{}/v1/auth/token", self.base);
        let answer = self.http.post(url).json(&request).send().await.unwrap();
        ok::<Token>(answer).await.token
    }

    /// A challenge, answered.
    pub(crate) async fn proof(&self) -> TokenRequest {
        let DeviceName { user_id, device_id } = self.name.clone();
        let asked = ChallengeRequest {
            user_id: user_id.clone(),
            device_id,
        };
        let url = format!("{}/v1/auth/challenge", self.base);
        let answer = self.http.post(url).json(&asked).send().await.unwrap();
        let nonce = ok::<Challenge>(answer).await.nonce;
        let text = SignedText {
            relay_origin: &self.base,
            user_id: user_id.as_str(),
            device_id: device_id.get(),
            nonce: nonce.as_slice().try_into().unwrap(),
        };
        let signature = text.sign(&self.identity, &mut rng()).unwrap();
        TokenRequest {
            user_id,
            device_id,
            nonce,
            signature: signature.to_bytes().into(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base);
        self.http.get(url).bearer_auth(&self.token)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base);
        self.http.post(url).bearer_auth(&self.token)
    }

    pub(crate) fn put(&self, path: &str) -> RequestBuilder {
        let url = format!("{}{path}", self.base);
        self.http.put(url).bearer_auth(&self.token)
    }

    /// A right for one more device, reserved and granted by this one.
    pub(crate) async fn grant(&self, account: &Account) -> (DeviceId, SignedGrant) {
        let reserved = self.post("/v1/me/devices/reserve").send().await.unwrap();
        let device_id = ok::<ReservedDevice>(reserved).await.device_id;
        (device_id, self.sign_grant(account, device_id))
    }

    pub(crate) fn sign_grant(&self, account: &Account, device_id: DeviceId) -> SignedGrant {
        let mut nonce = [0; 16];
        getrandom::fill(&mut nonce).unwrap();
        let grant = RegistrationGrant {
            user_id: account.user_id.to_string(),
            device_id: device_id.get(),
            nonce,
            expires_at_ms: now_ms() + 600_000,
        };
        let own = self.name.device_id;
        let signed = grant
            .sign(&account.key, own.get(), &self.identity, &mut rng())
            .unwrap();
        SignedGrant {
            payload: signed.payload.into(),
            account_signature: signed.account_signature.into(),
            signer_device_id: own,
            device_signature: signed.device_signature.into(),
        }
    }

    /// The next version of the account's list, published by this device.
    pub(crate) async fn publish(&self, account: &mut Account, change: &ListChange) {
        let signed = self.sign_list(account, change);
        let answer = self.put_list(&signed).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
        account.list = account.list.verify_next(&signed).unwrap();
    }

    pub(crate) fn sign_list(&self, account: &Account, change: &ListChange) -> SignedDeviceList {
        let own = self.name.device_id.get();
        account
            .list
            .sign_next(&account.key, own, &self.identity, change, 2, &mut rng())
            .unwrap()
    }

    pub(crate) async fn put_list(&self, signed: &SignedDeviceList) -> Response {
        let list = wire_list(signed);
        let request = self.put("/v1/me/devices/list");
        request
            .json(&PublishDeviceList { list })
            .send()
            .await
            .unwrap()
    }

    /// One more device of the account: granted, registered, listed.
    pub(crate) async fn link(&self, account: &mut Account) -> Self {
        let (device_id, grant) = self.grant(account).await;
        let mut new = new_device(account.user_id.as_str(), device_id);
        new.request.grant = Some(grant);
        let url = format!("{}/v1/devices", self.base);
        let answer = self.http.post(url).json(&new.request).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::CREATED);
        let change = ListChange {
            put: vec![entry(&new, &account.key)],
            remove: Vec::new(),
        };
        self.publish(account, &change).await;
        Self::of(&self.base, new).await
    }

    /// An envelope for this device, as others see it.
    pub(crate) fn envelope(&self) -> DeviceEnvelope {
        DeviceEnvelope {
            user_id: self.name.user_id.clone(),
            device_id: self.name.device_id,
            registration_id: self.registration_id,
            kind: EnvelopeType::Prekey,
            body: Base64(vec![7; 300]),
        }
    }

    pub(crate) async fn send(&self, thread: ThreadId, client_seq: u64, to: &[&Self]) -> Response {
        let message = message(client_seq, to);
        self.send_message(thread, &message).await
    }

    pub(crate) async fn send_message(&self, thread: ThreadId, message: &SendMessage) -> Response {
        let key = format!("{}-{}", self.name.device_id, message.client_seq.0);
        self.send_under(thread, message, &key).await
    }

    pub(crate) async fn send_under(
        &self,
        thread: ThreadId,
        message: &SendMessage,
        key: &str,
    ) -> Response {
        self.post(&format!("/v1/threads/{thread}/messages"))
            .header("idempotency-key", key)
            .json(message)
            .send()
            .await
            .unwrap()
    }

    /// Sends and expects a 202.
    pub(crate) async fn sent(
        &self,
        thread: ThreadId,
        client_seq: u64,
        to: &[&Self],
    ) -> SentMessage {
        let answer = self.send(thread, client_seq, to).await;
        let status = answer.status();
        let sent = ok(answer).await;
        assert_eq!(status, StatusCode::ACCEPTED);
        sent
    }

    pub(crate) async fn socket(&self) -> Socket {
        Socket::open(&self.base, &self.token).await
    }
}

/// A message to these devices; in a 1:1 thread the first of them is the other user's.
pub(crate) fn message(client_seq: u64, to: &[&Device]) -> SendMessage {
    SendMessage {
        client_seq: ClientSeq(client_seq),
        ciphertext: Base64(format!("sealed {client_seq:0>200}").into_bytes()),
        commitment: Bytes32([3; 32]),
        envelopes: to.iter().map(|device| device.envelope()).collect(),
        device_list_versions: std::collections::BTreeMap::new(),
        kind: sealwire_wire::contract::MessageKind::Message,
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

/// The client's end of a WebSocket.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What came out of a socket.
#[derive(Debug)]
pub(crate) enum Heard {
    Frame(ServerFrame),
    Closed(u16),
}

impl Socket {
    pub(crate) async fn open(base: &str, token: &str) -> Self {
        Self::try_open(base, "", token).await.unwrap()
    }

    /// The HTTP answer, if it is no upgrade.
    pub(crate) async fn try_open(
        base: &str,
        query: &str,
        token: &str,
    ) -> Result<Self, (u16, String)> {
        use tokio_tungstenite::tungstenite::Error;
        let url = format!("{}/v1/realtime{query}", base.replace("http", "ws"));
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => {
                let body = answer.body().clone().unwrap_or_default();
                Err((answer.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn of(socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        Self(socket)
    }

    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next())
                .await
                .expect("the relay says something in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    return Heard::Frame(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Close(Some(frame)))) => return Heard::Closed(frame.code.into()),
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Heard::Closed(0),
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> ServerFrame {
        match self.hear().await {
            Heard::Frame(frame) => frame,
            Heard::Closed(code) => panic!("closed with {code}"),
        }
    }

    /// The next message's client_seq, and its frame.
    pub(crate) async fn message(&mut self) -> (u64, u64) {
        let frame = self.frame().await;
        match frame.event {
            ServerEvent::Msg { message } => (frame.frame_seq, message.client_seq.0),
            other => panic!("no message: {other:?}"),
        }
    }

    /// Reads up to and with `caught_up`: the client_seqs of the messages before it, and its frame.
    pub(crate) async fn catch_up(&mut self) -> (Vec<u64>, u64) {
        let mut replayed = Vec::new();
        loop {
            let frame = self.frame().await;
            match frame.event {
                ServerEvent::Msg { message } => replayed.push(message.client_seq.0),
                ServerEvent::CaughtUp { .. } => return (replayed, frame.frame_seq),
                _ => {}
            }
        }
    }

    /// Reads until the relay closes the socket.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            if let Heard::Closed(code) = self.hear().await {
                return code;
            }
        }
    }

    pub(crate) async fn say(&mut self, frame: &ClientFrame) {
        let text = serde_json::to_string(frame).unwrap();
        self.say_raw(Message::text(text)).await;
    }

    pub(crate) async fn say_raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    pub(crate) async fn ack(&mut self, frame_seq: u64) {
        self.say(&ClientFrame::ClientAck { frame_seq }).await;
    }
}
