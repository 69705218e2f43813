//! How a device proves to a relay that it holds its identity key: it signs a text that fits one relay and one nonce.

use crate::keys::{IdentityKey, IdentityKeyPair};
use crate::signature::Signature;
use crate::transcript::{FieldTooLong, Transcript};
use rand_core::CryptoRng;

const LABEL: &str = "Sealwire v1 challenge";

/// What is signed: label ‖ relay origin ‖ user id ‖ device id ‖ nonce.
///
/// The origin is the one that the device itself connected to, so that a relay in the middle gets a signature of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// `scheme://host[:port]` of the relay, as the device is configured.
    pub relay_origin: &'a str,
    /// The user.
    pub user_id: &'a str,
    /// The device that proves itself.
    pub device_id: u32,
    /// The relay's nonce, good once and for a short time.
    pub nonce: &'a [u8; 32],
}

/// Why a challenge was not signed or not passed. No token is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ChallengeError {
    /// A relay origin or user id longer than the text can hold.
    #[error("the relay origin or user id is too long")]
    TooLong,
    /// This key did not sign this challenge.
    #[error("the answer to the challenge does not verify")]
    BadSignature,
}

impl Challenge<'_> {
    /// The device's answer.
    pub fn sign(
        &self,
        identity: &IdentityKeyPair,
        rng: &mut impl CryptoRng,
    ) -> Result<Signature, ChallengeError> {
        Ok(identity.sign(rng, &self.text()?))
    }

    /// Whether `answer` is the device's answer to exactly this challenge.
    pub fn verify(
        &self,
        identity_key: &IdentityKey,
        answer: &Signature,
    ) -> Result<(), ChallengeError> {
        identity_key
            .verify(&self.text()?, answer)
            .map_err(|_| ChallengeError::BadSignature)
    }

    fn text(&self) -> Result<Vec<u8>, ChallengeError> {
        Transcript::new(LABEL)
            .bytes(self.relay_origin.as_bytes())
            .bytes(self.user_id.as_bytes())
            .u32(self.device_id)
            .fixed(self.nonce)
            .finish()
            .map_err(|FieldTooLong| ChallengeError::TooLong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    const CHALLENGE: Challenge<'static> = Challenge {
        relay_origin: "https://relay.example",
        user_id: "alice",
        device_id: 2,
        nonce: &[7; 32],
    };

    fn identity(seed: u64) -> IdentityKeyPair {
        IdentityKeyPair::generate(&mut ChaCha20Rng::seed_from_u64(seed))
    }

    fn answer() -> Signature {
        CHALLENGE
            .sign(&identity(1), &mut ChaCha20Rng::seed_from_u64(9))
            .unwrap()
    }

    #[test]
    fn the_device_passes_its_own_challenge() {
        assert_eq!(CHALLENGE.verify(&identity(1).public(), &answer()), Ok(()));
    }

    #[test]
    fn an_answer_is_of_no_use_elsewhere() {
        let key = identity(1).public();
        let elsewhere = [
            Challenge {
                relay_origin: "https://evil.example",
                ..CHALLENGE
            },
            Challenge {
                user_id: "bob",
                ..CHALLENGE
            },
            Challenge {
                device_id: 3,
                ..CHALLENGE
            },
            Challenge {
                nonce: &[8; 32],
                ..CHALLENGE
            },
        ];
        for challenge in elsewhere {
            assert_eq!(
                challenge.verify(&key, &answer()),
                Err(ChallengeError::BadSignature)
            );
        }
    }

    #[test]
    fn another_device_does_not_pass() {
        assert_eq!(
            CHALLENGE.verify(&identity(2).public(), &answer()),
            Err(ChallengeError::BadSignature)
        );
    }

    #[test]
    fn an_origin_beyond_all_bounds_is_an_error() {
        let origin = "o".repeat(70_000);
        let challenge = Challenge {
            relay_origin: &origin,
            ..CHALLENGE
        };
        assert_eq!(
            challenge.verify(&identity(1).public(), &answer()),
            Err(ChallengeError::TooLong)
        );
    }
}
