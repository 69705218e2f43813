//! Attachments: what is said of a file, and how far its bytes are.

use super::options::send_key;
use super::{count, number};
use std::fmt;

/// What a message tells of its file. The key stays inside: the bytes are fetched by the message's local id.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
#[derive(Clone, PartialEq, Eq)]
pub struct AttachmentFacts {
    /// At the relay.
    pub id: String,
    /// Plain size in bytes.
    pub size: i64,
    /// As the sender names it, such as `image/png`; a hint, never to be trusted.
    pub mime: String,
    /// As the sender names it; may be empty.
    pub name: String,
    /// For a placeholder while it loads.
    pub media: MediaFacts,
}

/// What a reader may show of a picture, video or voice message before it is there.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
#[derive(Clone, PartialEq, Eq, Default)]
pub struct MediaFacts {
    /// In pixels.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub width: Option<i64>,
    /// In pixels.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub height: Option<i64>,
    /// In milliseconds.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub duration_ms: Option<i64>,
    /// A blurred preview in a few characters.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub blurhash: Option<String>,
    /// Loudness over time: 64 bytes.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default, with = "serde_bytes"))]
    pub waveform: Option<Vec<u8>>,
}

/// What is said of a file that is sent.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[cfg_attr(feature = "uniffi", uniffi::export(Debug))]
#[derive(Clone, PartialEq, Eq, Default)]
pub struct AttachmentOptions {
    /// Such as `image/png`; none: bytes of any kind.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub mime: Option<String>,
    /// A file name; receivers see it.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub name: Option<String>,
    /// Words beside it; they are found by search.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub caption: Option<String>,
    /// It disappears so many seconds after the relay accepted the message.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub ttl_seconds: Option<i64>,
    /// 16 bytes that name this send, as in `SendOptions`.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default, with = "serde_bytes"))]
    pub key: Option<Vec<u8>>,
    /// What a reader may show before it is there.
    #[cfg_attr(feature = "uniffi", uniffi(default = None))]
    #[cfg_attr(feature = "serde", serde(default))]
    pub media: Option<MediaFacts>,
}

/// How far a transfer got.
#[cfg_attr(feature = "uniffi", derive(uniffi::Record))]
#[cfg_attr(
    feature = "serde",
    derive(serde::Serialize, serde::Deserialize),
    serde(rename_all = "camelCase")
)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Encrypted bytes that went through. A transfer that has to begin anew begins at 0.
    pub done: i64,
    /// Of so many.
    pub total: i64,
}

impl AttachmentOptions {
    /// Says all of it of an attachment.
    pub fn describe(
        self,
        mut attachment: sealwire::Attachment,
    ) -> Result<sealwire::Attachment, sealwire::Error> {
        if let Some(mime) = self.mime {
            attachment = attachment.mime(mime);
        }
        if let Some(seconds) = self.ttl_seconds {
            attachment = attachment.ttl_seconds(count(seconds));
        }
        if let Some(key) = self.key {
            attachment = attachment.key(send_key(key)?);
        }
        Ok(attachment
            .name(self.name.unwrap_or_default())
            .caption(self.caption.unwrap_or_default())
            .media(self.media.unwrap_or_default().into()))
    }
}

impl From<&sealwire::AttachmentPointer> for AttachmentFacts {
    fn from(pointer: &sealwire::AttachmentPointer) -> Self {
        Self {
            id: pointer.attachment_id.as_str().to_owned(),
            size: number(pointer.size),
            mime: pointer.mime.clone(),
            name: pointer.name.clone(),
            media: pointer.media.clone().into(),
        }
    }
}

impl From<sealwire::MediaFacts> for MediaFacts {
    fn from(media: sealwire::MediaFacts) -> Self {
        Self {
            width: media.width.map(i64::from),
            height: media.height.map(i64::from),
            duration_ms: media.duration_ms.map(i64::from),
            blurhash: media.blurhash,
            waveform: media.waveform.map(|bytes| bytes.to_vec()),
        }
    }
}

impl From<MediaFacts> for sealwire::MediaFacts {
    /// A waveform of another length than 64 is none.
    fn from(media: MediaFacts) -> Self {
        Self {
            width: media.width.map(count),
            height: media.height.map(count),
            duration_ms: media.duration_ms.map(count),
            blurhash: media.blurhash,
            waveform: media.waveform.and_then(|bytes| bytes.try_into().ok()),
        }
    }
}

impl From<sealwire::Progress> for Progress {
    fn from(progress: sealwire::Progress) -> Self {
        Self {
            done: number(progress.done),
            total: number(progress.total),
        }
    }
}

// Names and previews show what a file is of, as captions do: they do not print by accident.
impl fmt::Debug for AttachmentFacts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AttachmentFacts")
            .field("id", &self.id)
            .field("size", &self.size)
            .field("mime", &self.mime)
            .field("media", &self.media)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for MediaFacts {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("MediaFacts")
            .field("width", &self.width)
            .field("height", &self.height)
            .field("duration_ms", &self.duration_ms)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for AttachmentOptions {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("AttachmentOptions")
            .field("mime", &self.mime)
            .field("ttl_seconds", &self.ttl_seconds)
            .field("media", &self.media)
            .finish_non_exhaustive()
    }
}
