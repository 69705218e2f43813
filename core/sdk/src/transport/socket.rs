//! The socket over tokio-tungstenite.

use super::http::retry_after_ms;
use super::{FRAME_MAX, Socket, SocketItem, SocketRefused, TransportFailure};
use futures_util::{SinkExt as _, StreamExt as _, future};
use rustls::ClientConfig;
use std::sync::Arc;
use std::time::Duration;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{Connector, connect_async_tls_with_config};
use url::Url;

/// Name, connection, TLS and upgrade together.
const OPEN_TIME: Duration = Duration::from_secs(20);
/// Frames are small and few; the default of 128 KiB a socket is made for servers that stream.
const READ_BUFFER: usize = 16 * 1024;

pub(super) async fn open(
    url: Url,
    bearer: String,
    tls: Arc<ClientConfig>,
) -> Result<Socket, SocketRefused> {
    let mut request = url.as_str().into_client_request().map_err(refused)?;
    let mut token =
        HeaderValue::from_str(&format!("Bearer {bearer}")).map_err(|_| SocketRefused {
            status: None,
            retry_after_ms: None,
            detail: "the token is not a header".to_owned(),
        })?;
    token.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, token);
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(Some(FRAME_MAX))
        .max_frame_size(Some(FRAME_MAX));
    let opening =
        connect_async_tls_with_config(request, Some(config), true, Some(Connector::Rustls(tls)));
    let (socket, _) = match tokio::time::timeout(OPEN_TIME, opening).await {
        Ok(opened) => opened.map_err(refused)?,
        Err(_) => {
            return Err(SocketRefused {
                status: None,
                retry_after_ms: None,
                detail: "the upgrade took too long".to_owned(),
            });
        }
    };
    let (sink, stream) = socket.split();
    let sink = sink
        .sink_map_err(|error| TransportFailure {
            detail: error.to_string(),
        })
        .with(|text: String| future::ok::<_, TransportFailure>(Message::text(text)));
    // An error ends the stream, as the end itself does: either way the socket is gone.
    let stream = stream
        .take_while(|item| future::ready(item.is_ok()))
        .filter_map(|item| future::ready(item.ok().and_then(read)));
    Ok(Socket {
        sink: Box::pin(sink),
        stream: Box::pin(stream),
    })
}

/// Pings are answered below; binary frames are not of the contract.
fn read(message: Message) -> Option<SocketItem> {
    match message {
        Message::Text(text) => Some(SocketItem::Text(text.as_str().to_owned())),
        Message::Close(Some(frame)) => Some(SocketItem::Closed {
            code: frame.code.into(),
        }),
        _ => None,
    }
}

fn refused(error: tungstenite::Error) -> SocketRefused {
    let answer = match &error {
        tungstenite::Error::Http(response) => Some(response),
        _ => None,
    };
    SocketRefused {
        status: answer.map(|answer| answer.status().as_u16()),
        retry_after_ms: answer.and_then(|answer| retry_after_ms(answer.headers())),
        detail: error.to_string(),
    }
}
