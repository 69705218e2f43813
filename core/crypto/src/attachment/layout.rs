//! Where the bytes of an attachment lie: sizes and ranges, known from its length alone.

use super::PlanError;
use crate::padme::padme;
use std::ops::Range;

/// Plain bytes in a chunk; only the last may have fewer.
pub const CHUNK_BYTES: u64 = 65_536;

/// The longest attachment, padding included: the chunks that a 32-bit counter tells apart.
pub const MAX_ATTACHMENT_BYTES: u64 = u32::MAX as u64 * CHUNK_BYTES;

/// The tag at the end of every chunk (AES-GCM, NIST SP 800-38D).
const TAG_BYTES: u64 = 16;

/// The sizes and ranges of one attachment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AttachmentLayout {
    plain_size: u64,
    padded_size: u64,
    chunk_count: u32,
}

impl AttachmentLayout {
    pub(super) fn new(plain_size: u64) -> Result<Self, PlanError> {
        const TOO_LARGE: PlanError = PlanError::TooLarge {
            max: MAX_ATTACHMENT_BYTES,
        };
        if plain_size > MAX_ATTACHMENT_BYTES {
            return Err(TOO_LARGE);
        }
        let padded_size = padme(plain_size);
        // An empty file is one empty chunk: its tag says that it is the last.
        let chunk_count = padded_size.div_ceil(CHUNK_BYTES).max(1);
        Ok(Self {
            plain_size,
            padded_size,
            chunk_count: u32::try_from(chunk_count).map_err(|_| TOO_LARGE)?,
        })
    }

    /// The file's own length.
    pub fn plain_size(&self) -> u64 {
        self.plain_size
    }

    /// The length with its padding.
    pub fn padded_size(&self) -> u64 {
        self.padded_size
    }

    /// The length of all encrypted chunks: what is uploaded.
    pub fn encrypted_size(&self) -> u64 {
        self.padded_size + u64::from(self.chunk_count) * TAG_BYTES
    }

    /// How many chunks there are: at least one.
    pub fn chunk_count(&self) -> u32 {
        self.chunk_count
    }

    /// The bytes of the file that a chunk holds; empty for a chunk of padding alone, `None` beyond the last.
    pub fn plain_range(&self, index: u32) -> Option<Range<u64>> {
        let padded = self.padded_range(index)?;
        Some(padded.start.min(self.plain_size)..padded.end.min(self.plain_size))
    }

    /// Where a chunk lies in the encrypted file; `None` beyond the last.
    pub fn encrypted_range(&self, index: u32) -> Option<Range<u64>> {
        let padded = self.padded_range(index)?;
        let tags = u64::from(index) * TAG_BYTES;
        Some(padded.start + tags..padded.end + tags + TAG_BYTES)
    }

    /// The chunks that hold a range of the file, for seeking; what lies beyond the file counts for nothing.
    pub fn chunks_for_range(&self, range: Range<u64>) -> Range<u32> {
        let end = range.end.min(self.plain_size);
        if range.start >= end {
            return 0..0;
        }
        let first = range.start / CHUNK_BYTES;
        let after = end.div_ceil(CHUNK_BYTES);
        let index = |chunk: u64| u32::try_from(chunk).unwrap_or(self.chunk_count);
        index(first)..index(after)
    }

    pub(super) fn is_last(&self, index: u32) -> bool {
        index == self.chunk_count - 1
    }

    /// The bytes that a chunk encrypts, padding included.
    pub(super) fn padded_range(&self, index: u32) -> Option<Range<u64>> {
        if index >= self.chunk_count {
            return None;
        }
        let start = u64::from(index) * CHUNK_BYTES;
        Some(start..(start + CHUNK_BYTES).min(self.padded_size))
    }
}
