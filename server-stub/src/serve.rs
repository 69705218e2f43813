//! The listening socket and its connections.

use crate::api::Peer;
use crate::door::{Door, Inside};
use crate::patient::Patient;
use crate::service::Refusal;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use sealwire_wire::contract::{ErrorCode, PROBLEM_JSON};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// After a failed accept (no file descriptors left, most often) the next try waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Who finds no room is told to come back after this.
const FULL_RETRY_MS: u64 = 5_000;

/// What a connection may hold of a request that it has not read yet: a head of this size is refused with 431.
const READ_BUFFER_MAX: usize = 64 * 1024;

/// How long is waited for what.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For a request's head.
    pub(crate) head: Duration,
    /// For the client to take something of an answer.
    pub(crate) write: Duration,
    /// For requests under way when the relay ends.
    pub(crate) shutdown: Duration,
}

/// Serves until `stop` says so or its sender is gone, then lets requests under way finish.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    mut stop: watch::Receiver<bool>,
    patience: Patience,
    door: Door,
) {
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stopped(&mut stop) => break,
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => match door.let_in(peer.ip()) {
                Some(inside) => {
                    let router = router.clone();
                    let served = connection(stream, peer, router, stop.clone(), patience, inside);
                    connections.spawn(served);
                }
                None => turn_away(&stream),
            },
            Err(error) => {
                tracing::warn!(%error, "no connection could be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    let finished = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(patience.shutdown, finished)
        .await
        .is_err()
    {
        connections.shutdown().await;
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    mut stop: watch::Receiver<bool>,
    patience: Patience,
    inside: Inside,
) {
    // Frames are small and awaited: none of them waits for company.
    let _ = stream.set_nodelay(true);
    // Held by the service and by whatever an upgrade makes of the connection.
    let inside = Arc::new(inside);
    let answer = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        let extensions = request.extensions_mut();
        extensions.insert(Peer(peer));
        extensions.insert(Arc::clone(&inside));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
        .max_buf_size(READ_BUFFER_MAX)
        .serve_connection(TokioIo::new(Patient::new(stream, patience.write)), answer)
        .with_upgrades();
    let mut connection = pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopped(&mut stop) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection broke");
    }
}

/// Says, in as many bytes as fit at once, that there is no room, and closes.
fn turn_away(stream: &TcpStream) {
    let detail = "too many connections are open, come back later";
    let refusal = Refusal::new(ErrorCode::Unavailable, detail).retry_after_ms(FULL_RETRY_MS);
    let body = serde_json::to_string(refusal.problem()).unwrap_or_default();
    let answer = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: {PROBLEM_JSON}\r\nretry-after: {}\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n{body}",
        FULL_RETRY_MS / 1000,
        body.len()
    );
    // Whoever does not get it sees a closed connection.
    let _ = stream.try_write(answer.as_bytes());
}

/// Waits until the relay ends.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone says the same.
    let _ = stop.wait_for(|stop| *stop).await;
}
