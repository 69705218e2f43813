//! What is sent: a Blob or File, or a stream of bytes.

use super::JsBytes;
use crate::js::reason;
use js_sys::{Reflect, Uint8Array};
use sealwire::BoxFuture;
use sealwire::attachments::{Piece, PieceSource};
use std::io;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Blob, ReadableStream, ReadableStreamDefaultReader};

/// Gives what is sent in pieces of the length that is asked for; none of them enters Rust's memory.
///
/// A Blob is read as its stream, not slice by slice: each slice is a question to the browser's process, and four times as slow.
pub(crate) struct Source {
    reader: ReadableStreamDefaultReader,
    /// What came last, and how far it was given.
    held: Option<Uint8Array>,
    at: u32,
}

impl Source {
    /// The bytes, and how many they are where they say so themselves.
    pub(crate) fn of(value: &JsValue) -> Result<(Self, Option<u64>), String> {
        let (stream, size) = match value.dyn_ref::<Blob>() {
            // A size is a whole number below 2^53.
            Some(blob) => (blob.stream(), Some(blob.size() as u64)),
            None => match value.dyn_ref::<ReadableStream>() {
                Some(stream) => (stream.clone(), None),
                None => return Err("it is neither a Blob nor a ReadableStream".to_owned()),
            },
        };
        let reader = ReadableStreamDefaultReader::new(&stream).map_err(|error| reason(&error))?;
        let (held, at) = (None, 0);
        Ok((Self { reader, held, at }, size))
    }

    /// Exactly so many bytes: a view of what came, or, where they came in several pieces, a copy of those.
    async fn take(&mut self, length: u32) -> Result<Uint8Array, JsValue> {
        let first = self.part(length).await?;
        if first.length() == length {
            return Ok(first);
        }
        let whole = Uint8Array::new_with_length(length);
        whole.set(&first, 0);
        let mut filled = first.length();
        while filled < length {
            let part = self.part(length - filled).await?;
            whole.set(&part, filled);
            filled += part.length();
        }
        Ok(whole)
    }

    /// At most so many bytes, and at least one.
    async fn part(&mut self, length: u32) -> Result<Uint8Array, JsValue> {
        loop {
            if let Some(held) = &self.held
                && self.at < held.length()
            {
                let end = held.length().min(self.at + length);
                let part = held.subarray(self.at, end);
                self.at = end;
                return Ok(part);
            }
            self.held = Some(self.read().await?.ok_or(JsValue::NULL)?);
            self.at = 0;
        }
    }

    /// None at the end.
    async fn read(&mut self) -> Result<Option<Uint8Array>, JsValue> {
        let read = self.reader.read().await?;
        if Reflect::get(&read, &"done".into())?.is_truthy() {
            return Ok(None);
        }
        let piece = Reflect::get(&read, &"value".into())?.dyn_into();
        piece
            .map(Some)
            .map_err(|_| JsValue::from("the stream gave something else than a Uint8Array"))
    }
}

impl PieceSource for Source {
    fn next(&mut self, length: usize) -> BoxFuture<'_, io::Result<Piece>> {
        Box::pin(async move {
            let length = u32::try_from(length).map_err(io::Error::other)?;
            let taken = match length {
                0 => Ok(Uint8Array::new_with_length(0)),
                _ => self.take(length).await,
            };
            match taken {
                Ok(bytes) => Ok(JsBytes::piece(bytes)),
                Err(ended) if ended.is_null() => Err(io::ErrorKind::UnexpectedEof.into()),
                Err(thrown) => Err(io::Error::other(reason(&thrown))),
            }
        })
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // Whoever writes to the stream learns that nobody reads any more; at its end this does nothing.
        let _ = self.reader.cancel();
    }
}
