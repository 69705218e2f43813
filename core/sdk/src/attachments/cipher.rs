//! The seam to whatever encrypts chunks: Rust here, a browser's WebCrypto there.

use super::piece::Piece;
use crate::bounds::{BoxFuture, MaybeSend, MaybeSync};
use sealwire_crypto::attachment::{AttachmentPlan, OpenChunkError, SealChunkError, chunk_hash};
use zeroize::Zeroizing;

/// Encrypts and decrypts the chunks of attachments, each at its own place, as `sealwire_crypto::attachment` says.
pub trait ChunkCipher: MaybeSend + MaybeSync + 'static {
    /// The encrypted chunk and its hash; padding is added.
    fn seal<'a>(
        &'a self,
        plan: &'a AttachmentPlan,
        index: u32,
        plain: Piece,
    ) -> BoxFuture<'a, Result<SealedChunk, SealChunkError>>;

    /// The bytes of the file in this chunk, without padding.
    fn open<'a>(
        &'a self,
        plan: &'a AttachmentPlan,
        index: u32,
        sealed: &'a [u8],
    ) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>, OpenChunkError>>;

    /// SHA-256 of an encrypted chunk.
    fn hash<'a>(&'a self, sealed: &'a [u8]) -> BoxFuture<'a, [u8; 32]>;
}

/// An encrypted chunk.
pub struct SealedChunk {
    /// Its bytes, tag included.
    pub bytes: Piece,
    /// Their SHA-256.
    pub hash: [u8; 32],
}

/// So many chunks are under the cipher at once: one that works beside this thread is kept busy, and what it works on stays in
/// the processor's caches.
pub(super) const CHUNKS_AT_ONCE: usize = 3;

/// The crypto crate's own cipher: a chunk takes some 30 µs, not worth a thread of its own.
pub struct RustCipher;

impl ChunkCipher for RustCipher {
    fn seal<'a>(
        &'a self,
        plan: &'a AttachmentPlan,
        index: u32,
        plain: Piece,
    ) -> BoxFuture<'a, Result<SealedChunk, SealChunkError>> {
        Box::pin(async move {
            let sealed = plan.sealer().seal(index, &plain.into_vec())?;
            Ok(SealedChunk {
                hash: chunk_hash(&sealed),
                bytes: sealed.into(),
            })
        })
    }

    fn open<'a>(
        &'a self,
        plan: &'a AttachmentPlan,
        index: u32,
        sealed: &'a [u8],
    ) -> BoxFuture<'a, Result<Zeroizing<Vec<u8>>, OpenChunkError>> {
        Box::pin(async move { plan.opener().open(index, sealed) })
    }

    fn hash<'a>(&'a self, sealed: &'a [u8]) -> BoxFuture<'a, [u8; 32]> {
        Box::pin(async move { chunk_hash(sealed) })
    }
}
