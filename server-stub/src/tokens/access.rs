//! Access tokens: what a device shows after it has proved its key. JWT, EdDSA, 15 minutes.

use super::secret::{KeysInTurn, Purpose, RelaySecret};
use super::signing_key::SigningKey;
use sealwire_crypto::primitives::sha256;
use sealwire_wire::contract::{DeviceName, Token};
use sealwire_wire::{DeviceId, Timestamp, UserId};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// RFC 9068 names this kind so.
const KIND: &str = "at+jwt";

/// With more tokens than this those that were checked are forgotten, and checked anew.
const CHECKED_MAX: usize = 100_000;
/// A key signs for a week; then the next one does, and it is honoured only until its last token has ended.
const PERIOD_MS: u64 = 7 * 24 * 60 * 60 * 1000;

/// Makes and reads access tokens.
pub(crate) struct AccessTokens {
    keys: KeysInTurn,
    in_use: RwLock<Arc<InUse>>,
    lifetime_ms: u64,
    /// By SHA-256, what tokens with a good signature say: a device shows its token with every request.
    checked: Mutex<HashMap<[u8; 32], Access>>,
}

/// The keys of a period.
struct InUse {
    period: u64,
    current: SigningKey,
    /// Of the period before.
    previous: SigningKey,
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
        let keys = secret.keys_in_turn(Purpose::AccessTokens);
        let in_use = RwLock::new(Arc::new(InUse::of(0, &keys)?));
        Ok(Self {
            keys,
            in_use,
            lifetime_ms: u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX),
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
        // A JWT ends with a whole second. Rounded down, one with a lifetime of a second might be over as it is given out.
        let exp = now.plus_ms(self.lifetime_ms).0.div_ceil(1000);
        let in_use = self.in_use(now)?;
        let key = &in_use.current;
        let token = key.sign(&Claims {
            user: user_id.clone(),
            device: device_id,
            kid: key.key_id().to_owned(),
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
        let digest = sha256(token.as_bytes());
        let checked = || self.checked.lock().unwrap_or_else(PoisonError::into_inner);
        let known = checked().get(&digest).cloned();
        if let Some(access) = known {
            return in_time(access, now);
        }
        let access = self.signed(token, now)?;
        let mut checked = checked();
        if checked.len() >= CHECKED_MAX {
            checked.clear();
        }
        checked.insert(digest, access.clone());
        in_time(access, now)
    }

    /// The same of a token that is not shown again soon, as sockets show theirs.
    pub(crate) fn read_once(&self, token: &str, now: Timestamp) -> Result<Access, TokenRefused> {
        in_time(self.signed(token, now)?, now)
    }

    /// What a token says that a key of this moment signed. It ends with its key at the latest.
    fn signed(&self, token: &str, now: Timestamp) -> Result<Access, TokenRefused> {
        let forged = |_| TokenRefused::Forged;
        let in_use = self.in_use(now).map_err(forged)?;
        let header = jsonwebtoken::decode_header(token).map_err(forged)?;
        let (key, turn_ends) = in_use.named(header.kid.as_deref().unwrap_or_default());
        let claims: Claims = key.claims(token).map_err(|_| TokenRefused::Forged)?;
        let last_end = turn_ends.plus_ms(self.lifetime_ms);
        Ok(Access {
            user_id: claims.user,
            device_id: claims.device,
            expires_at: Timestamp(claims.exp.saturating_mul(1000)).min(last_end),
            scope: claims.scope,
        })
    }
}

fn in_time(access: Access, now: Timestamp) -> Result<Access, TokenRefused> {
    if access.expires_at <= now {
        return Err(TokenRefused::Expired);
    }
    Ok(access)
}

impl AccessTokens {
    /// The keys of this moment's period.
    fn in_use(&self, now: Timestamp) -> Result<Arc<InUse>, jsonwebtoken::errors::Error> {
        let period = now.0 / PERIOD_MS;
        let known = Arc::clone(&self.in_use.read().unwrap_or_else(PoisonError::into_inner));
        if known.period == period {
            return Ok(known);
        }
        let next = Arc::new(InUse::of(period, &self.keys)?);
        let mut in_use = self.in_use.write().unwrap_or_else(PoisonError::into_inner);
        *in_use = Arc::clone(&next);
        Ok(next)
    }
}

impl InUse {
    fn of(period: u64, keys: &KeysInTurn) -> Result<Self, jsonwebtoken::errors::Error> {
        let key = |period| SigningKey::new(&keys.of_period(period), KIND);
        Ok(Self {
            period,
            current: key(period)?,
            previous: key(period.wrapping_sub(1))?,
        })
    }

    /// The key of this name, and the end of its turn; the current one if there is none, which then says that it did not sign.
    fn named(&self, key_id: &str) -> (&SigningKey, Timestamp) {
        let begins = self.period.saturating_mul(PERIOD_MS);
        if key_id == self.previous.key_id() {
            (&self.previous, Timestamp(begins))
        } else {
            (&self.current, Timestamp(begins).plus_ms(PERIOD_MS))
        }
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
    fn a_token_counts_for_all_of_its_time_whenever_in_a_second_it_was_given() {
        let tokens = tokens();
        let late = NOW.plus_ms(999);
        let token = tokens.issue(&"alice".parse().unwrap(), DeviceId::FIRST, late);
        let token = token.unwrap().token;
        assert!(tokens.read(&token, late.plus_ms(899_999)).is_ok());
    }

    #[test]
    fn a_key_has_its_turn_and_is_honoured_until_its_last_token_ends() {
        let tokens = tokens();
        let turn = Timestamp((NOW.0 / PERIOD_MS + 1) * PERIOD_MS);
        let before = Timestamp(turn.0 - 1_000);
        let kid = |token: &Token| jsonwebtoken::decode_header(&token.token).unwrap().kid;
        let issued_at = |now| tokens.issue(&"alice".parse().unwrap(), DeviceId::FIRST, now);
        let (old, new) = (issued_at(before).unwrap(), issued_at(turn).unwrap());
        assert_ne!(kid(&old), kid(&new));
        let last_moment = Timestamp(old.expires_at.0 - 1);
        assert!(tokens.read(&old.token, last_moment).is_ok());
        assert!(tokens.read(&new.token, last_moment).is_ok());
        // Whoever has the old key makes no tokens with it afterwards.
        let in_use = tokens.in_use(turn).unwrap();
        let made_up = in_use.previous.sign(&Claims {
            user: "alice".parse().unwrap(),
            device: DeviceId::FIRST,
            kid: String::new(),
            scope: String::new(),
            iat: 0,
            exp: u64::MAX / 2000,
        });
        let later = turn.plus_ms(900_001);
        let refused = tokens.read(&made_up.unwrap(), later);
        assert_eq!(refused, Err(TokenRefused::Expired));
        // Two turns later it is a key like any other that is not ours.
        tokens.checked.lock().unwrap().clear();
        let later = turn.plus_ms(PERIOD_MS);
        assert_eq!(tokens.read(&old.token, later), Err(TokenRefused::Forged));
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
            kid: String::new(),
            scope: "chat.read chat.write".to_owned(),
            iat: 0,
            exp: u64::MAX / 2000,
        };
        let key = tokens.keys.of_period(NOW.0 / PERIOD_MS);
        let other = SigningKey::new(&key, "platform+jwt");
        let token = other.unwrap().sign(&claims).unwrap();
        assert_eq!(tokens.read(&token, NOW), Err(TokenRefused::Forged));
    }
}
