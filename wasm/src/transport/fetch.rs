//! Requests and attachments' bytes over fetch.

use super::{failure, within};
use crate::attachments::JsBytes;
use crate::js::reason;
use futures_util::{StreamExt as _, stream};
use js_sys::{Array, Promise, Reflect, Uint8Array};
use sealwire::BoxStream;
use sealwire::attachments::Piece;
use sealwire::transport::{
    Download, HttpMethod, HttpResponse, RESPONSE_MAX, Request, TransportFailure,
};
use std::time::Duration;
use url::Url;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use web_sys::{
    AbortController, Blob, Headers, ReadableStreamDefaultReader, ReferrerPolicy, RequestCache,
    RequestCredentials, RequestInit, RequestRedirect, Response,
};

/// From the first byte out to the last byte in.
const REQUEST_TIME: Duration = Duration::from_secs(30);
/// An attachment may take longer, but some byte has to come within this.
const STALL_TIME: Duration = Duration::from_secs(30);
/// An upload slower than this, in bytes a second, is given up and tried again.
const UPLOAD_PACE_MIN: u64 = 16 * 1024;

#[wasm_bindgen]
extern "C" {
    /// The worker's own, and a window's.
    #[wasm_bindgen(js_name = fetch)]
    fn fetch(url: &str, init: &RequestInit) -> Promise;
}

/// An exchange with the relay; dropped, it is broken off.
struct Exchange(AbortController);

/// What is left of an answer's body.
struct Body {
    reader: Option<ReadableStreamDefaultReader>,
    _exchange: Exchange,
}

pub(super) async fn request(request: Request) -> Result<HttpResponse, TransportFailure> {
    let method = match request.method {
        HttpMethod::Get => "GET",
        HttpMethod::Post => "POST",
        HttpMethod::Put => "PUT",
        HttpMethod::Delete => "DELETE",
    };
    let init = init(method)?;
    let headers = Headers::new().map_err(thrown)?;
    if let Some(bearer) = &request.bearer {
        set(&headers, "authorization", &format!("Bearer {bearer}"))?;
    }
    if let Some(key) = &request.idempotency_key {
        set(&headers, "idempotency-key", key.as_str())?;
    }
    if let Some(body) = &request.body {
        set(&headers, "content-type", "application/json")?;
        init.set_body(&Uint8Array::from(body.as_slice()));
    }
    init.set_headers(&headers);
    within(REQUEST_TIME, async {
        let (response, body) = send(&request.url, &init).await?;
        whole(response, body).await
    })
    .await
}

/// The status that the relay answers to a socket's upgrade, which a browser does not tell: asked for once more, without the
/// upgrade.
pub(super) async fn upgrade_answer(url: Url, bearer: &str) -> Option<HttpResponse> {
    let mut url = url;
    let scheme = if url.scheme() == "wss" {
        "https"
    } else {
        "http"
    };
    url.set_scheme(scheme).ok()?;
    let asked = request(Request {
        method: HttpMethod::Get,
        url,
        body: None,
        bearer: Some(bearer.to_owned()),
        idempotency_key: None,
    });
    asked.await.ok()
}

/// A body of one piece: a stream out of a page asks for HTTP/2, and not every browser knows it.
pub(super) async fn upload(
    url: Url,
    mut body: BoxStream<Result<Piece, TransportFailure>>,
    size: u64,
) -> Result<HttpResponse, TransportFailure> {
    let pieces = Array::new();
    while let Some(piece) = body.next().await {
        pieces.push(&JsBytes::of(piece?));
    }
    let blob = Blob::new_with_buffer_source_sequence(&pieces).map_err(thrown)?;
    drop(pieces);
    let init = init("PUT")?;
    let headers = Headers::new().map_err(thrown)?;
    set(&headers, "content-type", "application/octet-stream")?;
    init.set_headers(&headers);
    init.set_body(&blob);
    let time = REQUEST_TIME + Duration::from_secs(size / UPLOAD_PACE_MIN);
    within(time, async {
        let (response, body) = send(&url, &init).await?;
        whole(response, body).await
    })
    .await
}

