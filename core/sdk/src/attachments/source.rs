//! What is sent: bytes, a file, or a reader, and what is said about it.

use super::piece::{Piece, PieceSource};
use crate::Error;
use crate::bounds::MaybeSend;
use crate::runtime::{Runtime, blocking};
use futures_util::io::{AsyncRead, AsyncReadExt as _, Cursor};
use sealwire_wire::content::MediaFacts;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A file to send, with what its receivers may know before they have it.
pub struct Attachment {
    pub(super) from: From,
    pub(super) mime: String,
    pub(super) name: String,
    pub(super) caption: String,
    pub(super) ttl_seconds: Option<u32>,
    pub(super) key: Option<[u8; 16]>,
    pub(super) media: MediaFacts,
}

pub(super) enum From {
    Path(PathBuf),
    Reader {
        reader: BoxReader,
        size: u64,
    },
    Pieces {
        pieces: Box<dyn PieceSource>,
        size: u64,
    },
}

#[cfg(not(target_family = "wasm"))]
type BoxReader = Pin<Box<dyn AsyncRead + Send>>;
#[cfg(target_family = "wasm")]
type BoxReader = Pin<Box<dyn AsyncRead>>;

/// An open source, read from its beginning to its end, once.
pub(super) enum Source {
    File {
        file: Option<File>,
        size: u64,
    },
    Reader {
        reader: BoxReader,
        size: u64,
    },
    Pieces {
        pieces: Box<dyn PieceSource>,
        size: u64,
    },
}

impl Attachment {
    /// These bytes.
    pub fn from_bytes(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        let size = bytes.len() as u64;
        Self::from_reader(Cursor::new(bytes), size)
    }

    /// This file, as it is when it is sent.
    pub fn from_path(path: impl Into<PathBuf>) -> Self {
        Self::new(From::Path(path.into()))
    }

    /// What this reader gives: exactly `size` bytes. The reader is one of the `futures` crates, not of Tokio:
    /// `tokio_util::compat` turns the one into the other.
    pub fn from_reader(reader: impl AsyncRead + MaybeSend + 'static, size: u64) -> Self {
        Self::new(From::Reader {
            reader: Box::pin(reader),
            size,
        })
    }

    /// What this source gives: exactly `size` bytes, which may lie in another memory than this one.
    pub fn from_pieces(pieces: impl PieceSource + 'static, size: u64) -> Self {
        Self::new(From::Pieces {
            pieces: Box::new(pieces),
            size,
        })
    }

    fn new(from: From) -> Self {
        Self {
            from,
            mime: "application/octet-stream".to_owned(),
            name: String::new(),
            caption: String::new(),
            ttl_seconds: None,
            key: None,
            media: MediaFacts::default(),
        }
    }

    /// Such as `image/png`.
    pub fn mime(mut self, mime: impl Into<String>) -> Self {
        self.mime = mime.into();
        self
    }

    /// A file name; receivers see it.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = name.into();
        self
    }

    /// Words beside it; they are found by search.
    pub fn caption(mut self, caption: impl Into<String>) -> Self {
        self.caption = caption.into();
        self
    }

    /// It disappears so many seconds after the relay accepted the message; see [`crate::SendOptions::ttl_seconds`].
    pub fn ttl_seconds(mut self, seconds: u32) -> Self {
        self.ttl_seconds = Some(seconds);
        self
    }

    /// Sends it once, however often it is asked; see [`crate::SendOptions::key`].
    pub fn key(mut self, key: [u8; 16]) -> Self {
        self.key = Some(key);
        self
    }

    /// What a reader may show before it is there: size in pixels, duration, a blurred preview.
    pub fn media(mut self, media: MediaFacts) -> Self {
        self.media = media;
        self
    }
}

impl From {
    /// How many bytes it has, where that is known before it is opened.
    pub(super) fn size(&self) -> Option<u64> {
        match self {
            Self::Path(_) => None,
            Self::Reader { size, .. } | Self::Pieces { size, .. } => Some(*size),
        }
    }

    pub(super) async fn open(self, runtime: &dyn Runtime) -> Result<Source, Error> {
        match self {
            Self::Reader { reader, size } => Ok(Source::Reader { reader, size }),
            Self::Pieces { pieces, size } => Ok(Source::Pieces { pieces, size }),
            Self::Path(path) => {
                let open = move || -> io::Result<(File, u64)> {
                    let file = File::open(path)?;
                    let size = file.metadata()?.len();
                    Ok((file, size))
                };
                let opened = blocking(runtime, open)
                    .await
                    .unwrap_or_else(|| Err(ended()));
                let (file, size) = opened.map_err(Error::AttachmentSource)?;
                Ok(Source::File {
                    file: Some(file),
                    size,
                })
            }
        }
    }
}

impl Source {
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::File { size, .. } | Self::Reader { size, .. } | Self::Pieces { size, .. } => {
                *size
            }
        }
    }

    /// The next bytes, exactly so many.
    pub(super) async fn next(&mut self, length: usize, runtime: &dyn Runtime) -> io::Result<Piece> {
        match self {
            Self::Pieces { pieces, .. } => pieces.next(length).await,
            Self::Reader { reader, .. } => {
                let mut bytes = Zeroizing::new(vec![0; length]);
                reader.read_exact(&mut bytes).await?;
                Ok(Piece::Here(Arc::new(bytes)))
            }
            Self::File { file, .. } => {
                let Some(mut open) = file.take() else {
                    return Err(ended());
                };
                let read = move || {
                    let mut bytes = Zeroizing::new(vec![0; length]);
                    let read = open.read_exact(&mut bytes);
                    (open, read.map(|()| bytes))
                };
                let Some((open, read)) = blocking(runtime, read).await else {
                    return Err(ended());
                };
                *file = Some(open);
                read.map(|bytes| Piece::Here(Arc::new(bytes)))
            }
        }
    }

    /// A source that holds more than it said is another file than the one that was announced.
    pub(super) async fn expect_end(&mut self, runtime: &dyn Runtime) -> io::Result<()> {
        match self.next(1, runtime).await {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
            Err(error) => Err(error),
            Ok(_) => Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "it holds more bytes than it was said to",
            )),
        }
    }
}

fn ended() -> io::Error {
    io::Error::other("the client was closed")
}
