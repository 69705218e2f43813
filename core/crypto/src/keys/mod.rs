//! Keys, one type per role, so that the compiler keeps a prekey from standing where an identity belongs.
//!
//! Every key is an X25519 key. A public key is written as 33 bytes, `0x05 ‖ u`; a secret is 32 bytes, clamped.
//! Secrets are wiped when dropped and cannot be printed.

mod key_pair;
mod public_key;
mod roles;

pub(crate) use key_pair::KeyPair;
pub use public_key::{KeyError, PublicKey};
pub(crate) use roles::role;
pub use roles::{
    AccountKey, AccountKeyPair, BaseKey, EphemeralKeyPair, IdentityKey, IdentityKeyPair,
    OneTimePreKey, OneTimePreKeyPair, RatchetKey, RatchetKeyPair, SignedPreKey, SignedPreKeyPair,
};
