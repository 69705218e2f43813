//! Requests and attachments' bytes over reqwest.

use super::{
    Download, HttpMethod, HttpResponse, RESPONSE_MAX, Request, Socket, SocketRefused, Transport,
    TransportFailure,
};
use crate::Error;
use crate::attachments::Piece;
use crate::bounds::{BoxFuture, BoxStream};
use futures_util::StreamExt as _;
use reqwest::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderValue, RANGE, RETRY_AFTER,
};
use reqwest::{Body, Client, Method, Response, redirect};
use rustls::ClientConfig;
use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use url::Url;

/// reqwest and tokio-tungstenite, over one TLS configuration with bundled roots.
///
/// It uses no proxy: the socket could not go the same way.
pub struct NativeTransport {
    /// Another one after each sleep: with the one before go the connections that it kept.
    client: RwLock<Client>,
    tls: Arc<ClientConfig>,
}

const CONNECT_TIME: Duration = Duration::from_secs(10);
/// From the first byte out to the last byte in.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// An attachment may take longer, but some byte has to come within this.
const STALL_TIME: Duration = Duration::from_secs(30);
/// An upload slower than this, in bytes a second, is given up and tried again.
const UPLOAD_PACE_MIN: u64 = 16 * 1024;

impl NativeTransport {
    /// A transport for one client.
    pub fn new() -> Result<Self, Error> {
        let tls = super::tls::config().map_err(|error| Error::System(io::Error::other(error)))?;
        let client = RwLock::new(client_over(&tls)?);
        Ok(Self { client, tls })
    }
}

fn client_over(tls: &ClientConfig) -> Result<Client, Error> {
    Client::builder()
        .tls_backend_preconfigured(tls.clone())
        .redirect(redirect::Policy::none())
        .connect_timeout(CONNECT_TIME)
        .read_timeout(STALL_TIME)
        .no_proxy()
        .user_agent(concat!("sealwire/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|error| Error::System(io::Error::other(error)))
}

impl NativeTransport {
    /// Cloned: they share their connections.
    fn client(&self) -> Client {
        self.client
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl Transport for NativeTransport {
    fn request(
        &self,
        request: Request,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>> {
        let method = match request.method {
            HttpMethod::Get => Method::GET,
            HttpMethod::Post => Method::POST,
            HttpMethod::Put => Method::PUT,
            HttpMethod::Delete => Method::DELETE,
        };
        let mut outgoing = self
            .client()
            .request(method, request.url)
            .timeout(REQUEST_TIME);
        if let Some(bearer) = request.bearer {
            outgoing = outgoing.header(AUTHORIZATION, secret_header(&bearer));
        }
        if let Some(key) = request.idempotency_key {
            outgoing = outgoing.header("idempotency-key", key.as_str());
        }
        if let Some(body) = request.body {
            outgoing = outgoing.header(CONTENT_TYPE, "application/json").body(body);
        }
        Box::pin(async move { whole(outgoing.send().await.map_err(failure)?).await })
    }

    fn open_socket(
        &self,
        url: Url,
        bearer: String,
    ) -> BoxFuture<'static, Result<Socket, SocketRefused>> {
        Box::pin(super::socket::open(url, bearer, Arc::clone(&self.tls)))
    }

    fn upload(
        &self,
        url: Url,
        body: BoxStream<Result<Piece, TransportFailure>>,
        size: u64,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>> {
        let body = body.map(|chunk| match chunk {
            Ok(chunk) => Ok(std::mem::take(&mut *chunk.into_vec())),
            Err(failure) => Err(io::Error::other(failure.detail)),
        });
        let outgoing = self
            .client()
            .put(url)
            .timeout(REQUEST_TIME + Duration::from_secs(size / UPLOAD_PACE_MIN))
            .header(CONTENT_LENGTH, size)
            .header(CONTENT_TYPE, "application/octet-stream")
            .body(Body::wrap_stream(body));
        Box::pin(async move { whole(outgoing.send().await.map_err(failure)?).await })
    }

    fn download(
        &self,
        url: Url,
        from: u64,
    ) -> BoxFuture<'static, Result<Download, TransportFailure>> {
        let mut outgoing = self.client().get(url);
        if from > 0 {
            outgoing = outgoing.header(RANGE, format!("bytes={from}-"));
        }
        Box::pin(async move {
            let response = outgoing.send().await.map_err(failure)?;
            let status = response.status().as_u16();
            let body = response
                .bytes_stream()
                .map(|piece| piece.map(|piece| piece.to_vec()).map_err(failure));
            Ok(Download {
                status,
                body: Box::pin(body),
            })
        })
    }

    fn suspend(&self) {
        // Where no other can be made, the old one stays: better a connection too many than none ever.
        if let Ok(fresh) = client_over(&self.tls) {
            *self.client.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        }
    }
}

/// A token is ASCII; should it not be, the relay refuses the empty one.
fn secret_header(bearer: &str) -> HeaderValue {
    let mut value =
        HeaderValue::from_str(&format!("Bearer {bearer}")).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

async fn whole(mut response: Response) -> Result<HttpResponse, TransportFailure> {
    let status = response.status().as_u16();
    let retry_after_ms = retry_after_ms(response.headers());
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failure)? {
        if body.len() + piece.len() > RESPONSE_MAX {
            return Err(TransportFailure {
                detail: format!("the answer has more than {RESPONSE_MAX} bytes"),
            });
        }
        body.extend_from_slice(&piece);
    }
    Ok(HttpResponse {
        status,
        retry_after_ms,
        body,
    })
}

/// In its form of seconds (RFC 9110, section 10.2.3); a date would need both clocks to agree.
pub(super) fn retry_after_ms(headers: &HeaderMap) -> Option<u64> {
    let seconds: u64 = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    seconds.checked_mul(1000)
}

/// The innermost cause says what happened; the URL around it may be signed and stays out.
fn failure(error: reqwest::Error) -> TransportFailure {
    let error = error.without_url();
    let mut detail = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(inner) = cause {
        detail = format!("{detail}: {inner}");
        cause = inner.source();
    }
    TransportFailure { detail }
}
