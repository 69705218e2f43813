//! Access tokens: what a device shows after it has proved its key. JWT, EdDSA, 15 minutes.

use super::secret::{Purpose, RelaySecret};
use super::signing_key::SigningKey;
use sealwire_crypto::primitives::sha256;
use sealwire_wire::contract::{DeviceName, Token};
use sealwire_wire::{DeviceId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// RFC 9068 names this kind so.
const KIND: &str = "at+jwt";

/// With more tokens than this those that were checked are forgotten, and checked anew.
const CHECKED_MAX: usize = 100_000;

/// Makes and reads access tokens.
pub(crate) struct AccessTokens {
    key: SigningKey,
    lifetime: Duration,
    /// By SHA-256, what tokens with a good signature say: a device shows its token with every request.
    checked: Mutex<HashMap<[u8; 32], Access>>,
}

/// What a valid token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Access {
    pub(crate) user_id: UserId,
    pub(crate) device_id: DeviceId,
    pub(crate) expires_at: Timestamp,
    scope: String,
}

/// What a token may be good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    Read,
    Write,
}

/// Why a token does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TokenRefused {
    /// Not signed by this relay, or of another kind.
    Forged,
    /// It was good until its end.
    Expired,
}

#[derive(Serialize, Deserialize)]
struct Claims {
    user: UserId,
    device: DeviceId,
    kid: String,
    scope: String,
    iat: u64,
    exp: u64,
}

impl Scope {
    fn as_str(self) -> &'static str {
        match self {
            Self::Read => "chat.read",
            Self::Write => "chat.write",
        }
    }
}

impl Access {
    /// The device that the token was given to.
    pub(crate) fn into_device(self) -> DeviceName {
        DeviceName {
            user_id: self.user_id,
            device_id: self.device_id,
        }
    }

    /// Whether the token was given for this.
    pub(crate) fn allows(&self, scope: Scope) -> bool {
        self.scope.split(' ').any(|given| given == scope.as_str())
    }
}

impl AccessTokens {
    pub(crate) fn new(
        secret: &RelaySecret,
        lifetime: Duration,
    ) -> Result<Self, jsonwebtoken::errors::Error> {
        let key = SigningKey::new(&secret.key_for(Purpose::AccessTokens), KIND)?;
        Ok(Self {
            key,
            lifetime,
            checked: Mutex::default(),
        })
    }

    /// A token for a device that has proved itself.
    pub(crate) fn issue(
        &self,
        user_id: &UserId,
        device_id: DeviceId,
        now: Timestamp,
    ) -> Result<Token, jsonwebtoken::errors::Error> {
        let lifetime_ms = u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX);
        let exp = now.plus_ms(lifetime_ms).0 / 1000;
        let token = self.key.sign(&Claims {
            user: user_id.clone(),
            device: device_id,
            kid: self.key.key_id().to_owned(),
            scope: [Scope::Read.as_str(), Scope::Write.as_str()].join(" "),
            iat: now.0 / 1000,
            exp,
        })?;
        Ok(Token {
            token,
            expires_at: Timestamp(exp * 1000),
        })
    }

    /// What a token says, if it counts now.
    pub(crate) fn read(&self, token: &str, now: Timestamp) -> Result<Access, TokenRefused> {
        let access = self.signed(token)?;
        if access.expires_at <= now {
            return Err(TokenRefused::Expired);
        }
        Ok(access)
    }

    /// What a token says that this relay signed, at whatever time.
    fn signed(&self, token: &str) -> Result<Access, TokenRefused> {
        let digest = sha256(token.as_bytes());
        let checked = || self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(access) = checked().get(&digest) {
            return Ok(access.clone());
        }
        let claims: Claims = self.key.claims(token).map_err(|_| TokenRefused::Forged)?;
        let access = Access {
            user_id: claims.user,
            device_id: claims.device,
            expires_at: Timestamp(claims.exp.saturating_mul(1000)),
            scope: claims.scope,
        };
        let mut checked = checked();
        if checked.len() >= CHECKED_MAX {
            checked.clear();
        }
        checked.insert(digest, access.clone());
        Ok(access)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_700_000_000_000);

    fn tokens() -> AccessTokens {
        let secret = RelaySecret::random().unwrap();
        AccessTokens::new(&secret, Duration::from_secs(900)).unwrap()
    }

    fn issue(tokens: &AccessTokens) -> Token {
        let alice = "alice".parse().unwrap();
        tokens.issue(&alice, DeviceId::FIRST, NOW).unwrap()
    }

    #[test]
    fn a_token_counts_for_fifteen_minutes_and_not_longer() {
        let tokens = tokens();
        let Token { token, expires_at } = issue(&tokens);
        assert_eq!(expires_at, NOW.plus_ms(900_000));
        let access = tokens.read(&token, NOW.plus_ms(899_999)).unwrap();
        assert_eq!(access.user_id.as_str(), "alice");
        assert_eq!(tokens.read(&token, NOW), Ok(access.clone()));
        assert!(access.allows(Scope::Read) && access.allows(Scope::Write));
        assert_eq!(tokens.read(&token, expires_at), Err(TokenRefused::Expired));
    }

    #[test]
    fn a_token_of_another_relay_is_forged() {
        let token = issue(&tokens()).token;
        assert_eq!(tokens().read(&token, NOW), Err(TokenRefused::Forged));
    }

    #[test]
    fn a_changed_bit_or_part_is_forged() {
        let tokens = tokens();
        let token = issue(&tokens).token;
        let parts: Vec<&str> = token.split('.').collect();
        let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", parts[1]);
        let swapped = format!("{}.{}A.{}", parts[0], parts[1], parts[2]);
        for forged in [unsigned, swapped, String::new(), "a.b.c".to_owned()] {
            assert_eq!(tokens.read(&forged, NOW), Err(TokenRefused::Forged));
        }
    }

    #[test]
    fn a_platform_token_of_the_same_relay_is_no_access_token() {
        let secret = RelaySecret::random().unwrap();
        let lifetime = Duration::from_secs(900);
        let tokens = AccessTokens::new(&secret, lifetime).unwrap();
        let claims = Claims {
            user: "alice".parse().unwrap(),
            device: DeviceId::FIRST,
            kid: tokens.key.key_id().to_owned(),
            scope: "chat.read chat.write".to_owned(),
            iat: 0,
            exp: u64::MAX / 2000,
        };
        let other = SigningKey::new(&secret.key_for(Purpose::AccessTokens), "platform+jwt");
        let token = other.unwrap().sign(&claims).unwrap();
        assert_eq!(tokens.read(&token, NOW), Err(TokenRefused::Forged));
    }
}
