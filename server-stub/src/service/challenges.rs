//! Proving a device key: a nonce of the relay, signed once within a minute.

use super::{Answer, Refusal, Service};
use sealwire_wire::contract::{Challenge, ChallengeRequest, DeviceName, ErrorCode, TokenRequest};

impl Service {
    /// A nonce to sign. Nothing is stored for it.
    pub async fn challenge(&self, request: &ChallengeRequest) -> Answer<Challenge> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// Checks the answer to a challenge under the origin that devices reach this relay by; a token may be made for whom it names.
    pub async fn answer_challenge(
        &self,
        request: &TokenRequest,
        origin: &str,
    ) -> Answer<DeviceName> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }
}
