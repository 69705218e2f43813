//! Proving a device key: a nonce of the relay, signed once within a minute.
//!
//! A nonce is expiry ‖ random ‖ the relay's mark over both and the device's name. So nothing is stored for a question that
//! anybody may ask, and a row is written only for a nonce that its device has answered.

use super::{Answer, Refusal, Service};
use sealwire_crypto::challenge;
use sealwire_crypto::signature::Signature;
use sealwire_crypto::transcript::Transcript;
use sealwire_wire::contract::{Challenge, ChallengeRequest, DeviceName, ErrorCode, TokenRequest};
use sealwire_wire::limits::CHALLENGE_TTL_MS;
use sealwire_wire::{Base64, DeviceId, Timestamp, UserId};

const LABEL: &str = "Sealwire v1 nonce";

impl Service {
    /// A nonce to sign. Nothing is stored for it.
    pub async fn challenge(&self, request: &ChallengeRequest) -> Answer<Challenge> {
        let expires_at = self.clock.now().plus_ms(CHALLENGE_TTL_MS);
        let mut head = [0; 16];
        head[..8].copy_from_slice(&expires_at.0.to_be_bytes());
        head[8..].copy_from_slice(&self.random_bytes::<8>()?);
        let mark: [u8; 16] =
            self.relay_key
                .mark(&text(&request.user_id, request.device_id, &head)?);
        Ok(Challenge {
            nonce: Base64([head, mark].concat()),
            expires_at,
        })
    }

    /// Checks the answer to a challenge under the origin that devices reach this relay by; a token may be made for whom it
    /// names.
    pub async fn answer_challenge(
        &self,
        request: &TokenRequest,
        origin: &str,
    ) -> Answer<DeviceName> {
        let nonce: [u8; 32] = request
            .nonce
            .as_slice()
            .try_into()
            .map_err(|_| no_such_nonce())?;
        let expires_at = self.check_nonce(request, &nonce)?;
        let wrong = || {
            Refusal::new(
                ErrorCode::Unauthorized,
                "the device's key did not sign this challenge",
            )
        };
        let account = self
            .storage
            .account(request.user_id.clone())
            .await?
            .ok_or_else(wrong)?;
        let device = account.device(request.device_id).ok_or_else(wrong)?;
        let identity = super::public_data::identity_key(&device.identity_key)?;
        let asked = challenge::Challenge {
            relay_origin: origin,
            user_id: request.user_id.as_str(),
            device_id: request.device_id.get(),
            nonce: &nonce,
        };
        let signature = Signature::from_bytes(request.signature.as_slice()).map_err(|_| wrong())?;
        asked.verify(&identity, &signature).map_err(|_| wrong())?;
        if !device.is_live() {
            return Err(Refusal::new(
                ErrorCode::DeviceRevoked,
                "this device is disabled, or not in its user's newest list",
            ));
        }
        if !self.storage.spend_nonce(nonce, expires_at).await? {
            return Err(no_such_nonce());
        }
        Ok(DeviceName {
            user_id: request.user_id.clone(),
            device_id: request.device_id,
        })
    }

    /// When a nonce that this relay made for this device expires.
    fn check_nonce(&self, request: &TokenRequest, nonce: &[u8; 32]) -> Answer<Timestamp> {
        let (Some(head), Some(mark)) = (nonce.first_chunk::<16>(), nonce.last_chunk::<16>()) else {
            return Err(no_such_nonce());
        };
        let made = self
            .relay_key
            .made(&text(&request.user_id, request.device_id, head)?, mark);
        let expires_at = head
            .first_chunk()
            .map_or(0, |bytes| u64::from_be_bytes(*bytes));
        if made && self.clock.now().0 < expires_at {
            Ok(Timestamp(expires_at))
        } else {
            Err(no_such_nonce())
        }
    }
}

fn text(user: &UserId, device: DeviceId, head: &[u8; 16]) -> Answer<Vec<u8>> {
    Transcript::new(LABEL)
        .bytes(user.as_str().as_bytes())
        .u32(device.get())
        .fixed(head)
        .finish()
        .map_err(|_| no_such_nonce())
}

fn no_such_nonce() -> Refusal {
    Refusal::new(
        ErrorCode::ChallengeInvalid,
        "the challenge is unknown, used or too old: ask for another",
    )
}
