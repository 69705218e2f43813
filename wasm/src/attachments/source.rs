//! What is sent: a Blob or File, or a stream of bytes.

use super::JsBytes;
use crate::js::reason;
use js_sys::{ArrayBuffer, Promise, Reflect, Uint8Array};
use sealwire::BoxFuture;
use sealwire::attachments::{Piece, PieceSource};
use std::io;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Blob, ReadableStream, ReadableStreamDefaultReader};

/// Gives what is sent in pieces of the length that is asked for; none of them enters Rust's memory.
pub(crate) struct Source {
    from: From,
    /// What came last, and how far it was given.
    held: Option<Uint8Array>,
    at: u32,
}

enum From {
    Blob {
        blob: Blob,
        /// The next bytes to ask for.
        at: f64,
        /// Asked for already, while those before them are encrypted.
        ahead: Option<Promise>,
    },
    Stream(ReadableStreamDefaultReader),
}

/// So much of a Blob is read at once: each read is a question to the browser's process, and takes a few milliseconds.
const READ_BYTES: f64 = 1_048_576.0;

impl Source {
    /// The bytes, and how many they are where they say so themselves.
    pub(crate) fn of(value: &JsValue) -> Result<(Self, Option<u64>), String> {
        let (from, size) = match value.dyn_ref::<Blob>() {
            Some(blob) => {
                let (blob, at, ahead) = (blob.clone(), 0.0, None);
                // A size is a whole number below 2^53.
                let size = Some(blob.size() as u64);
                (From::Blob { blob, at, ahead }, size)
            }
            None => match value.dyn_ref::<ReadableStream>() {
                Some(stream) => {
                    let reader =
                        ReadableStreamDefaultReader::new(stream).map_err(|error| reason(&error))?;
                    (From::Stream(reader), None)
                }
                None => return Err("it is neither a Blob nor a ReadableStream".to_owned()),
            },
        };
        let (held, at) = (None, 0);
        Ok((Self { from, held, at }, size))
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
            self.held = Some(self.from.next().await?.ok_or(JsValue::NULL)?);
            self.at = 0;
        }
    }
}

impl From {
    /// None at the end.
    async fn next(&mut self) -> Result<Option<Uint8Array>, JsValue> {
        match self {
            Self::Blob { blob, at, ahead } => {
                let size = blob.size();
                let mut ask = || {
                    let (from, to) = (*at, size.min(*at + READ_BYTES));
                    *at = to;
                    let part = (from < to).then(|| blob.slice_with_f64_and_f64(from, to));
                    part.transpose()
                        .map(|part| part.map(|part| part.array_buffer()))
                };
                let Some(asked) = ahead
                    .take()
                    .map_or_else(&mut ask, |asked| Ok(Some(asked)))?
                else {
                    return Ok(None);
                };
                *ahead = ask()?;
                let buffer: ArrayBuffer = asked.await?.dyn_into()?;
                Ok(Some(Uint8Array::new(&buffer)))
            }
            Self::Stream(reader) => {
                let read = reader.read().await?;
                if Reflect::get(&read, &"done".into())?.is_truthy() {
                    return Ok(None);
                }
                let piece = Reflect::get(&read, &"value".into())?.dyn_into();
                piece
                    .map(Some)
                    .map_err(|_| JsValue::from("the stream gave something else than a Uint8Array"))
            }
        }
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
        if let From::Stream(reader) = &self.from {
            // Whoever writes to the stream learns that nobody reads any more; at its end this does nothing.
            let _ = reader.cancel();
        }
    }
}
