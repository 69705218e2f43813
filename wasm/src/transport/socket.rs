//! The socket over a browser's WebSocket.

use super::fetch::upgrade_answer;
use crate::runtime::sleep;
use async_channel::{Receiver, Sender};
use futures_core::Stream;
use futures_util::future::{Either, select};
use futures_util::{Sink, StreamExt as _};
use sealwire::transport::{
    FRAME_MAX, Socket, SocketItem, SocketRefused, TransportFailure, WEBSOCKET_BEARER_PREFIX,
    WEBSOCKET_PROTOCOL,
};
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use url::Url;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{CloseEvent, MessageEvent, WebSocket};

/// Name, connection, TLS and upgrade together.
const OPEN_TIME: Duration = Duration::from_secs(20);
/// The codes that stand for none (RFC 6455, section 7.4.1): the relay said nothing.
const NO_CODE: [u16; 2] = [1005, 1006];
/// A normal end.
const NORMAL: u16 = 1000;

/// An open socket with its listeners; dropped, it closes.
struct Open {
    socket: WebSocket,
    _on_open: Closure<dyn FnMut(JsValue)>,
    _on_message: Closure<dyn FnMut(MessageEvent)>,
    _on_close: Closure<dyn FnMut(CloseEvent)>,
}

/// What a listener heard.
enum Heard {
    Opened,
    Item(SocketItem),
    Ended,
}

struct Outgoing(Rc<Open>);

struct Incoming {
    // The socket lives for as long as somebody writes or reads.
    _open: Rc<Open>,
    heard: Pin<Box<Receiver<Heard>>>,
}

pub(super) async fn open(url: Url, bearer: String) -> Result<Socket, SocketRefused> {
    // A page can set no header.
    let protocols = js_sys::Array::of2(
        &WEBSOCKET_PROTOCOL.into(),
        &format!("{WEBSOCKET_BEARER_PREFIX}{bearer}").into(),
    );
    let socket = WebSocket::new_with_str_sequence(url.as_str(), &protocols)
        .map_err(|thrown| unheard(crate::js::reason(&thrown)))?;
    let (tell, heard) = async_channel::unbounded();
    let open = Rc::new(Open::listen(socket, &tell));
    match select(Box::pin(heard.recv()), sleep(OPEN_TIME)).await {
        Either::Left((Ok(Heard::Opened), _)) => {}
        Either::Left(_) => {
            drop(open);
            let answer = upgrade_answer(url, &bearer).await;
            return Err(SocketRefused {
                status: answer.as_ref().map(|answer| answer.status),
                retry_after_ms: answer.and_then(|answer| answer.retry_after_ms),
                detail: "the socket did not open".to_owned(),
            });
        }
        Either::Right(_) => return Err(unheard("the upgrade took too long")),
    }
    Ok(Socket {
        sink: Box::pin(Outgoing(Rc::clone(&open))),
        stream: Box::pin(Incoming {
            _open: open,
            heard: Box::pin(heard),
        }),
    })
}

fn unheard(detail: impl Into<String>) -> SocketRefused {
    SocketRefused {
        status: None,
        retry_after_ms: None,
        detail: detail.into(),
    }
}

impl Open {
    /// What is told here waits unbounded: a browser reads on, whoever is slow.
    fn listen(socket: WebSocket, tell: &Sender<Heard>) -> Self {
        let opened = tell.clone();
        let on_open = Closure::<dyn FnMut(JsValue)>::new(move |_| {
            let _ = opened.try_send(Heard::Opened);
        });
        let message = tell.clone();
        let on_message = Closure::<dyn FnMut(MessageEvent)>::new(move |event: MessageEvent| {
            // Binary frames are not of the contract.
            let Some(text) = event.data().as_string() else {
                return;
            };
            let _ = message.try_send(match text.len() <= FRAME_MAX {
                true => Heard::Item(SocketItem::Text(text)),
                false => Heard::Ended,
            });
        });
        let closed = tell.clone();
        let on_close = Closure::<dyn FnMut(CloseEvent)>::new(move |event: CloseEvent| {
            let code = event.code();
            if !NO_CODE.contains(&code) {
                let _ = closed.try_send(Heard::Item(SocketItem::Closed { code }));
            }
            let _ = closed.try_send(Heard::Ended);
        });
        socket.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        socket.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        // An error is always followed by the close.
        socket.set_onclose(Some(on_close.as_ref().unchecked_ref()));
        Self {
            socket,
            _on_open: on_open,
            _on_message: on_message,
            _on_close: on_close,
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.socket.set_onopen(None);
        self.socket.set_onmessage(None);
        self.socket.set_onclose(None);
        let _ = self.socket.close_with_code(NORMAL);
    }
}

impl Sink<String> for Outgoing {
    type Error = TransportFailure;

    fn poll_ready(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(match self.0.socket.ready_state() {
            WebSocket::OPEN => Ok(()),
            _ => Err(super::failure("the socket is closed")),
        })
    }

    fn start_send(self: Pin<&mut Self>, text: String) -> Result<(), Self::Error> {
        self.0
            .socket
            .send_with_str(&text)
            .map_err(|thrown| super::failure(crate::js::reason(&thrown)))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        let _ = self.0.socket.close_with_code(NORMAL);
        Poll::Ready(Ok(()))
    }
}

impl Stream for Incoming {
    type Item = SocketItem;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<SocketItem>> {
        self.heard
            .poll_next_unpin(context)
            .map(|heard| match heard {
                Some(Heard::Item(item)) => Some(item),
                Some(Heard::Opened | Heard::Ended) | None => None,
            })
    }
}
