//! The one socket: a task that reads, writes and says what became of it.

use crate::runtime::{Runtime, Tasks, within};
use crate::transport::{Socket, SocketItem, Transport};
use async_channel::{Receiver, Sender};
use futures_util::future::{Either, select};
use futures_util::{SinkExt as _, StreamExt as _};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use url::Url;

/// Frames read ahead of the engine. Beyond it the relay waits: TCP tells it so.
const READ_AHEAD: usize = 256;
/// A frame that the network does not take for so long means that the socket is dead.
const SEND_TIME: Duration = Duration::from_secs(30);
/// For the closing frame.
const CLOSE_TIME: Duration = Duration::from_secs(1);

/// A socket that is opening or open. Dropped, it closes.
pub(crate) struct OpenSocket {
    events: Receiver<SocketEvent>,
    /// Taken out while frames were gathered, and none.
    after_frames: Option<SocketEvent>,
    outgoing: Sender<String>,
}

/// What happened to it.
pub(crate) enum SocketEvent {
    Opened,
    Frame(String),
    Closed {
        code: Option<u16>,
        status: Option<u16>,
        retry_after_ms: Option<u64>,
    },
}

impl OpenSocket {
    pub(crate) fn open(
        transport: Arc<dyn Transport>,
        tasks: &Tasks,
        url: Url,
        bearer: String,
    ) -> Self {
        let (tell, events) = async_channel::bounded(READ_AHEAD);
        // Acknowledgements and keepalives: the engine gives few for many frames.
        let (outgoing, to_send) = async_channel::unbounded();
        let timers = tasks.clone();
        tasks.spawn(async move {
            let opening = pin!(transport.open_socket(url, bearer));
            // Nothing is sent before it is open: this ends when nobody wants it any more. One that opened all the same would
            // take the place of its successor at the relay.
            let opened = match select(opening, pin!(to_send.recv())).await {
                Either::Left((opened, _)) => opened,
                Either::Right(_) => return,
            };
            let closed = match opened {
                Ok(socket) => {
                    // When nobody listens any more, the pump sees that at once.
                    let _ = tell.send(SocketEvent::Opened).await;
                    pump(socket, &to_send, &tell, timers.runtime()).await
                }
                Err(refused) => {
                    tracing::debug!(
                        status = refused.status,
                        detail = refused.detail,
                        "the socket did not open"
                    );
                    SocketEvent::Closed {
                        code: None,
                        status: refused.status,
                        retry_after_ms: refused.retry_after_ms,
                    }
                }
            };
            let _ = tell.send(closed).await;
        });
        Self {
            events,
            after_frames: None,
            outgoing,
        }
    }

    /// What happens next.
    pub(crate) async fn next(&mut self) -> SocketEvent {
        match self.after_frames.take() {
            Some(event) => event,
            // A task that ended without a word took the socket with it.
            None => self.events.recv().await.unwrap_or(SocketEvent::Closed {
                code: None,
                status: None,
                retry_after_ms: None,
            }),
        }
    }

    /// The next frame, if it is there already and nothing else comes before it.
    pub(crate) fn ready_frame(&mut self) -> Option<String> {
        if self.after_frames.is_some() {
            return None;
        }
        match self.events.try_recv().ok()? {
            SocketEvent::Frame(text) => Some(text),
            other => {
                self.after_frames = Some(other);
                None
            }
        }
    }

    pub(crate) fn send(&self, text: String) {
        let _ = self.outgoing.try_send(text);
    }

    /// Closes it and waits until that is done, for a moment.
    pub(crate) async fn close(self, runtime: &dyn Runtime) {
        self.outgoing.close();
        within(runtime, CLOSE_TIME, async {
            while self.events.recv().await.is_ok() {}
        })
        .await;
    }
}

async fn pump(
    socket: Socket,
    to_send: &Receiver<String>,
    tell: &Sender<SocketEvent>,
    runtime: &dyn Runtime,
) -> SocketEvent {
    let Socket {
        mut sink,
        mut stream,
    } = socket;
    let ended = SocketEvent::Closed {
        code: None,
        status: None,
        retry_after_ms: None,
    };
    loop {
        let outgoing = pin!(to_send.recv());
        match select(outgoing, stream.next()).await {
            Either::Left((Ok(text), _)) => {
                match within(runtime, SEND_TIME, sink.send(text)).await {
                    Some(Ok(())) => {}
                    Some(Err(_)) | None => return ended,
                }
            }
            Either::Left((Err(_), _)) => {
                within(runtime, CLOSE_TIME, sink.close()).await;
                return ended;
            }
            Either::Right((Some(SocketItem::Text(text)), _)) => {
                if tell.send(SocketEvent::Frame(text)).await.is_err() {
                    within(runtime, CLOSE_TIME, sink.close()).await;
                    return ended;
                }
            }
            Either::Right((Some(SocketItem::Closed { code }), _)) => {
                return SocketEvent::Closed {
                    code: Some(code),
                    status: None,
                    retry_after_ms: None,
                };
            }
            Either::Right((None, _)) => return ended,
        }
    }
}
