//! The sending half of a socket: a task that writes what it is given, several frames to a flush.

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt as _;
use futures_util::stream::SplitSink;
use sealwire_wire::contract::CloseCode;
use std::future::Future;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Frames that wait for the socket, at most; the queue in storage holds the rest.
const WAITING_MAX: usize = 16;

/// Frames on their way out.
pub(super) struct Outgoing {
    /// In boxes, since a channel has room for thirty-two from the beginning.
    pub(super) frames: mpsc::Sender<Box<Utf8Bytes>>,
    writer: JoinHandle<Writer>,
}

struct Writer {
    sink: SplitSink<WebSocket, Message>,
    stall_max: Duration,
    works: bool,
}

impl Outgoing {
    /// Begins to write. A socket that takes nothing for `stall_max` ends it: [`Outgoing::frames`] is closed then.
    pub(super) fn start(sink: SplitSink<WebSocket, Message>, stall_max: Duration) -> Self {
        let (frames, waiting) = mpsc::channel(WAITING_MAX);
        let writer = Writer {
            sink,
            stall_max,
            works: true,
        };
        let writer = tokio::spawn(writer.run(waiting));
        Self { frames, writer }
    }

    /// Writes what waits, then the close frame; waits no longer than `patience` for both.
    pub(super) async fn close(self, code: CloseCode, reason: &'static str, patience: Duration) {
        drop(self.frames);
        let aborts = self.writer.abort_handle();
        let closing = async {
            if let Ok(mut writer) = self.writer.await {
                let frame = CloseFrame {
                    code: code.to_u16(),
                    reason: Utf8Bytes::from_static(reason),
                };
                let _ = writer.sink.send(Message::Close(Some(frame))).await;
            }
        };
        let _ = tokio::time::timeout(patience, closing).await;
        aborts.abort();
    }
}

impl Writer {
    async fn run(mut self, mut waiting: mpsc::Receiver<Box<Utf8Bytes>>) -> Self {
        while self.works
            && let Some(frame) = waiting.recv().await
        {
            self.works = self.write(frame, &mut waiting).await.is_ok();
        }
        self
    }

    /// Writes this frame and those that came meanwhile, then flushes once.
    async fn write(
        &mut self,
        frame: Box<Utf8Bytes>,
        waiting: &mut mpsc::Receiver<Box<Utf8Bytes>>,
    ) -> Result<(), Stalled> {
        let mut next = Some(frame);
        while let Some(frame) = next {
            in_time(self.stall_max, self.sink.feed(Message::Text(*frame))).await?;
            next = waiting.try_recv().ok();
        }
        in_time(self.stall_max, self.sink.flush()).await
    }
}

/// The socket is broken, or took nothing for too long.
struct Stalled;

async fn in_time(
    stall_max: Duration,
    step: impl Future<Output = Result<(), axum::Error>>,
) -> Result<(), Stalled> {
    match tokio::time::timeout(stall_max, step).await {
        Ok(Ok(())) => Ok(()),
        _ => Err(Stalled),
    }
}
