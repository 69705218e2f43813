//! What is fetched, given to a function that says when it wants more.

use crate::js::reason;
use futures_util::FutureExt as _;
use futures_util::io::AsyncWrite;
use js_sys::{Function, Promise, Uint8Array};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use wasm_bindgen::JsValue;

/// Calls `write(chunk)` and waits for the promise that it gives.
pub(crate) struct Sink {
    write: Function,
    writing: Option<Writing>,
}

type Writing = Pin<Box<dyn Future<Output = Result<usize, JsValue>>>>;

impl Sink {
    pub(crate) fn new(write: Function) -> Self {
        Self {
            write,
            writing: None,
        }
    }
}

async fn write(to: Function, bytes: Uint8Array) -> Result<usize, JsValue> {
    let length = usize::try_from(bytes.length()).unwrap_or(usize::MAX);
    Promise::resolve(&to.call1(&JsValue::NULL, &bytes)?).await?;
    Ok(length)
}

impl AsyncWrite for Sink {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let to = self.write.clone();
        let writing = self
            .writing
            .get_or_insert_with(|| Box::pin(write(to, Uint8Array::from(bytes))));
        let written = ready!(writing.poll_unpin(context));
        self.writing = None;
        Poll::Ready(written.map_err(|thrown| io::Error::other(reason(&thrown))))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
