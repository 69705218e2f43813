//! Requests that no client of ours would make.

use crate::{Keys, forge};
use sealwire::transport::{HttpMethod, HttpResponse, NativeTransport, Request, Transport as _};
use sealwire_crypto::challenge::Challenge as SignedChallenge;
use sealwire_crypto::device::{NewDevice, SignedDeviceList};
use sealwire_crypto::keys::{IdentityKeyPair, SignedPreKeyPair};
use sealwire_wire::contract::{
    Challenge, ChallengeRequest, PlatformTokenRequest, PrekeyUpload, Problem, PublicSignedPrekey,
    PublishDeviceList, RegisterDevice, SignedGrant, Token, TokenRequest,
};
use sealwire_wire::{DeviceId, UserId};
use serde::Serialize;
use url::Url;

/// Speaks to a relay without a client.
pub struct ByHand {
    transport: NativeTransport,
    relay: Url,
    bearer: Option<String>,
}

impl ByHand {
    /// Without a token.
    pub fn nobody(relay: &str) -> Self {
        Self {
            transport: NativeTransport::new().unwrap(),
            relay: relay.parse().unwrap(),
            bearer: None,
        }
    }

    /// With this token, whatever it is.
    pub fn with_token(relay: &str, token: impl Into<String>) -> Self {
        Self {
            bearer: Some(token.into()),
            ..Self::nobody(relay)
        }
    }

    /// With the token of a device whose keys are known.
    pub async fn device(relay: &str, keys: &Keys) -> Self {
        let anybody = Self::nobody(relay);
        let ask = ChallengeRequest {
            user_id: keys.user.clone(),
            device_id: keys.device,
        };
        let answer = anybody.post("/v1/auth/challenge", &ask).await;
        let challenge: Challenge = serde_json::from_slice(&answer.body).unwrap();
        let signature = SignedChallenge {
            relay_origin: relay,
            user_id: keys.user.as_str(),
            device_id: keys.device.get(),
            nonce: challenge.nonce.as_slice().try_into().unwrap(),
        }
        .sign(&keys.identity, &mut forge::rng())
        .unwrap();
        let ask = TokenRequest {
            user_id: keys.user.clone(),
            device_id: keys.device,
            nonce: challenge.nonce,
            signature: signature.to_bytes().into(),
        };
        let answer = anybody.post("/v1/auth/token", &ask).await;
        let token: Token = serde_json::from_slice(&answer.body).unwrap();
        Self::with_token(relay, token.token)
    }

    /// With the platform's word that this is the user.
    pub async fn platform(relay: &str, user: &UserId) -> Self {
        let ask = PlatformTokenRequest {
            user_id: user.clone(),
        };
        let anybody = Self::nobody(relay);
        let answer = anybody.post("/v1/dev/platform-token", &ask).await;
        let token: Token = serde_json::from_slice(&answer.body).unwrap();
        Self::with_token(relay, token.token)
    }

    /// One request.
    pub async fn ask(
        &self,
        method: HttpMethod,
        path: &str,
        body: Option<Vec<u8>>,
        key: Option<&str>,
    ) -> HttpResponse {
        let request = Request {
            method,
            url: self.relay.join(path).unwrap(),
            body,
            bearer: self.bearer.clone(),
            idempotency_key: key.map(|key| key.parse().unwrap()),
        };
        self.transport.request(request).await.unwrap()
    }

    /// A POST of JSON.
    pub async fn post(&self, path: &str, body: &impl Serialize) -> HttpResponse {
        let body = serde_json::to_vec(body).unwrap();
        self.ask(HttpMethod::Post, path, Some(body), None).await
    }

    /// A PUT of JSON.
    pub async fn put(&self, path: &str, body: &impl Serialize) -> HttpResponse {
        let body = serde_json::to_vec(body).unwrap();
        self.ask(HttpMethod::Put, path, Some(body), None).await
    }

    /// A GET.
    pub async fn get(&self, path: &str) -> HttpResponse {
        self.ask(HttpMethod::Get, path, None, None).await
    }

    /// Publishes a device list.
    pub async fn publish(&self, list: &SignedDeviceList) -> HttpResponse {
        let body = PublishDeviceList {
            list: forge::as_sent(list),
        };
        self.put("/v1/me/devices/list", &body).await
    }

    /// Uploads a signed prekey whose secret nobody keeps.
    pub async fn upload_signed_prekey(&self, id: u32, identity: &IdentityKeyPair) -> HttpResponse {
        let upload = PrekeyUpload {
            signed_prekey: Some(signed_prekey(id, identity)),
            ..PrekeyUpload::default()
        };
        self.put("/v1/prekeys", &upload).await
    }

    /// Registers a device, with its first prekeys.
    pub async fn register(
        &self,
        user: &UserId,
        device: &NewDevice,
        identity: &IdentityKeyPair,
        list: Option<&SignedDeviceList>,
        grant: Option<SignedGrant>,
    ) -> HttpResponse {
        let body = RegisterDevice {
            user_id: user.clone(),
            device_id: DeviceId::new(device.device_id).unwrap(),
            identity_key: device.identity_key.to_bytes().into(),
            registration_id: device.registration_id,
            prekeys: PrekeyUpload {
                signed_prekey: Some(signed_prekey(1, identity)),
                last_resort_kem_prekey: Some(forge::kem_prekey(1, identity)),
                ..PrekeyUpload::default()
            },
            list: list.map(forge::as_sent),
            grant,
        };
        self.post("/v1/devices", &body).await
    }

    /// The code of a refusal.
    pub fn code(answer: &HttpResponse) -> &'static str {
        let problem: Problem = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(problem.status, answer.status);
        problem.code.as_str()
    }
}

fn signed_prekey(id: u32, identity: &IdentityKeyPair) -> PublicSignedPrekey {
    let prekey = SignedPreKeyPair::generate(id, &mut forge::rng());
    let signature = identity.sign_prekey(&mut forge::rng(), &prekey.public());
    PublicSignedPrekey {
        id,
        key: prekey.public().to_bytes().into(),
        signature: signature.to_bytes().into(),
    }
}
