//! Some bytes of an attachment: in this memory, or in whatever memory the app's source and the cipher share.

use crate::bounds::{BoxFuture, MaybeSend, MaybeSync};
use std::any::Any;
use std::io;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes that only change hands here: whoever made them knows where they lie.
#[derive(Clone)]
pub enum Piece {
    /// In this memory.
    Here(Arc<Zeroizing<Vec<u8>>>),
    /// Elsewhere, such as in a browser's buffer: a cipher that knows them takes them as they are, all others copy.
    There(Arc<dyn ForeignBytes>),
}

/// Bytes in another memory.
pub trait ForeignBytes: Any + MaybeSend + MaybeSync {
    /// How many.
    fn len(&self) -> usize;

    /// None at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A copy in this memory.
    fn to_vec(&self) -> Vec<u8>;

    /// For whoever made them.
    fn as_any(&self) -> &dyn Any;
}

/// Gives the bytes of a file, from its beginning to its end, once.
pub trait PieceSource: MaybeSend {
    /// The next bytes: exactly so many, or `UnexpectedEof`.
    fn next(&mut self, length: usize) -> BoxFuture<'_, io::Result<Piece>>;
}

impl Piece {
    /// How many bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Here(bytes) => bytes.len(),
            Self::There(bytes) => bytes.len(),
        }
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes in this memory; copied only where they lie elsewhere, or somebody else holds them too.
    pub fn into_vec(self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Here(bytes) => {
                Arc::try_unwrap(bytes).unwrap_or_else(|shared| Zeroizing::new(shared.to_vec()))
            }
            Self::There(bytes) => Zeroizing::new(bytes.to_vec()),
        }
    }

    /// As whoever made them knows them.
    pub fn foreign<T: 'static>(&self) -> Option<&T> {
        match self {
            Self::Here(_) => None,
            Self::There(bytes) => bytes.as_any().downcast_ref(),
        }
    }
}

impl From<Vec<u8>> for Piece {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Here(Arc::new(Zeroizing::new(bytes)))
    }
}
