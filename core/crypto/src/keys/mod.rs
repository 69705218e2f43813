//! Keys, one type per role, so that the compiler keeps a prekey from standing where an identity belongs.
//!
//! An X25519 public key is written as 33 bytes, `0x05 ‖ u`; a secret is 32 bytes, clamped. The post-quantum prekeys have types of
//! their own.
//! Secrets are wiped when dropped and cannot be printed.

mod kem;
mod key_pair;
mod public_key;
mod roles;

pub use kem::{KemCiphertext, KemError, KemKeyPair, KemPublicKey, KemType};
pub(crate) use key_pair::KeyPair;
pub use public_key::{KeyError, PublicKey};
pub(crate) use roles::role;
pub use roles::{
    AccountKey, AccountKeyPair, BaseKey, EphemeralKeyPair, IdentityKey, IdentityKeyPair,
    OneTimePreKey, OneTimePreKeyPair, RatchetKey, RatchetKeyPair, SignedPreKey, SignedPreKeyPair,
};
