//! The one seam to the network: requests, a socket, and the bytes of attachments.

#[cfg(not(target_family = "wasm"))]
mod http;
#[cfg(not(target_family = "wasm"))]
mod socket;
#[cfg(not(target_family = "wasm"))]
mod tls;

#[cfg(not(target_family = "wasm"))]
pub use http::NativeTransport;
pub use sealwire_engine::{HttpMethod, HttpResponse, TransportFailure};
pub use sealwire_wire::contract::{WEBSOCKET_BEARER_PREFIX, WEBSOCKET_PROTOCOL};

use crate::attachments::Piece;
use crate::bounds::{BoxFuture, BoxSink, BoxStream, MaybeSend, MaybeSync};
use sealwire_wire::IdempotencyKey;
use url::Url;

/// Moves bytes between a client and the relay, and judges none of them.
///
/// Whatever a relay does (refuse, stall, answer garbage or half a body) ends as an answer or as a [`TransportFailure`],
/// within a time that the transport sets. No redirect is followed: the relay's answers are taken from the relay.
pub trait Transport: MaybeSend + MaybeSync + 'static {
    /// One request with a small body. An answer larger than [`RESPONSE_MAX`] is a failure.
    fn request(
        &self,
        request: Request,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>>;

    /// The socket at this address (`ws` or `wss`), with the token.
    fn open_socket(
        &self,
        url: Url,
        bearer: String,
    ) -> BoxFuture<'static, Result<Socket, SocketRefused>>;

    /// `PUT`s `size` bytes. Needs no token: the URL is signed.
    fn upload(
        &self,
        url: Url,
        body: BoxStream<Result<Piece, TransportFailure>>,
        size: u64,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>>;

    /// `GET`s everything from this byte on.
    fn download(
        &self,
        url: Url,
        from: u64,
    ) -> BoxFuture<'static, Result<Download, TransportFailure>>;

    /// The client sleeps: closes what is kept open for later requests. They may come again, and make new ones.
    fn suspend(&self) {}
}

/// The largest answer to a request in bytes. A page of 100 messages of 64 KiB in base64 has some 9 MiB.
pub const RESPONSE_MAX: usize = 16 * 1024 * 1024;
/// The largest frame of the socket in bytes. One message in base64, its envelope and its names have some 100 KiB.
pub const FRAME_MAX: usize = 1024 * 1024;

/// A request to the relay.
pub struct Request {
    /// As HTTP has it.
    pub method: HttpMethod,
    /// Absolute.
    pub url: Url,
    /// JSON.
    pub body: Option<Vec<u8>>,
    /// For `Authorization: Bearer`.
    pub bearer: Option<String>,
    /// For `Idempotency-Key`.
    pub idempotency_key: Option<IdempotencyKey>,
}

/// An open socket.
pub struct Socket {
    /// Text frames out; closing it closes the socket.
    pub sink: BoxSink<String, TransportFailure>,
    /// What comes in; it ends when the socket does.
    pub stream: BoxStream<SocketItem>,
}

/// What comes out of a socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SocketItem {
    /// A text frame.
    Text(String),
    /// The last item, if the relay said why it closes.
    Closed {
        /// The close code.
        code: u16,
    },
}

/// Why a socket did not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SocketRefused {
    /// The relay's answer to the upgrade, if there was one.
    pub status: Option<u16>,
    /// Its `Retry-After`, if it came with one in seconds.
    pub retry_after_ms: Option<u64>,
    /// For a developer.
    pub detail: String,
}

/// An answer whose body comes in pieces.
pub struct Download {
    /// 200: from the first byte. 206: from the byte asked for. Else there is nothing to have.
    pub status: u16,
    /// The pieces, of any size.
    pub body: BoxStream<Result<Vec<u8>, TransportFailure>>,
}
