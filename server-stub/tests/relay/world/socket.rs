//! The client's end of a WebSocket.

use super::PATIENCE;
use futures_util::{SinkExt as _, StreamExt as _};
use sealwire_wire::contract::{ClientFrame, ServerEvent, ServerFrame};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// The client's end of a WebSocket.
pub(crate) struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

/// What came out of a socket.
#[derive(Debug)]
pub(crate) enum Heard {
    Frame(ServerFrame),
    Closed(u16),
}

impl Socket {
    pub(crate) async fn open(base: &str, token: &str) -> Self {
        Self::try_open(base, "", token).await.unwrap()
    }

    /// The HTTP answer, if it is no upgrade.
    pub(crate) async fn try_open(
        base: &str,
        query: &str,
        token: &str,
    ) -> Result<Self, (u16, String)> {
        Self::try_open_as(base, query, token, None).await
    }

    /// The same for a page of this origin.
    pub(crate) async fn try_open_as(
        base: &str,
        query: &str,
        token: &str,
        origin: Option<&str>,
    ) -> Result<Self, (u16, String)> {
        let url = format!("{}/v1/realtime{query}", base.replace("http", "ws"));
        let mut request = url.into_client_request().unwrap();
        let bearer = format!("Bearer {token}").parse().unwrap();
        request.headers_mut().insert("authorization", bearer);
        if let Some(origin) = origin {
            let origin = origin.parse().unwrap();
            request.headers_mut().insert("origin", origin);
        }
        match tokio_tungstenite::connect_async(request).await {
            Ok((socket, _)) => Ok(Self(socket)),
            Err(Error::Http(answer)) => {
                let body = answer.body().clone().unwrap_or_default();
                Err((answer.status().as_u16(), String::from_utf8(body).unwrap()))
            }
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn of(socket: WebSocketStream<MaybeTlsStream<TcpStream>>) -> Self {
        Self(socket)
    }

    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.0.next())
                .await
                .expect("the relay says something in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    return Heard::Frame(serde_json::from_str(&text).unwrap());
                }
                Some(Ok(Message::Close(Some(frame)))) => return Heard::Closed(frame.code.into()),
                Some(Ok(Message::Close(None)) | Err(_)) | None => return Heard::Closed(0),
                Some(Ok(_)) => {}
            }
        }
    }

    /// The next frame.
    pub(crate) async fn frame(&mut self) -> ServerFrame {
        match self.hear().await {
            Heard::Frame(frame) => frame,
            Heard::Closed(code) => panic!("closed with {code}"),
        }
    }

    /// The next message's client_seq, and its frame.
    pub(crate) async fn message(&mut self) -> (u64, u64) {
        let frame = self.frame().await;
        match frame.event {
            ServerEvent::Msg { message } => (frame.frame_seq, message.client_seq.0),
            other => panic!("no message: {other:?}"),
        }
    }

    /// Reads up to and with `caught_up`: the client_seqs of the messages before it, and its frame.
    pub(crate) async fn catch_up(&mut self) -> (Vec<u64>, u64) {
        let mut replayed = Vec::new();
        loop {
            let frame = self.frame().await;
            match frame.event {
                ServerEvent::Msg { message } => replayed.push(message.client_seq.0),
                ServerEvent::CaughtUp { .. } => return (replayed, frame.frame_seq),
                _ => {}
            }
        }
    }

    /// Reads until the relay closes the socket.
    pub(crate) async fn close_code(&mut self) -> u16 {
        loop {
            if let Heard::Closed(code) = self.hear().await {
                return code;
            }
        }
    }

    pub(crate) async fn say(&mut self, frame: &ClientFrame) {
        let text = serde_json::to_string(frame).unwrap();
        self.say_raw(Message::text(text)).await;
    }

    pub(crate) async fn say_raw(&mut self, message: Message) {
        self.0.send(message).await.unwrap();
    }

    pub(crate) async fn try_say_raw(&mut self, message: Message) -> Result<(), Error> {
        self.0.send(message).await
    }

    pub(crate) async fn ack(&mut self, frame_seq: u64) {
        self.say(&ClientFrame::ClientAck { frame_seq }).await;
    }
}
