//! The digest of an encrypted attachment: SHA-256 over the SHA-256s of its chunks.
//!
//! Two levels, so that WebCrypto (which cannot hash piece by piece) can make it, and a range can be checked alone.

use crate::primitives::{Sha256Hasher, sha256};

/// The hash of one encrypted chunk.
pub fn chunk_hash(encrypted_chunk: &[u8]) -> [u8; 32] {
    sha256(encrypted_chunk)
}

/// Takes the chunks in order and gives the digest of the whole.
#[derive(Clone, Default)]
pub struct DigestBuilder(Sha256Hasher);

impl DigestBuilder {
    /// No chunk yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The next encrypted chunk.
    pub fn push(&mut self, encrypted_chunk: &[u8]) {
        self.push_hash(&chunk_hash(encrypted_chunk));
    }

    /// The hash of the next encrypted chunk: where hashes were kept, an interrupted transfer need not read again.
    pub fn push_hash(&mut self, hash: &[u8; 32]) {
        self.0.update(hash);
    }

    /// The digest, once the last chunk was pushed.
    pub fn finish(self) -> [u8; 32] {
        self.0.finish()
    }
}
