//! Proving a device key and getting an access token for it.

use crate::{Base64, DeviceId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// `POST /v1/auth/challenge`.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChallengeRequest {
    /// Who.
    pub user_id: UserId,
    /// Which device.
    pub device_id: DeviceId,
}

/// The answer to [`ChallengeRequest`]: to be signed within a minute, once.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Challenge {
    /// 32 random bytes.
    pub nonce: Base64,
    /// After this the nonce is void.
    pub expires_at: Timestamp,
}

/// `POST /v1/auth/token`: the challenge, signed by the device key (label ‖ relay origin ‖ user ‖ device ‖ nonce).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRequest {
    /// Who.
    pub user_id: UserId,
    /// Which device.
    pub device_id: DeviceId,
    /// As in [`Challenge`].
    pub nonce: Base64,
    /// XEdDSA, 64 bytes.
    pub signature: Base64,
}

/// An access token: a JWT (EdDSA) with scopes chat.read and chat.write.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// For the header `Authorization: Bearer`.
    pub token: String,
    /// 15 minutes after it was made.
    pub expires_at: Timestamp,
}

/// `POST /v1/dev/platform-token`: in dev mode alone, the relay stands in for the platform's token issuer.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlatformTokenRequest {
    /// For whom.
    pub user_id: UserId,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "Token(expires at {})", self.expires_at.0)
    }
}
