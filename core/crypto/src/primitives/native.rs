//! X25519 and AES-GCM from AWS-LC, which rustls links already.
//!
//! AWS-LC overwrites the memory of a key when it frees it. Its calls can fail for want of memory, and do not say whether they did:
//! wherever that is possible the portable backend answers, so that no failure of ours is taken for something that a peer did.

use std::sync::{Arc, OnceLock};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{PrivateKey, UnparsedPublicKey, X25519, agree};
use zeroize::Zeroizing;

use super::{NoSharedSecret, NotAuthentic, TooLong, portable};

/// What every ciphertext is longer than its plaintext.
const TAG: usize = 16;

/// The most that is sealed under one nonce (NIST SP 800-38D, section 5.2.1.1): 2^39 - 256 bits.
const MAX_PLAINTEXT: u64 = (1 << 36) - 32;

/// AWS-LC's form of a private key. To make it costs the public key, a fourth of an agreement.
#[derive(Clone, Default)]
pub(super) struct PreparedSecret(OnceLock<Arc<PrivateKey>>);

impl PreparedSecret {
    fn of(&self, secret: &[u8; 32]) -> Option<&PrivateKey> {
        if let Some(made) = self.0.get() {
            return Some(made);
        }
        let made = memory(|| PrivateKey::from_private_key(&X25519, secret).ok())?;
        Some(self.0.get_or_init(|| Arc::new(made)))
    }
}

pub(super) fn x25519(
    secret: &[u8; 32],
    prepared: &PreparedSecret,
    public: &[u8; 32],
) -> Result<Zeroizing<[u8; 32]>, NoSharedSecret> {
    match prepared.of(secret).and_then(|key| agreed(key, public)) {
        Some(shared) => Ok(shared),
        // An all-zero result, or no memory.
        None => portable::x25519(secret, &portable::PreparedSecret::default(), public),
    }
}

fn agreed(key: &PrivateKey, public: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let public = UnparsedPublicKey::new(&X25519, public);
    let shared = |shared: &[u8]| {
        let mut kept = Zeroizing::new([0; 32]);
        if shared.len() != kept.len() {
            return Err(());
        }
        kept.copy_from_slice(shared);
        Ok(kept)
    };
    memory(|| agree(key, public, (), shared).ok())
}

pub(super) fn x25519_public(secret: &[u8; 32], prepared: &PreparedSecret) -> [u8; 32] {
    prepared
        .of(secret)
        .and_then(|key| memory(|| key.compute_public_key().ok()))
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
    if !fits(buffer.len()) {
        return Err(TooLong);
    }
    let nonce = Nonce::assume_unique_for_key(*nonce);
    // With the key made AWS-LC takes no more memory (crypto/fipsmodule/cipher/e_aes.c, aead_aes_gcm_seal_scatter_impl): it refuses
    // lengths and nothing else, those above and an `aad` of 2^61 bytes, which no memory holds.
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
    // As above (aead_aes_gcm_open_gather_impl): what it refuses are a wrong tag and lengths that no sealing gives.
    cipher
        .open_in_place(nonce, Aad::from(aad), buffer)
        .map_err(|_| NotAuthentic)?;
    buffer.truncate(buffer.len().saturating_sub(TAG));
    Ok(())
}

fn fits(length: usize) -> bool {
    u64::try_from(length).is_ok_and(|length| length <= MAX_PLAINTEXT)
}

fn gcm(key: &[u8; 32]) -> Option<LessSafeKey> {
    let key = memory(|| UnboundKey::new(&AES_256_GCM, key).ok())?;
    Some(LessSafeKey::new(key))
}

/// A call that needs memory. A test can take it away.
fn memory<T>(call: impl FnOnce() -> Option<T>) -> Option<T> {
    #[cfg(test)]
    if tests::NEXT_CALLS.with_borrow_mut(|calls| calls.pop() == Some(Call::Fails)) {
        return None;
    }
    call()
}

#[cfg(test)]
#[derive(Clone, Copy, PartialEq, Eq)]
enum Call {
    Works,
    Fails,
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    thread_local! {
        /// What the next calls do, the very next one last; all work after that.
        pub(super) static NEXT_CALLS: RefCell<Vec<Call>> = const { RefCell::new(Vec::new()) };
    }

    fn next_calls(calls: &[Call]) {
        NEXT_CALLS.set(calls.iter().rev().copied().collect());
    }

    const KEY: [u8; 32] = [7; 32];
    const NONCE: [u8; 12] = [8; 12];

    /// The key cannot be made, or it can and the agreement fails.
    const SHORT_OF_MEMORY: [&[Call]; 3] = [
        &[Call::Fails],
        &[Call::Works, Call::Fails],
        &[Call::Fails, Call::Fails],
    ];

    #[test]
    fn where_there_is_memory_nothing_falls_back() {
        let prepared = PreparedSecret::default();
        let key = prepared.of(&KEY).unwrap();
        let public = x25519_public(&[9; 32], &PreparedSecret::default());
        assert_eq!(agreed(key, &public), x25519(&KEY, &prepared, &public).ok());
        assert!(agreed(key, &public).is_some());
        assert!(gcm(&KEY).is_some());
    }

    #[test]
    fn an_agreement_without_memory_is_no_fault_of_the_peers_key() {
        let public = x25519_public(&[9; 32], &PreparedSecret::default());
        let shared = x25519(&KEY, &PreparedSecret::default(), &public).unwrap();
        for calls in SHORT_OF_MEMORY {
            next_calls(calls);
            let again = x25519(&KEY, &PreparedSecret::default(), &public);
            assert_eq!(again.as_ref(), Ok(&shared));
            next_calls(calls);
            let zero = x25519(&KEY, &PreparedSecret::default(), &[0; 32]);
            assert_eq!(zero, Err(NoSharedSecret));
            next_calls(calls);
            assert_eq!(x25519_public(&[9; 32], &PreparedSecret::default()), public);
        }
        next_calls(&[]);
    }

    #[test]
    fn a_cipher_without_memory_seals_the_same_and_takes_nothing_true_for_forged() {
        let (mut sealed, mut again) = (b"text".to_vec(), b"text".to_vec());
        aes256_gcm_seal(&KEY, &NONCE, b"aad", &mut sealed).unwrap();
        next_calls(&[Call::Fails]);
        aes256_gcm_seal(&KEY, &NONCE, b"aad", &mut again).unwrap();
        assert_eq!(again, sealed);
        next_calls(&[Call::Fails]);
        aes256_gcm_open(&KEY, &NONCE, b"aad", &mut again).unwrap();
        assert_eq!(again, b"text");
        sealed[0] ^= 1;
        next_calls(&[Call::Fails]);
        let forged = aes256_gcm_open(&KEY, &NONCE, b"aad", &mut sealed);
        assert_eq!(forged, Err(NotAuthentic));
    }

    #[test]
    fn what_is_no_ciphertext_at_all_is_not_authentic() {
        for length in 0..=TAG {
            let refused = aes256_gcm_open(&KEY, &NONCE, b"", &mut vec![0; length]);
            assert_eq!(refused, Err(NotAuthentic), "{length}");
        }
    }

    #[test]
    fn the_longest_plaintext_is_that_of_the_standard() {
        let longest = usize::try_from(MAX_PLAINTEXT).unwrap();
        assert_eq!(longest, 68_719_476_704);
        assert!(fits(longest));
        assert!(!fits(longest + 1));
    }
}
