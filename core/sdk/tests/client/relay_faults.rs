//! Relays that are down, slow, mad or forgetful. Nothing is lost, nothing is doubled, nothing panics.

use super::world::{Meddling, Network, World, received, soon, start_relay, texts};
use sealwire::transport::{NativeTransport, Transport as _, TransportFailure};
use sealwire::{Client, ConnectionState, Event, MessageState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

#[tokio::test]
async fn a_relay_that_was_down_gets_what_waited() {
    let world = World::new().await;
    let ((_, alice), (bob_device, bob), thread) = world.pair().await;
    let (address, folder) = (world.relay.addr(), world.folder);
    world.relay.shutdown().await;
    for text in ["one", "two"] {
        alice.send_text(thread, text).await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let mut events = bob.events();
    let relay = start_relay(folder.path(), Some(address)).await;
    assert_eq!(received(&mut events).await.text(), Some("one"));
    assert_eq!(received(&mut events).await.text(), Some("two"));
    bob.close().await.unwrap();
    assert_eq!(
        bob_device.texts_after_a_cold_reopen(thread).await,
        ["one", "two"]
    );
    alice.close().await.unwrap();
    relay.shutdown().await;
}

#[tokio::test]
async fn an_answer_that_is_lost_after_the_relay_stored_makes_no_second_message() {
    let world = World::new().await;
    let lost = Arc::new(AtomicBool::new(false));
    let lose_first = Arc::clone(&lost);
    let network = Network {
        answer: Some(Box::new(move |path, answer| {
            let sent = path.ends_with("/messages")
                && answer.as_ref().is_ok_and(|answer| answer.status == 202);
            if sent && !lose_first.swap(true, Ordering::SeqCst) {
                return Err(TransportFailure {
                    detail: "the answer was lost".to_owned(),
                });
            }
            answer
        })),
        ..Network::default()
    };
    let device = world.device("alice");
    let alice = device
        .builder()
        .transport(Meddling::with(network))
        .open()
        .await
        .unwrap();
    alice.register("alice").await.unwrap();
    let (_, bob) = world.registered("bob").await;
    let thread = alice.direct_thread("bob").await.unwrap();
    let mut events = bob.events();
    let sent = alice.send_text(thread, "once").await.unwrap();
    let at_bob = received(&mut events).await;
    let sent = soon(alice.wait_until_sent(sent.local_id)).await.unwrap();
    assert!(lost.load(Ordering::SeqCst));
    assert_eq!(sent.id, at_bob.id);
    alice.send_text(thread, "twice").await.unwrap();
    assert_eq!(received(&mut events).await.text(), Some("twice"));
    assert_eq!(texts(&bob, thread).await, ["once", "twice"]);
    alice.close().await.unwrap();
    assert_eq!(
        device.texts_after_a_cold_reopen(thread).await,
        ["once", "twice"]
    );
}

/// What a mad relay does with a connection.
#[derive(Clone, Copy, Debug)]
enum Madness {
    Html,
    InternalError,
    HalfABody,
    NoHttp,
    HangsUp,
    EmptyJson,
    Redirect,
    Endless,
}

const MADNESSES: [Madness; 8] = [
    Madness::Html,
    Madness::InternalError,
    Madness::HalfABody,
    Madness::NoHttp,
    Madness::HangsUp,
    Madness::EmptyJson,
    Madness::Redirect,
    Madness::Endless,
];

async fn mad_relay(address: &str, madness: Madness) -> (String, JoinHandle<()>) {
    let listener = TcpListener::bind(address).await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            tokio::spawn(answer_madly(connection, madness));
        }
    });
    (url, serving)
}

