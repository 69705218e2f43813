//! X25519 and AES-GCM from AWS-LC, which rustls links already.
//!
//! AWS-LC overwrites the memory of a key when it frees it. Its calls can fail for want of memory: where that is no answer of
//! ours, the portable backend answers.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use zeroize::Zeroizing;

use super::{NoSharedSecret, NotAuthentic, TooLong, portable};

/// What every ciphertext is longer than its plaintext.
const TAG: usize = 16;

/// AWS-LC's form of a private key. To make it costs the public key, a fourth of an agreement.
#[derive(Clone, Default)]
pub(super) struct PreparedSecret(OnceLock<Arc<PrivateKey>>);

impl PreparedSecret {
    fn of(&self, secret: &[u8; 32]) -> Option<&PrivateKey> {
        if let Some(made) = self.0.get() {
            return Some(made);
        }
        let made = PrivateKey::from_private_key(&X25519, secret).ok()?;
        Some(self.0.get_or_init(|| Arc::new(made)))
    }
}

pub(super) fn x25519(
    secret: &[u8; 32],
    prepared: &PreparedSecret,
    public: &[u8; 32],
) -> Result<Zeroizing<[u8; 32]>, NoSharedSecret> {
    let Some(key) = prepared.of(secret) else {
        return portable::x25519(secret, &portable::PreparedSecret::default(), public);
    };
    let public = UnparsedPublicKey::new(&X25519, public);
    // It refuses an all-zero result itself.
    agree(key, public, NoSharedSecret, |shared| {
        let mut kept = Zeroizing::new([0; 32]);
        kept.copy_from_slice(shared);
        Ok(kept)
    })
}

pub(super) fn x25519_public(secret: &[u8; 32], prepared: &PreparedSecret) -> [u8; 32] {
    prepared
        .of(secret)
        .and_then(|key| key.compute_public_key().ok())
        .and_then(|public| public.as_ref().try_into().ok())
        .unwrap_or_else(|| portable::x25519_public(secret, &portable::PreparedSecret::default()))
}

/// In place, the tag at the end.
pub(super) fn aes256_gcm_seal(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<(), TooLong> {
    let Some(cipher) = gcm(key) else {
        return portable::aes256_gcm_seal(key, nonce, aad, buffer);
    };
    let nonce = Nonce::assume_unique_for_key(*nonce);
    cipher
        .seal_in_place_append_tag(nonce, Aad::from(aad), buffer)
        .map_err(|_| TooLong)
}

/// In place, without the tag afterwards. On an error the buffer holds anything.
pub(super) fn aes256_gcm_open(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    buffer: &mut Vec<u8>,
) -> Result<(), NotAuthentic> {
    let Some(cipher) = gcm(key) else {
        return portable::aes256_gcm_open(key, nonce, aad, buffer);
    };
    let nonce = Nonce::assume_unique_for_key(*nonce);
    cipher
        .open_in_place(nonce, Aad::from(aad), buffer)
        .map_err(|_| NotAuthentic)?;
    buffer.truncate(buffer.len().saturating_sub(TAG));
    Ok(())
}

fn gcm(key: &[u8; 32]) -> Option<LessSafeKey> {
    let key = UnboundKey::new(&AES_256_GCM, key).ok()?;
    Some(LessSafeKey::new(key))
}
