//! Answers that never come, and answers that send the client elsewhere without end.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

use sealwire::{Client, ConnectionState, MessageState};
use sealwire_tests::{Fate, same_everywhere, soon, start_pair};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

#[tokio::test(flavor = "multi_thread")]
async fn a_login_that_is_never_answered_holds_up_nothing_but_the_connection() {
    let (_relay, alice, bob, thread) = start_pair().await;
    alice.offline().await;
    let (release, gate) = oneshot::channel();
    let mut gate = Some(gate);
    let device = alice.close().await.open_with(|builder| builder).await;
    device.adversary.on_request(move |seen| {
        match seen.path.starts_with("/v1/auth").then(|| gate.take()) {
            Some(Some(gate)) => Fate::Held(gate),
            _ => Fate::Passed,
        }
    });
    device.client.go_online().await.unwrap();
    let message = device.write(thread, "waits").await;
    assert_eq!(message.state, MessageState::Pending);
    assert_ne!(device.client.connection(), ConnectionState::Online);
    assert_eq!(device.texts(thread).await, ["<pending> waits"]);
    release.send(()).unwrap_or_default();
    soon("sent", device.client.wait_until_sent(message.local_id))
        .await
        .unwrap();
    bob.hears("waits").await;
    same_everywhere(thread, vec![device, bob], &["waits"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_is_followed_nowhere() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (followed, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (follow, ask) = (Arc::clone(&followed), Arc::clone(&asked));
    let serving = tokio::spawn(async move {
        while let Ok((mut connection, _)) = listener.accept().await {
            let mut request = vec![0; 4096];
            let read = connection.read(&mut request).await.unwrap_or(0);
            let request = String::from_utf8_lossy(&request[..read]).into_owned();
            ask.fetch_add(1, Ordering::SeqCst);
            if request.contains(" /again") {
                follow.fetch_add(1, Ordering::SeqCst);
            }
            let answer = "HTTP/1.1 307 Go\r\nlocation: /again\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = connection.write_all(answer.as_bytes()).await;
        }
    });
    let client = Client::builder(&url).in_memory().open().await.unwrap();
    let error = soon("an answer", client.register("alice"))
        .await
        .unwrap_err();
    assert_eq!(error.code(), "relay_garbage");
    assert!(asked.load(Ordering::SeqCst) > 0);
    assert_eq!(followed.load(Ordering::SeqCst), 0);
    assert_eq!(client.account(), None);
    client.close().await.unwrap();
    serving.abort();
}