async fn answer_madly(mut connection: TcpStream, madness: Madness) -> std::io::Result<()> {
    let mut request = [0; 4096];
    let _ = connection.read(&mut request).await?;
    let answer = match madness {
        Madness::Html => {
            "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 13\r\n\r\n<h1>hello</h1>"
        }
        Madness::InternalError => {
            "HTTP/1.1 500 Oops\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\noops"
        }
        Madness::HalfABody => {
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 900\r\n\r\n{\"token\":"
        }
        Madness::NoHttp => "\u{16}\u{3}\u{1}SSH-2.0-OpenSSH\r\n",
        Madness::HangsUp => "",
        Madness::EmptyJson => {
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
        }
        Madness::Redirect => {
            "HTTP/1.1 307 Go\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n"
        }
        Madness::Endless => {
            connection
                .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
                .await?;
            let piece = [b"10000\r\n".as_slice(), &[b' '; 65536], b"\r\n"].concat();
            loop {
                connection.write_all(&piece).await?;
            }
        }
    };
    connection.write_all(answer.as_bytes()).await?;
    connection.shutdown().await
}

#[tokio::test]
async fn a_mad_relay_is_an_error_that_may_pass() {
    for madness in MADNESSES {
        let (url, serving) = mad_relay("127.0.0.1:0", madness).await;
        let alice = Client::builder(url).in_memory().open().await.unwrap();
        let error = soon(alice.register("alice")).await.unwrap_err();
        assert!(
            ["network", "relay_garbage"].contains(&error.code()),
            "{madness:?}: {error}"
        );
        assert!(error.retryable(), "{madness:?}");
        assert_eq!(alice.account(), None, "{madness:?}");
        alice.close().await.unwrap();
        serving.abort();
    }
}

#[tokio::test]
async fn a_relay_that_speaks_no_tls_is_no_relay() {
    let (url, serving) = mad_relay("127.0.0.1:0", Madness::Html).await;
    let url = url.replace("http", "https");
    let alice = Client::builder(&url).in_memory().open().await.unwrap();
    let error = soon(alice.register("alice")).await.unwrap_err();
    assert_eq!((error.code(), error.retryable()), ("network", true));
    let socket = url.replace("https", "wss").parse().unwrap();
    let transport = NativeTransport::new().unwrap();
    let refused = soon(tokio::spawn(
        transport.open_socket(socket, "token".to_owned()),
    ))
    .await;
    assert_eq!(
        refused.unwrap().err().map(|refused| refused.status),
        Some(None)
    );
    alice.close().await.unwrap();
    serving.abort();
}

#[tokio::test]
async fn a_socket_that_is_refused_says_for_how_long() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/", listener.local_addr().unwrap());
    let serving = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await.unwrap();
        let answer =
            "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";
        stream.write_all(answer.as_bytes()).await.unwrap();
        let _ = stream.read(&mut request).await;
    });
    let transport = NativeTransport::new().unwrap();
    let opening = transport.open_socket(url.parse().unwrap(), "token".to_owned());
    let refused = soon(opening).await.err().unwrap();
    assert_eq!(
        (refused.status, refused.retry_after_ms),
        (Some(429), Some(7_000))
    );
    serving.abort();
}

#[tokio::test]
async fn messages_outlive_a_time_of_madness() {
    let world = World::new().await;
    let ((alice_device, alice), (_, bob), thread) = world.pair().await;
    let (address, folder) = (world.relay.addr(), world.folder);
    soon(alice.wait_until_caught_up()).await.unwrap();
    world.relay.shutdown().await;
    let mut written = Vec::new();
    for madness in MADNESSES {
        let (_, serving) = loop {
            // The old socket's port is free in a moment.
            match TcpListener::bind(address).await {
                Ok(free) => {
                    drop(free);
                    break mad_relay(&address.to_string(), madness).await;
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let text = format!("{madness:?}");
        alice.go_online().await.unwrap();
        let message = alice.send_text(thread, &text).await.unwrap();
        written.push(text);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let state = alice
            .message(message.local_id)
            .await
            .unwrap()
            .unwrap()
            .state;
        assert_eq!(state, MessageState::Pending, "{madness:?}");
        serving.abort();
        let _ = serving.await;
    }
    let mut events = bob.events();
    let relay = start_relay(folder.path(), Some(address)).await;
    alice.go_online().await.unwrap();
    bob.go_online().await.unwrap();
    for text in &written {
        assert_eq!(received(&mut events).await.text(), Some(text.as_str()));
    }
    alice.close().await.unwrap();
    bob.close().await.unwrap();
    assert_eq!(
        alice_device.texts_after_a_cold_reopen(thread).await,
        written
    );
    relay.shutdown().await;
}

#[tokio::test]
async fn a_relay_that_never_answers_holds_up_no_close() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let alice = Client::builder(url).in_memory().open().await.unwrap();
    let registering = tokio::spawn({
        let alice = alice.clone();
        async move { alice.register("alice").await }
    });
    let (_silent, _) = soon(listener.accept()).await.unwrap();
    soon(alice.close()).await.unwrap();
    assert_eq!(
        soon(registering).await.unwrap().unwrap_err().code(),
        "closed"
    );
}

#[tokio::test]
async fn a_socket_that_was_cut_is_opened_again() {
    let world = World::new().await;
    let ((_, alice), (_, bob), thread) = world.pair().await;
    soon(bob.wait_until_caught_up()).await.unwrap();
    let (address, folder) = (world.relay.addr(), world.folder);
    let mut events = bob.events();
    world.relay.shutdown().await;
    let relay = start_relay(folder.path(), Some(address)).await;
    let mut caught_up = bob.events();
    soon(async { while !matches!(caught_up.next().await, Some(Event::CaughtUp)) {} }).await;
    alice.send_text(thread, "again").await.unwrap();
    assert_eq!(received(&mut events).await.text(), Some("again"));
    relay.shutdown().await;
}

#[tokio::test]
async fn a_relay_reached_under_another_origin_is_told_apart_from_no_network() {
    let world = World::new().await;
    let elsewhere = world.relay.url().replace("127.0.0.1", "localhost");
    let client = Client::builder(elsewhere).in_memory().open().await.unwrap();
    let mut events = client.events();
    client.register("carol").await.unwrap();
    let refused = soon(async {
        loop {
            match events.next().await {
                Some(Event::Connection(ConnectionState::Refused { code, .. })) => break code,
                Some(_) => {}
                None => panic!("the stream ended"),
            }
        }
    })
    .await;
    assert_eq!(refused.status(), 401);
    client.close().await.unwrap();
}
