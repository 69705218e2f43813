//! Where an attachment lies, how it opens, and what a reader may show before it is there.

use super::{BodyError, attachment_id, fixed, proto};
use crate::AttachmentId;
use std::mem::take;
use zeroize::Zeroize;

/// The pointer inside a message's content.
#[derive(Clone, PartialEq, Eq)]
pub struct AttachmentPointer {
    /// At the relay.
    pub attachment_id: AttachmentId,
    /// The attachment's own key; wiped on drop.
    pub key: [u8; 32],
    /// The first 7 bytes of every chunk's nonce.
    pub nonce_prefix: [u8; 7],
    /// SHA-256 over the SHA-256s of the encrypted chunks.
    pub digest: [u8; 32],
    /// Plain size in bytes.
    pub size: u64,
    /// Plain bytes a chunk.
    pub chunk_size: u32,
    /// As the sender names it, such as `image/png`; a hint, never to be trusted.
    pub mime: String,
    /// As the sender names it; may be empty.
    pub name: String,
    /// For a placeholder while it loads.
    pub media: MediaFacts,
    /// A small picture of it.
    pub thumbnail: Option<Box<AttachmentPointer>>,
}

/// What a reader may show of a picture, video or voice message before it is there.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct MediaFacts {
    /// In pixels.
    pub width: Option<u32>,
    /// In pixels.
    pub height: Option<u32>,
    /// In milliseconds.
    pub duration_ms: Option<u32>,
    /// A blurred preview in a few characters.
    pub blurhash: Option<String>,
    /// Loudness over time.
    pub waveform: Option<[u8; 64]>,
}

impl Drop for AttachmentPointer {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}

impl AttachmentPointer {
    pub(super) fn to_proto(&self) -> proto::AttachmentPointer {
        proto::AttachmentPointer {
            attachment_id: self.attachment_id.as_str().to_owned(),
            key: self.key.to_vec(),
            nonce_prefix: self.nonce_prefix.to_vec(),
            digest: self.digest.to_vec(),
            size: self.size,
            chunk_size: self.chunk_size,
            mime: self.mime.clone(),
            name: self.name.clone(),
            width: self.media.width,
            height: self.media.height,
            duration_ms: self.media.duration_ms,
            blurhash: self.media.blurhash.clone(),
            waveform: self.media.waveform.map(|waveform| waveform.to_vec()),
            thumbnail: self
                .thumbnail
                .as_ref()
                .map(|thumbnail| Box::new(thumbnail.to_proto())),
        }
    }

    /// A thumbnail has no thumbnail of its own: what nests deeper is refused.
    pub(super) fn from_proto(mut pointer: proto::AttachmentPointer) -> Result<Self, BodyError> {
        let thumbnail = match pointer.thumbnail.take() {
            Some(thumbnail) if thumbnail.thumbnail.is_some() => {
                return Err(BodyError::Field("thumbnail"));
            }
            Some(thumbnail) => Some(Box::new(Self::from_proto(*thumbnail)?)),
            None => None,
        };
        Ok(Self {
            attachment_id: attachment_id(&pointer.attachment_id)?,
            nonce_prefix: fixed("attachment.nonce_prefix", &pointer.nonce_prefix)?,
            digest: fixed("attachment.digest", &pointer.digest)?,
            size: pointer.size,
            chunk_size: pointer.chunk_size,
            mime: take(&mut pointer.mime),
            name: take(&mut pointer.name),
            media: MediaFacts {
                width: pointer.width,
                height: pointer.height,
                duration_ms: pointer.duration_ms,
                blurhash: pointer.blurhash.take(),
                waveform: pointer
                    .waveform
                    .as_deref()
                    .map(|waveform| fixed("attachment.waveform", waveform))
                    .transpose()?,
            },
            thumbnail,
            // Last: what is refused before has no copy of it.
            key: fixed("attachment.key", &pointer.key)?,
        })
    }
}
