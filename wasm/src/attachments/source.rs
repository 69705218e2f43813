//! What is sent: a Blob or File, or a stream of bytes.

use crate::js::reason;
use futures_util::FutureExt as _;
use futures_util::io::AsyncRead;
use js_sys::{Reflect, Uint8Array};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{Blob, ReadableStream, ReadableStreamDefaultReader};

/// Reads a `ReadableStream` of `Uint8Array`s.
pub(crate) struct Source {
    reader: ReadableStreamDefaultReader,
    /// What of a piece did not fit into the last read.
    rest: Vec<u8>,
    at: usize,
    reading: Option<Reading>,
}

type Reading = Pin<Box<dyn Future<Output = Result<Option<Vec<u8>>, JsValue>>>>;

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
        Ok((
            Self {
                reader,
                rest: Vec::new(),
                at: 0,
                reading: None,
            },
            size,
        ))
    }
}

async fn read(reader: ReadableStreamDefaultReader) -> Result<Option<Vec<u8>>, JsValue> {
    let read = reader.read().await?;
    if Reflect::get(&read, &"done".into())?.is_truthy() {
        return Ok(None);
    }
    let piece: Uint8Array = Reflect::get(&read, &"value".into())?
        .dyn_into()
        .map_err(|_| JsValue::from("the stream gave something else than a Uint8Array"))?;
    Ok(Some(piece.to_vec()))
}

impl AsyncRead for Source {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        while self.at == self.rest.len() {
            let reader = self.reader.clone();
            let reading = self.reading.get_or_insert_with(|| Box::pin(read(reader)));
            let piece = ready!(reading.poll_unpin(context));
            self.reading = None;
            match piece {
                Ok(Some(piece)) => (self.rest, self.at) = (piece, 0),
                Ok(None) => return Poll::Ready(Ok(0)),
                Err(thrown) => return Poll::Ready(Err(io::Error::other(reason(&thrown)))),
            }
        }
        let length = into.len().min(self.rest.len() - self.at);
        into[..length].copy_from_slice(&self.rest[self.at..self.at + length]);
        self.at += length;
        Poll::Ready(Ok(length))
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // Whoever writes to the stream learns that nobody reads any more; at its end this does nothing.
        let _ = self.reader.cancel();
    }
}
