//! Who may do what: the relay's own access tokens, the platform's tokens, and the secret they hang on.

mod access;
mod platform;
mod secret;
mod signing_key;

pub(crate) use access::{Access, AccessTokens, Scope, TokenRefused};
pub(crate) use platform::PlatformTokens;
pub(crate) use secret::{Purpose, RelaySecret};
