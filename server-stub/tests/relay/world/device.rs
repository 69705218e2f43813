//! What a device does at the relay.

use super::{
    Account, Device, Socket, Unregistered, entry, message, new_device, now_ms, ok, rng, wire_list,
};
use reqwest::{Client, RequestBuilder, Response, StatusCode};
use sealwire_crypto::challenge::Challenge as SignedText;
use sealwire_crypto::device::{ListChange, RegistrationGrant, SignedDeviceList};
use sealwire_wire::contract::{
    Challenge, ChallengeRequest, DeviceEnvelope, DeviceName, EnvelopeType, PublishDeviceList,
    ReservedDevice, SendMessage, SentMessage, SignedGrant, Token, TokenRequest,
};
use sealwire_wire::{Base64, DeviceId, ThreadId};

impl Device {
    pub(super) async fn of(base: &str, registered: Unregistered) -> Self {
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
