//! Every cryptographic primitive of the crate, behind plain functions over byte arrays.
//!
//! Nothing outside this module names a cipher crate. X25519 and AES-GCM have two backends: `portable`, in Rust, and with the
//! feature `native` AWS-LC, which is faster there. Of HMAC, SHA-2 and AES-CBC it is not, at the sizes of this protocol, and ML-KEM
//! takes no seed from us: those have one body (docs/decisions/0008-two-backends.md has the figures).

#[cfg(all(feature = "native", not(target_family = "wasm")))]
use native as backend;
#[cfg(not(all(feature = "native", not(target_family = "wasm"))))]
use portable as backend;

#[cfg(test)]
mod acvp;
mod cipher;
mod derive;
#[cfg(all(test, feature = "native", not(target_family = "wasm")))]
mod differential;
pub mod edwards;
mod hash;
mod kem;
#[cfg(all(feature = "native", not(target_family = "wasm")))]
mod native;
mod portable;
mod x25519;

pub use cipher::{
    AES256_GCM_TAG_LENGTH, BadPadding, NotAuthentic, TooLong, aes256_cbc_decrypt,
    aes256_cbc_encrypt, aes256_gcm_open, aes256_gcm_open_in_place, aes256_gcm_seal,
    aes256_gcm_seal_in_place,
};
pub use derive::{HmacSha256, hkdf_sha256, hmac_sha256};
pub use hash::{Sha256Hasher, sha256, sha512};
#[cfg(feature = "kyber-round3")]
pub use kem::round_3::{
    kyber_1024_check, kyber_1024_decapsulate, kyber_1024_encapsulate, kyber_1024_public,
};
pub use kem::{
    KEM_CIPHERTEXT_LENGTH, KEM_PUBLIC_LENGTH, KEM_SEED_LENGTH, KemSecret, NotReduced,
    ml_kem_1024_check, ml_kem_1024_decapsulate, ml_kem_1024_encapsulate, ml_kem_1024_public,
};
pub use x25519::{NoSharedSecret, X25519Secret, clamp};

/// Whether two byte strings are equal, in time that depends on their lengths alone.
pub fn constant_time_eq(left: &[u8], right: &[u8]) -> bool {
    use subtle::ConstantTimeEq;
    left.ct_eq(right).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_is_of_content_and_length() {
        assert!(constant_time_eq(b"abc", b"abc"));
        assert!(!constant_time_eq(b"abc", b"abd"));
        assert!(!constant_time_eq(b"abc", b"abcd"));
        assert!(constant_time_eq(b"", b""));
    }
}
