//! Attachments: files encrypted in chunks, in constant memory, each chunk readable alone.
//!
//! STREAM (Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance",
//! 2015, section 7) with a 32-bit big-endian counter: a chunk opens at its own place alone, and the last one says that it is.
//! The length is hidden by zeros up to the Padmé length.

mod digest;
mod layout;
mod stream;

pub use digest::{DigestBuilder, chunk_hash};
pub use layout::{AttachmentLayout, CHUNK_BYTES, MAX_ATTACHMENT_BYTES};
pub use stream::{ChunkOpener, ChunkSealer, OpenChunkError, SealChunkError};

use crate::content::secret32;
use rand_core::CryptoRng;

secret32!(
    /// The key of one attachment. It never encrypts a second file, nor the same file once it has changed.
    AttachmentKey
);

/// Everything that encrypting or decrypting one attachment needs, save its bytes.
///
/// For a web page: [`AttachmentKey::as_bytes`] and [`AttachmentPlan::nonce`] are what WebCrypto's AES-GCM takes.
#[derive(Clone)]
pub struct AttachmentPlan {
    key: AttachmentKey,
    nonce_prefix: [u8; 7],
    layout: AttachmentLayout,
}

/// Why there is no plan for an attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Longer than a 32-bit counter of chunks reaches.
    #[error("an attachment may have at most {max} bytes")]
    TooLarge {
        /// [`MAX_ATTACHMENT_BYTES`].
        max: u64,
    },
    /// Made by a newer app, with chunks of another size: update this one.
    #[error("attachments in chunks of {chunk_size} bytes are not known here")]
    UnknownChunkSize {
        /// What the pointer says.
        chunk_size: u32,
    },
}

impl AttachmentPlan {
    /// A plan with a fresh key for a file of `plain_size` bytes.
    pub fn new(plain_size: u64, rng: &mut impl CryptoRng) -> Result<Self, PlanError> {
        let layout = AttachmentLayout::new(plain_size)?;
        let mut nonce_prefix = [0; 7];
        rng.fill_bytes(&mut nonce_prefix);
        Ok(Self {
            key: AttachmentKey::generate(rng),
            nonce_prefix,
            layout,
        })
    }

    /// The plan of a received pointer, or of an upload that is taken up again.
    ///
    /// To go on encrypting is safe only while the file is what it was: a changed one under the same key and counters gives
    /// both versions away. If its size or time of change differs, make a new plan.
    pub fn from_pointer(
        plain_size: u64,
        chunk_size: u32,
        key: &[u8; 32],
        nonce_prefix: &[u8; 7],
    ) -> Result<Self, PlanError> {
        if u64::from(chunk_size) != CHUNK_BYTES {
            return Err(PlanError::UnknownChunkSize { chunk_size });
        }
        Ok(Self {
            key: AttachmentKey::from_bytes(key),
            nonce_prefix: *nonce_prefix,
            layout: AttachmentLayout::new(plain_size)?,
        })
    }

    /// The key, for the pointer inside the content.
    pub fn key(&self) -> &AttachmentKey {
        &self.key
    }

    /// The random part of every nonce, for the pointer inside the content.
    pub fn nonce_prefix(&self) -> &[u8; 7] {
        &self.nonce_prefix
    }

    /// Where everything lies, plain and encrypted.
    pub fn layout(&self) -> &AttachmentLayout {
        &self.layout
    }

    /// The nonce of a chunk: prefix ‖ u32 big-endian counter ‖ 1 for the last chunk, else 0.
    pub fn nonce(&self, index: u32) -> [u8; 12] {
        let mut nonce = [0; 12];
        nonce[..7].copy_from_slice(&self.nonce_prefix);
        nonce[7..11].copy_from_slice(&index.to_be_bytes());
        nonce[11] = u8::from(self.layout.is_last(index));
        nonce
    }

    /// Encrypts the chunks.
    pub fn sealer(&self) -> ChunkSealer {
        ChunkSealer::new(self.clone())
    }

    /// Decrypts the chunks.
    pub fn opener(&self) -> ChunkOpener {
        ChunkOpener::new(self.clone())
    }
}

#[cfg(test)]
mod tests;
