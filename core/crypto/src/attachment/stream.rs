//! Chunk after chunk, in any order, each at its own place.

use super::{AttachmentPlan, CHUNK_BYTES};
use crate::primitives::{
    AES256_GCM_TAG_LENGTH, aes256_gcm_open_in_place, aes256_gcm_seal_in_place,
};
use zeroize::{Zeroize, Zeroizing};

/// Encrypts the chunks of one attachment.
pub struct ChunkSealer {
    plan: AttachmentPlan,
}

/// Decrypts the chunks of one attachment.
pub struct ChunkOpener {
    plan: AttachmentPlan,
}

/// Why a chunk was not encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealChunkError {
    /// There is no such chunk.
    #[error("the attachment has {count} chunks")]
    NoSuchChunk {
        /// How many there are.
        count: u32,
    },
    /// The file is not what it was when the plan was made: make a new plan.
    #[error("the chunk holds {expected} bytes of the file, {found} were given")]
    Length {
        /// What the plan says.
        expected: u64,
        /// What came.
        found: usize,
    },
}

/// Why a chunk did not open. Nothing of it may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenChunkError {
    /// There is no such chunk.
    #[error("the attachment has {count} chunks")]
    NoSuchChunk {
        /// How many there are.
        count: u32,
    },
    /// Altered, cut, or a chunk of another place or attachment. Download it again.
    #[error("the chunk is not the one that was encrypted for this place")]
    NotAuthentic,
    /// The sender hid bytes beyond the end of the file.
    #[error("the padding of the attachment is not zero")]
    Padding,
}

impl ChunkSealer {
    pub(super) fn new(plan: AttachmentPlan) -> Self {
        Self { plan }
    }

    /// Encrypts the bytes that [`plain_range`](super::AttachmentLayout::plain_range) names for this chunk; padding is added.
    pub fn seal(&self, index: u32, plain: &[u8]) -> Result<Vec<u8>, SealChunkError> {
        let mut chunk = Vec::new();
        self.plan
            .lay_out(index, plain, AES256_GCM_TAG_LENGTH, &mut chunk)?;
        let (key, nonce) = (self.plan.key.as_bytes(), self.plan.nonce(index));
        aes256_gcm_seal_in_place(key, &nonce, &[], &mut chunk).map_err(|_| {
            SealChunkError::Length {
                expected: CHUNK_BYTES,
                found: plain.len(),
            }
        })?;
        Ok(chunk)
    }
}

impl ChunkOpener {
    pub(super) fn new(plan: AttachmentPlan) -> Self {
        Self { plan }
    }

    /// Decrypts one chunk: the bytes of the file that it holds, without padding.
    pub fn open(&self, index: u32, encrypted: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenChunkError> {
        let mut plain = Zeroizing::new(Vec::new());
        self.open_into(index, encrypted, &mut plain)?;
        Ok(plain)
    }

    /// The same into a buffer, in place of what it held: for one chunk after another, so that only the last has to be wiped.
    /// After an error it holds nothing.
    pub fn open_into(
        &self,
        index: u32,
        encrypted: &[u8],
        plain: &mut Vec<u8>,
    ) -> Result<(), OpenChunkError> {
        plain.clear();
        self.plan.expect_sealed(index, encrypted.len())?;
        let (key, nonce) = (self.plan.key.as_bytes(), self.plan.nonce(index));
        plain.extend_from_slice(encrypted);
        aes256_gcm_open_in_place(key, &nonce, &[], plain)
            .map_err(|_| OpenChunkError::NotAuthentic)?;
        self.plan.cut(index, plain)
    }
}

/// What stands around the cipher itself, for whoever brings another one: a browser's WebCrypto.
impl AttachmentPlan {
    /// What is encrypted for a chunk: the bytes that [`plain_range`](super::AttachmentLayout::plain_range) names for it, and
    /// zeros behind them.
    pub fn pad(&self, index: u32, plain: &[u8]) -> Result<Zeroizing<Vec<u8>>, SealChunkError> {
        let mut chunk = Zeroizing::new(Vec::new());
        self.lay_out(index, plain, 0, &mut chunk)?;
        Ok(chunk)
    }

    /// The same into an empty buffer, with room for what comes behind it.
    fn lay_out(
        &self,
        index: u32,
        plain: &[u8],
        spare: usize,
        chunk: &mut Vec<u8>,
    ) -> Result<(), SealChunkError> {
        let count = self.layout.chunk_count();
        let missing = SealChunkError::NoSuchChunk { count };
        let padded = self.layout.padded_range(index).ok_or(missing)?;
        let range = self.layout.plain_range(index).ok_or(missing)?;
        let expected = range.end - range.start;
        if plain.len() as u64 != expected {
            return Err(SealChunkError::Length {
                expected,
                found: plain.len(),
            });
        }
        let length = (padded.end - padded.start) as usize;
        chunk.reserve_exact(length + spare);
        chunk.extend_from_slice(plain);
        chunk.resize(length, 0);
        Ok(())
    }

    /// Whether an encrypted chunk has the length of its place.
    pub fn expect_sealed(&self, index: u32, length: usize) -> Result<(), OpenChunkError> {
        let sealed = self
            .layout
            .encrypted_range(index)
            .ok_or(OpenChunkError::NoSuchChunk {
                count: self.layout.chunk_count(),
            })?;
        if length as u64 == sealed.end - sealed.start {
            Ok(())
        } else {
            Err(OpenChunkError::NotAuthentic)
        }
    }

    /// The bytes of the file in a decrypted, authentic chunk; what stands behind them must be zeros.
    pub fn unpad(
        &self,
        index: u32,
        mut chunk: Zeroizing<Vec<u8>>,
    ) -> Result<Zeroizing<Vec<u8>>, OpenChunkError> {
        self.cut(index, &mut chunk)?;
        Ok(chunk)
    }

    fn cut(&self, index: u32, chunk: &mut Vec<u8>) -> Result<(), OpenChunkError> {
        let range = self
            .layout
            .plain_range(index)
            .ok_or(OpenChunkError::NoSuchChunk {
                count: self.layout.chunk_count(),
            })?;
        let length = (range.end - range.start) as usize;
        if chunk.iter().skip(length).any(|byte| *byte != 0) {
            chunk.zeroize();
            return Err(OpenChunkError::Padding);
        }
        chunk.truncate(length);
        Ok(())
    }
}
