//! X25519 and AES-GCM as they are written in Rust: for every target, and all that the web has.

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{AeadInOut, KeyInit};
use zeroize::Zeroizing;

use super::{NoSharedSecret, NotAuthentic, TooLong, constant_time_eq};

/// Nothing has to be made of a private key.
#[derive(Clone, Default)]
pub(super) struct PreparedSecret(());

pub(super) fn x25519(
    secret: &[u8; 32],
    _: &PreparedSecret,
    public: &[u8; 32],
) -> Result<Zeroizing<[u8; 32]>, NoSharedSecret> {
    let shared = Zeroizing::new(agreed(secret, public));
    if constant_time_eq(&*shared, &[0; 32]) {
        return Err(NoSharedSecret);
    }
    Ok(shared)
}

/// In four fifths of the ladder's time, the way to the Edwards form and back included: there curve25519-dalek computes four products
/// at once (AVX2). A point of the twist has no such form. Which way a public key takes tells nothing that it does not.
#[cfg(target_arch = "x86_64")]
fn agreed(secret: &[u8; 32], public: &[u8; 32]) -> [u8; 32] {
    use curve25519_dalek::MontgomeryPoint;
    match MontgomeryPoint(*public).to_edwards(0) {
        Some(point) => point.mul_clamped(*secret).to_montgomery().to_bytes(),
        None => x25519_dalek::x25519(*secret, *public),
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn agreed(secret: &[u8; 32], public: &[u8; 32]) -> [u8; 32] {
    x25519_dalek::x25519(*secret, *public)
}

pub(super) fn x25519_public(secret: &[u8; 32], _: &PreparedSecret) -> [u8; 32] {
    x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(*secret)).to_bytes()
}

/// In place, the tag at the end.
pub(super) fn aes256_gcm_seal(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<(), TooLong> {
    Aes256Gcm::new(key.into())
        .encrypt_in_place(nonce.into(), aad, buffer)
        .map_err(|_| TooLong)
}

/// In place, without the tag afterwards. On an error the buffer holds anything.
pub(super) fn aes256_gcm_open(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<(), NotAuthentic> {
    Aes256Gcm::new(key.into())
        .decrypt_in_place(nonce.into(), aad, buffer)
        .map_err(|_| NotAuthentic)
}