pub(super) async fn download(url: Url, from: u64) -> Result<Download, TransportFailure> {
    let init = init("GET")?;
    if from > 0 {
        let headers = Headers::new().map_err(thrown)?;
        set(&headers, "range", &format!("bytes={from}-"))?;
        init.set_headers(&headers);
    }
    let (response, body) = within(STALL_TIME, send(&url, &init)).await?;
    let body = stream::unfold(Some(body), |body| async move {
        let mut body = body?;
        match within(STALL_TIME, body.next()).await {
            Ok(Some(piece)) => Some((Ok(piece.to_vec()), Some(body))),
            Ok(None) => None,
            Err(failure) => Some((Err(failure), None)),
        }
    });
    Ok(Download {
        status: response.status(),
        body: Box::pin(body),
    })
}

/// No cookies, no cache, no redirect, and nobody is told which page asks.
fn init(method: &str) -> Result<RequestInit, TransportFailure> {
    let init = RequestInit::new();
    init.set_method(method);
    init.set_cache(RequestCache::NoStore);
    init.set_credentials(RequestCredentials::Omit);
    init.set_redirect(RequestRedirect::Error);
    init.set_referrer_policy(ReferrerPolicy::NoReferrer);
    Ok(init)
}

async fn send(url: &Url, init: &RequestInit) -> Result<(Response, Body), TransportFailure> {
    let abort = AbortController::new().map_err(thrown)?;
    init.set_signal(Some(&abort.signal()));
    let exchange = Exchange(abort);
    let response: Response = fetch(url.as_str(), init)
        .await
        .map_err(thrown)?
        .dyn_into()
        .map_err(|_| failure("fetch gave no response"))?;
    let reader = match response.body() {
        Some(body) => Some(
            body.get_reader()
                .dyn_into()
                .map_err(|_| failure("the body cannot be read"))?,
        ),
        None => None,
    };
    let body = Body {
        reader,
        _exchange: exchange,
    };
    Ok((response, body))
}

async fn whole(response: Response, mut body: Body) -> Result<HttpResponse, TransportFailure> {
    let mut bytes = Vec::new();
    while let Some(piece) = body.next().await? {
        let length = usize::try_from(piece.length()).unwrap_or(usize::MAX);
        if length > RESPONSE_MAX - bytes.len() {
            return Err(failure(format!(
                "the answer has more than {RESPONSE_MAX} bytes"
            )));
        }
        bytes.extend_from_slice(&piece.to_vec());
    }
    Ok(HttpResponse {
        status: response.status(),
        retry_after_ms: retry_after_ms(&response.headers()),
        body: bytes,
    })
}

impl Body {
    async fn next(&mut self) -> Result<Option<Uint8Array>, TransportFailure> {
        let Some(reader) = &self.reader else {
            return Ok(None);
        };
        let read = reader.read().await.map_err(thrown)?;
        let value = Reflect::get(&read, &"value".into()).map_err(thrown)?;
        // Only at the end there is no value.
        Ok(value.dyn_into().ok())
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        // After the end it does nothing.
        self.0.abort();
    }
}

/// In its form of seconds (RFC 9110, section 10.2.3); a date would need both clocks to agree.
fn retry_after_ms(headers: &Headers) -> Option<u64> {
    let seconds: u64 = headers.get("retry-after").ok()??.trim().parse().ok()?;
    seconds.checked_mul(1000)
}

fn set(headers: &Headers, name: &str, value: &str) -> Result<(), TransportFailure> {
    headers.set(name, value).map_err(thrown)
}

/// A browser says little of what went wrong, and no URL.
fn thrown(thrown: JsValue) -> TransportFailure {
    failure(reason(&thrown))
}
