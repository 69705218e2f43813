//! The network of a browser: fetch and WebSocket.

mod fetch;
mod socket;

use futures_util::future::{Either, select};
use sealwire::attachments::Piece;
use sealwire::transport::{
    Download, HttpResponse, Request, Socket, SocketRefused, Transport, TransportFailure,
};
use sealwire::{BoxFuture, BoxStream};
use std::future::Future;
use std::pin::pin;
use std::time::Duration;
use url::Url;

use crate::runtime::sleep;

/// As far as a page may see it: of a socket that does not open a browser says no more than that.
pub(crate) struct WebTransport;

impl Transport for WebTransport {
    fn request(
        &self,
        request: Request,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>> {
        Box::pin(fetch::request(request))
    }

    fn open_socket(
        &self,
        url: Url,
        bearer: String,
    ) -> BoxFuture<'static, Result<Socket, SocketRefused>> {
        Box::pin(socket::open(url, bearer))
    }

    fn upload(
        &self,
        url: Url,
        body: BoxStream<Result<Piece, TransportFailure>>,
        size: u64,
    ) -> BoxFuture<'static, Result<HttpResponse, TransportFailure>> {
        Box::pin(fetch::upload(url, body, size))
    }

    fn download(
        &self,
        url: Url,
        from: u64,
    ) -> BoxFuture<'static, Result<Download, TransportFailure>> {
        Box::pin(fetch::download(url, from))
    }
}

/// What came within the time; else the work is dropped, and with it what it holds of the network.
async fn within<T>(
    time: Duration,
    work: impl Future<Output = Result<T, TransportFailure>>,
) -> Result<T, TransportFailure> {
    match select(pin!(work), sleep(time)).await {
        Either::Left((done, _)) => done,
        Either::Right(_) => Err(failure("it took too long")),
    }
}

fn failure(detail: impl Into<String>) -> TransportFailure {
    TransportFailure {
        detail: detail.into(),
    }
}
