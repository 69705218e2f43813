//! The listening socket and its connections.

use crate::api::Peer;
use crate::patient::Patient;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// After a failed accept (no file descriptors left, most often) the next try waits this long.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

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
            Ok((stream, peer)) => {
                let router = router.clone();
                connections.spawn(connection(stream, peer, router, stop.clone(), patience));
            }
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
) {
    // Frames are small and awaited: none of them waits for company.
    let _ = stream.set_nodelay(true);
    let answer = service_fn(move |request: hyper::Request<Incoming>| {
        let mut request = request.map(Body::new);
        request.extensions_mut().insert(Peer(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience.head)
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

/// Waits until the relay ends.
pub(crate) async fn stopped(stop: &mut watch::Receiver<bool>) {
    // A sender that is gone says the same.
    let _ = stop.wait_for(|stop| *stop).await;
}
