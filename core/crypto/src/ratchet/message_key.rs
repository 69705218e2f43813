//! The keys of exactly one message, and what they do to it.
//!
//! Double Ratchet, revision 4, section 5.2 (`ENCRYPT` as AES-256-CBC with HMAC), with the constants of the deployed protocol.

use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::chain_key::MessageSeed;
use crate::keys::IdentityKey;
use crate::primitives::{
    BadPadding, HmacSha256, aes256_cbc_decrypt, aes256_cbc_encrypt, hkdf_sha256,
};

/// How many bytes of the MAC travel.
pub(super) const MAC_LENGTH: usize = 8;

/// Cipher key, MAC key and IV: consumed by sealing, so that they cannot seal twice.
#[derive(ZeroizeOnDrop)]
pub(super) struct MessageKeys {
    cipher_key: [u8; 32],
    mac_key: [u8; 32],
    iv: [u8; 16],
}

impl MessageKeys {
    /// HKDF-SHA256 without salt, info `WhisperMessageKeys`, 80 bytes.
    pub(super) fn from_seed(seed: &MessageSeed) -> Self {
        let mut okm: [u8; 80] = hkdf_sha256(None, &seed.0, b"WhisperMessageKeys");
        let mut keys = Self {
            cipher_key: [0; 32],
            mac_key: [0; 32],
            iv: [0; 16],
        };
        keys.cipher_key.copy_from_slice(&okm[..32]);
        keys.mac_key.copy_from_slice(&okm[32..64]);
        keys.iv.copy_from_slice(&okm[64..]);
        okm.zeroize();
        keys
    }

    #[cfg(feature = "audit")]
    pub(super) fn tell(&self, message: &[u8]) {
        crate::audit::tell([&self.cipher_key, &self.mac_key, &self.iv], message);
    }

    pub(super) fn encrypt(&self, plaintext: &[u8]) -> Vec<u8> {
        aes256_cbc_encrypt(&self.cipher_key, &self.iv, plaintext)
    }

    pub(super) fn decrypt(&self, ciphertext: &[u8]) -> Result<Zeroizing<Vec<u8>>, BadPadding> {
        aes256_cbc_decrypt(&self.cipher_key, &self.iv, ciphertext)
    }

    /// The MAC of `version byte ‖ protobuf`, bound to who sends and who receives.
    pub(super) fn mac(
        &self,
        sender: &IdentityKey,
        receiver: &IdentityKey,
        message: &[u8],
    ) -> [u8; MAC_LENGTH] {
        let key = HmacSha256::new(&self.mac_key);
        let full = key.of(&[&sender.to_bytes(), &receiver.to_bytes(), message]);
        let mut mac = [0; MAC_LENGTH];
        mac.copy_from_slice(&full[..MAC_LENGTH]);
        mac
    }
}
