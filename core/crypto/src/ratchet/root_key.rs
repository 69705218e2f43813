//! The root key: one step for each turn of the Diffie-Hellman ratchet.
//!
//! Double Ratchet, revision 4, section 5.2 (`KDF_RK`).

use zeroize::{Zeroize, ZeroizeOnDrop};

use super::chain_key::ChainKey;
use crate::keys::{RatchetKey, RatchetKeyPair};
use crate::primitives::{NoSharedSecret, hkdf_sha256};

/// The state that every new chain is derived from.
#[derive(Clone, ZeroizeOnDrop)]
pub(crate) struct RootKey([u8; 32]);

impl RootKey {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    pub(crate) fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The next root and the chain of this pair of ratchet keys: HKDF-SHA256, salt root, info `WhisperRatchet`.
    pub(super) fn step(
        &self,
        ours: &RatchetKeyPair,
        theirs: &RatchetKey,
    ) -> Result<(Self, ChainKey), NoSharedSecret> {
        let agreed = ours.pair().agree(theirs.as_public_key())?;
        let mut okm: [u8; 64] = hkdf_sha256(Some(&self.0), &*agreed, b"WhisperRatchet");
        let (mut root, mut chain) = ([0; 32], [0; 32]);
        root.copy_from_slice(&okm[..32]);
        chain.copy_from_slice(&okm[32..]);
        okm.zeroize();
        Ok((Self(root), ChainKey::new(chain)))
    }
}
