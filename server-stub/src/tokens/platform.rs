//! The platform's tokens, which open accounts: checked against its keys, or made here in dev mode.

use super::access::TokenRefused;
use super::secret::{Purpose, RelaySecret};
use super::signing_key::SigningKey;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, JwkSet};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use sealwire_wire::contract::Token;
use sealwire_wire::{Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::Path;

/// The audience that a platform's token names: one made for another service of the platform opens no account here.
const AUDIENCE: &str = "sealwire";
/// The kind of the tokens that dev mode makes.
const DEV_KIND: &str = "platform+jwt";
/// A dev token lives for ten minutes.
const DEV_LIFETIME_MS: u64 = 10 * 60 * 1000;

/// Whose word counts for who a user is.
pub(crate) enum PlatformTokens {
    /// The platform's, by its keys.
    Keys(Vec<PlatformKey>),
    /// This relay's own, for whoever asks from loopback.
    Dev(Box<DevIssuer>),
}

/// One of the platform's keys.
pub(crate) struct PlatformKey {
    key_id: Option<String>,
    key: DecodingKey,
}

/// Stands in for the platform.
pub(crate) struct DevIssuer(SigningKey);

/// Why a JWK set can not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum JwksError {
    #[error("the file can not be read")]
    Io(#[from] io::Error),
    #[error("the file is not a JWK set")]
    Json(#[from] serde_json::Error),
    #[error("the set has no Ed25519 key (kty OKP, crv Ed25519)")]
    NoKey,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    sub: UserId,
    exp: u64,
}

impl PlatformTokens {
    /// The keys of this file.
    pub(crate) fn from_jwks(path: &Path) -> Result<Self, JwksError> {
        let set: JwkSet = serde_json::from_slice(&std::fs::read(path)?)?;
        let keys: Vec<_> = set
            .keys
            .iter()
            .filter(|jwk| {
                matches!(&jwk.algorithm, AlgorithmParameters::OctetKeyPair(parameters)
                    if parameters.curve == EllipticCurve::Ed25519)
            })
            .filter_map(|jwk| {
                let key = DecodingKey::from_jwk(jwk).ok()?;
                (key.try_get_as_bytes().ok()?.len() == 32).then(|| PlatformKey {
                    key_id: jwk.common.key_id.clone(),
                    key,
                })
            })
            .collect();
        if keys.is_empty() {
            return Err(JwksError::NoKey);
        }
        Ok(Self::Keys(keys))
    }

    /// Dev mode.
    pub(crate) fn dev(secret: &RelaySecret) -> Result<Self, jsonwebtoken::errors::Error> {
        let key = SigningKey::new(&secret.key_for(Purpose::DevPlatformTokens), DEV_KIND)?;
        Ok(Self::Dev(Box::new(DevIssuer(key))))
    }

    /// The issuer of dev mode.
    pub(crate) fn dev_issuer(&self) -> Option<&DevIssuer> {
        match self {
            Self::Keys(_) => None,
            Self::Dev(issuer) => Some(issuer),
        }
    }

    /// Who the bearer of this token is.
    pub(crate) fn read(&self, token: &str, now: Timestamp) -> Result<UserId, TokenRefused> {
        let claims = match self {
            Self::Keys(keys) => read_by_keys(keys, token)?,
            Self::Dev(issuer) => issuer.0.claims(token).map_err(|_| TokenRefused::Forged)?,
        };
        if claims.exp.saturating_mul(1000) <= now.0 {
            return Err(TokenRefused::Expired);
        }
        Ok(claims.sub)
    }
}

impl DevIssuer {
    /// A platform token for whoever this is said to be.
    pub(crate) fn issue(
        &self,
        user_id: UserId,
        now: Timestamp,
    ) -> Result<Token, jsonwebtoken::errors::Error> {
        let exp = now.plus_ms(DEV_LIFETIME_MS).0 / 1000;
        let token = self.0.sign(&Claims { sub: user_id, exp })?;
        Ok(Token {
            token,
            expires_at: Timestamp(exp * 1000),
        })
    }
}

fn read_by_keys(keys: &[PlatformKey], token: &str) -> Result<Claims, TokenRefused> {
    let header = jsonwebtoken::decode_header(token).map_err(|_| TokenRefused::Forged)?;
    let mut validation = Validation::new(Algorithm::EdDSA);
    // The caller compares the end with the relay's own clock.
    validation.validate_exp = false;
    validation.validate_nbf = true;
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "sub", "aud"]);
    keys.iter()
        .filter(|key| header.kid.is_none() || key.key_id.is_none() || key.key_id == header.kid)
        .find_map(|key| jsonwebtoken::decode::<Claims>(token, &key.key, &validation).ok())
        .map(|data| data.claims)
        .ok_or(TokenRefused::Forged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::jwk::Jwk;
    use jsonwebtoken::{EncodingKey, Header};
    use serde_json::json;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);
    const LATER: u64 = NOW.0 / 1000 + 60;

    fn platform_key(seed: u8) -> EncodingKey {
        let head = "302e020100300506032b657004220420";
        let mut der: Vec<u8> = (0..head.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&head[at..at + 2], 16).unwrap())
            .collect();
        der.extend([seed; 32]);
        EncodingKey::from_ed_der(&der)
    }

    fn platform() -> PlatformTokens {
        let jwk = Jwk::from_encoding_key(&platform_key(1), Algorithm::EdDSA).unwrap();
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), json!({ "keys": [jwk] }).to_string()).unwrap();
        PlatformTokens::from_jwks(file.path()).unwrap()
    }

    fn sign(seed: u8, claims: &serde_json::Value) -> String {
        let header = Header::new(Algorithm::EdDSA);
        jsonwebtoken::encode(&header, claims, &platform_key(seed)).unwrap()
    }

    #[test]
    fn the_platforms_token_names_its_user_until_it_ends() {
        let token = sign(1, &json!({"sub": "alice", "exp": LATER, "aud": "sealwire"}));
        let read = platform().read(&token, NOW);
        assert_eq!(read.map(|user| user.to_string()), Ok("alice".to_owned()));
        let after = Timestamp(LATER * 1000);
        assert_eq!(platform().read(&token, after), Err(TokenRefused::Expired));
    }

    #[test]
    fn another_key_audience_or_subject_does_not_count() {
        let forged = [
            sign(2, &json!({"sub": "alice", "exp": LATER, "aud": "sealwire"})),
            sign(1, &json!({"sub": "alice", "exp": LATER, "aud": "shop"})),
            sign(1, &json!({"sub": "alice", "exp": LATER})),
            sign(1, &json!({"sub": "a/b", "exp": LATER, "aud": "sealwire"})),
            sign(1, &json!({"sub": "alice", "aud": "sealwire"})),
            sign(1, &json!({"exp": LATER, "aud": "sealwire"})),
        ];
        for token in forged {
            assert_eq!(platform().read(&token, NOW), Err(TokenRefused::Forged));
        }
    }

    #[test]
    fn with_the_platforms_keys_there_is_no_dev_issuer() {
        assert!(platform().dev_issuer().is_none());
    }

    #[test]
    fn a_dev_token_counts_at_the_relay_that_made_it() {
        let secret = RelaySecret::random().unwrap();
        let dev = PlatformTokens::dev(&secret).unwrap();
        let alice: UserId = "alice".parse().unwrap();
        let token = dev.dev_issuer().unwrap().issue(alice.clone(), NOW).unwrap();
        assert_eq!(dev.read(&token.token, NOW), Ok(alice));
        assert_eq!(
            platform().read(&token.token, NOW),
            Err(TokenRefused::Forged)
        );
    }

    #[test]
    fn a_set_without_an_ed25519_key_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), r#"{"keys":[]}"#).unwrap();
        let refused = PlatformTokens::from_jwks(file.path());
        assert!(matches!(refused, Err(JwksError::NoKey)));
    }
}
