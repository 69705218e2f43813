//! Bytes that stay in JavaScript's memory on their way from a file to the network.

use js_sys::Uint8Array;
use sealwire::attachments::{ForeignBytes, Piece};
use std::any::Any;
use std::sync::Arc;

/// A view of one of JavaScript's buffers. Nobody writes to it any more.
pub(crate) struct JsBytes(Uint8Array);

impl JsBytes {
    pub(crate) fn piece(bytes: Uint8Array) -> Piece {
        Piece::There(Arc::new(Self(bytes)))
    }

    /// The bytes as JavaScript has them; copied only where they lie in Rust's memory.
    pub(crate) fn of(piece: Piece) -> Uint8Array {
        match piece.foreign::<Self>() {
            Some(Self(bytes)) => bytes.clone(),
            None => Uint8Array::from(piece.into_vec().as_slice()),
        }
    }
}

impl ForeignBytes for JsBytes {
    fn len(&self) -> usize {
        usize::try_from(self.0.length()).unwrap_or(usize::MAX)
    }

    fn to_vec(&self) -> Vec<u8> {
        self.0.to_vec()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
