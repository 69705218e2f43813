//! A socket's connection: frames go out several to a flush, while what comes in is heard.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::{Sink as _, SinkExt as _, Stream as _};
use sealwire_wire::contract::CloseCode;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::time::{Sleep, sleep, timeout};

/// Frames and bytes of one flush, at most; the queue in storage holds the rest.
const FRAMES_MAX: usize = 16;
const BYTES_MAX: usize = 128 * 1024;

/// Both directions of a socket.
pub(super) struct Connection {
    socket: WebSocket,
    stall_max: Duration,
    /// Of what is not flushed yet.
    frames: usize,
    bytes: usize,
    broken: bool,
    /// Since when the other end takes nothing.
    stalled: Option<Pin<Box<Sleep>>>,
}

/// What a connection has done.
pub(super) enum Turn {
    /// Everything is written, and more may follow.
    Written,
    /// It was broken while it was written to, or took nothing for too long.
    Stalled,
    /// Something came in; nothing at its end.
    Heard(Option<Result<Message, axum::Error>>),
}

impl Connection {
    /// One that takes nothing for `stall_max` has stalled.
    pub(super) fn new(socket: WebSocket, stall_max: Duration) -> Self {
        Self {
            socket,
            stall_max,
            frames: 0,
            bytes: 0,
            broken: false,
            stalled: None,
        }
    }

    /// Whether there is room for another frame.
    pub(super) fn has_room(&mut self) -> bool {
        // Whoever waits for room waits in `turn`, which is woken by then.
        let nobody = &mut Context::from_waker(Waker::noop());
        self.frames < FRAMES_MAX
            && self.bytes < BYTES_MAX
            && self.stalled.is_none()
            && Pin::new(&mut self.socket).poll_ready(nobody).is_ready()
    }

    /// Takes a frame for which there is room. It is on its way with the next turn, which also says when that fails.
    pub(super) fn put(&mut self, frame: Utf8Bytes) {
        self.frames += 1;
        self.bytes += frame.len();
        let sent = Pin::new(&mut self.socket).start_send(Message::Text(frame));
        self.broken |= sent.is_err();
    }

    /// Writes what was put, and waits for what comes in. With `more` to write it ends as soon as there is room again.
    pub(super) async fn turn(&mut self, more: bool) -> Turn {
        poll_fn(|context| {
            if self.frames > 0 {
                match self.poll_written(context) {
                    Poll::Ready(Turn::Written) if !more => {}
                    Poll::Ready(turn) => return Poll::Ready(turn),
                    Poll::Pending => {}
                }
            }
            Pin::new(&mut self.socket)
                .poll_next(context)
                .map(Turn::Heard)
        })
        .await
    }

    fn poll_written(&mut self, context: &mut Context<'_>) -> Poll<Turn> {
        if self.broken {
            return Poll::Ready(Turn::Stalled);
        }
        match Pin::new(&mut self.socket).poll_flush(context) {
            Poll::Ready(Ok(())) => {
                (self.frames, self.bytes, self.stalled) = (0, 0, None);
                Poll::Ready(Turn::Written)
            }
            Poll::Ready(Err(_)) => Poll::Ready(Turn::Stalled),
            Poll::Pending => {
                let stall_max = self.stall_max;
                let stalled = self
                    .stalled
                    .get_or_insert_with(|| Box::pin(sleep(stall_max)));
                stalled.as_mut().poll(context).map(|()| Turn::Stalled)
            }
        }
    }

    /// Writes what was put, these last words, and the close frame; waits no longer than `patience` for all of it.
    pub(super) async fn close(
        &mut self,
        last_words: Option<Utf8Bytes>,
        code: CloseCode,
        reason: &'static str,
        patience: Duration,
    ) {
        let closing = async {
            if let Some(frame) = last_words {
                let _ = self.socket.feed(Message::Text(frame)).await;
            }
            let frame = CloseFrame {
                code: code.to_u16(),
                reason: Utf8Bytes::from_static(reason),
            };
            let _ = self.socket.send(Message::Close(Some(frame))).await;
        };
        let _ = timeout(patience, closing).await;
    }
}
