//! What an operator relies on: a drain that loses nothing, health checks that tell the truth, bounds on whoever connects.

use crate::world::*;
use reqwest::{Client, StatusCode};
use sealwire_relay::{Connections, Pace, Paces, Timings};
use sealwire_wire::contract::{ClientFrame, ErrorCode};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;

const ONCE: Pace = Pace::new(0.01, 1.0);

/// A request whose body has not arrived yet.
async fn half_a_send(address: SocketAddr, device: &Device, path: &str, body: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\nidempotency-key: k\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
        device.token,
        body.len(),
        &body[..10]
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

async fn status_of(stream: &mut TcpStream) -> String {
    let mut answer = [0; 12];
    let read = stream.read_exact(&mut answer);
    tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn shutdown_refuses_new_work_finishes_what_is_under_way_and_closes_sockets_with_1001() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let mut socket = bob.socket().await;
    socket.catch_up().await;
    let path = format!("/v1/threads/{thread}/messages");
    let body = serde_json::to_string(&message(1, &[&bob])).unwrap();
    let mut under_way = half_a_send(relay.addr(), &alice, &path, &body).await;
    tokio::time::sleep(Duration::from_millis(100)).await;

    let url = relay.url().to_owned();
    let ending = tokio::spawn(relay.shutdown());
    assert_eq!(socket.close_code().await, 1001);
    let new = alice.send(thread, 2, &[&bob]).await;
    assert!(new.headers().contains_key("retry-after"));
    refused(new, 503, ErrorCode::Unavailable).await;
    let ready = Client::new().get(format!("{url}/readyz"));
    refused(ready.send().await.unwrap(), 503, ErrorCode::Unavailable).await;
    let alive = Client::new().get(format!("{url}/healthz"));
    assert_eq!(alive.send().await.unwrap().status(), StatusCode::OK);
    assert!(!ending.is_finished());

    under_way.write_all(&body.as_bytes()[10..]).await.unwrap();
    assert_eq!(status_of(&mut under_way).await, "HTTP/1.1 202");
    tokio::time::timeout(PATIENCE, ending)
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn shutdown_does_not_wait_for_ever_for_a_request_that_does_not_arrive() {
    let timings = Timings {
        shutdown_grace: Duration::from_millis(300),
        ..Timings::default()
    };
    let relay = relay_with(|config| config.timings(timings)).await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let _never = half_a_send(relay.addr(), &alice, "/v1/threads", "{\"to\":\"alice\"}").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    tokio::time::timeout(PATIENCE, relay.shutdown())
        .await
        .unwrap();
}

#[tokio::test]
async fn connections_are_bounded_in_all_and_for_each_address() {
    let bounds = Connections {
        total: 100,
        per_address: 2,
    };
    let relay = relay_with(|config| config.connections(bounds)).await;
    let first = TcpStream::connect(relay.addr()).await.unwrap();
    let _second = TcpStream::connect(relay.addr()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut third = TcpStream::connect(relay.addr()).await.unwrap();
    assert_eq!(status_of(&mut third).await, "HTTP/1.1 503");
    drop(first);
    tokio::time::sleep(Duration::from_millis(50)).await;
    let alive = Client::new().get(format!("{}/healthz", relay.url()));
    assert_eq!(alive.send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_socket_keeps_its_connections_place() {
    let bounds = Connections {
        total: 100,
        per_address: 8,
    };
    let relay = relay_with(|config| config.connections(bounds)).await;
    let (_, mut alice) = open_account(relay.url(), "alice").await;
    // Without kept connections each request opens its own.
    alice.http = Client::builder().pool_max_idle_per_host(0).build().unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    let mut socket = alice.socket().await;
    socket.catch_up().await;
    let mut others = Vec::new();
    loop {
        let mut other = TcpStream::connect(relay.addr()).await.unwrap();
        let turned_away = tokio::time::timeout(Duration::from_millis(100), other.read_u8()).await;
        if turned_away.is_ok() {
            break;
        }
        others.push(other);
        assert!(others.len() < 8, "the socket holds no place");
    }
}

/// Asks until the relay refuses, and looks at the refusal.
async fn paced(mut ask: impl AsyncFnMut() -> reqwest::Response) {
    for _ in 0..3 {
        let answer = ask().await;
        if answer.status() == StatusCode::TOO_MANY_REQUESTS {
            let problem = problem(answer).await;
            assert_eq!(problem.code, ErrorCode::RateLimited);
            assert!(problem.retryable && problem.retry_after_ms.is_some());
            return;
        }
    }
    panic!("never refused");
}

#[tokio::test]
async fn bundles_sockets_and_other_requests_have_their_own_buckets() {
    let paces = Paces {
        bundles: ONCE.into(),
        sockets: ONCE.into(),
        requests: ONCE.into(),
        ..Paces::default()
    };
    let relay = relay_with(|config| config.paces(paces)).await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    paced(async || alice.get("/v1/users/bob/prekeys").send().await.unwrap()).await;
    paced(async || {
        let query = serde_json::json!({ "users": [] });
        let asked = alice.post("/v1/prekeys/query").json(&query);
        asked.send().await.unwrap()
    })
    .await;
    paced(async || alice.get("/v1/me/devices").send().await.unwrap()).await;
    let mut socket = alice.socket().await;
    socket.catch_up().await;
    let again = Socket::try_open(relay.url(), "", &alice.token).await;
    assert_eq!(again.err().unwrap().0, 429);
    // None of it slows a send, or somebody else.
    alice.sent(thread, 1, &[&bob]).await;
    bob.socket().await.catch_up().await;
}

#[tokio::test]
async fn the_devices_of_an_account_share_a_bucket() {
    let mut paces = Paces::default();
    paces.sends.account = Pace::new(0.01, 2.0);
    let relay = relay_with(|config| config.paces(paces)).await;
    let Pair {
        alice,
        bob,
        mut alice_account,
        thread,
        ..
    } = pair(&relay).await;
    let second = alice.link(&mut alice_account).await;
    alice.sent(thread, 1, &[&bob, &second]).await;
    second.sent(thread, 1, &[&bob, &alice]).await;
    let answer = second.send(thread, 2, &[&bob, &alice]).await;
    refused(answer, 429, ErrorCode::RateLimited).await;
    bob.sent(thread, 1, &[&alice, &second]).await;
}

#[tokio::test]
async fn registrations_of_an_address_are_held_to_a_pace() {
    let paces = Paces {
        registrations: ONCE,
        ..Paces::default()
    };
    let relay = relay_with(|config| config.paces(paces)).await;
    open_account(relay.url(), "alice").await;
    let (_, bob) = new_account("bob");
    let answer = Client::new().post(format!("{}/v1/devices", relay.url()));
    let answer = answer.json(&bob.request).send().await.unwrap();
    refused(answer, 429, ErrorCode::RateLimited).await;
}

#[tokio::test]
async fn without_limits_nobody_is_refused() {
    let relay = relay_with(|config| config.without_limits()).await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    for _ in 0..1_200 {
        let answer = alice.get("/v1/prekeys/count").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn ten_thousand_frames_a_second_close_the_socket() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let mut socket = alice.socket().await;
    socket.catch_up().await;
    let pong = serde_json::to_string(&ClientFrame::Pong {}).unwrap();
    for _ in 0..20_000 {
        if socket
            .try_say_raw(Message::text(pong.clone()))
            .await
            .is_err()
        {
            break;
        }
    }
    // The relay does not read on: its close may be lost in the reset of the connection.
    assert!(matches!(socket.close_code().await, 4004 | 0));
    alice.socket().await.catch_up().await;
}

/// The value of a line of `/metrics`.
fn value(text: &str, name: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name} in {text}"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn metrics_count_sends_latencies_queues_sockets_commits_and_refusals_and_name_nobody() {
    let relay = relay_with(|config| config.metrics_listen(([127, 0, 0, 1], 0).into())).await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    for client_seq in 1..=3 {
        alice.sent(thread, client_seq, &[&bob]).await;
    }
    let refused = alice.send(thread, 4, &[]).await;
    assert_eq!(problem(refused).await.code, ErrorCode::DeviceMismatch);
    let mut socket = bob.socket().await;
    socket.catch_up().await;

    let own_port = format!("http://{}/metrics", relay.metrics_addr().unwrap());
    for url in [own_port, format!("{}/metrics", relay.url())] {
        let text = reqwest::get(url).await.unwrap().text().await.unwrap();
        assert_eq!(value(&text, "sealwire_sends_accepted_total"), 3.0);
        assert_eq!(value(&text, "sealwire_send_seconds_count"), 3.0);
        assert!(value(&text, "sealwire_send_seconds_sum") > 0.0);
        let mismatch = "_total{code=\"device_mismatch\"}";
        assert_eq!(value(&text, &format!("sealwire_refusals{mismatch}")), 1.0);
        assert_eq!(
            value(&text, &format!("sealwire_sends_refused{mismatch}")),
            1.0
        );
        assert_eq!(value(&text, "sealwire_queue_entries"), 3.0);
        assert_eq!(value(&text, "sealwire_sockets"), 1.0);
        assert_eq!(value(&text, "sealwire_replays_total"), 1.0);
        assert_eq!(value(&text, "sealwire_replayed_entries_total"), 3.0);
        assert!(value(&text, "sealwire_commit_seconds_count") > 3.0);
        assert!(value(&text, "sealwire_sweeps_total") >= 1.0);
        assert!(!text.contains("alice") && !text.contains("bob"), "{text}");
    }
}

#[tokio::test]
async fn metrics_are_not_for_whoever_reaches_the_relays_own_port_through_a_proxy() {
    let relay = relay().await;
    let request = Client::new().get(format!("{}/metrics", relay.url()));
    let answer = request.header("x-forwarded-for", "192.0.2.1").send().await;
    refused(answer.unwrap(), 403, ErrorCode::Forbidden).await;
}

#[tokio::test]
async fn an_account_uploads_no_more_than_its_quota() {
    let relay = relay_with(|config| config.attachment_quota(100)).await;
    let Pair { alice, bob, .. } = pair(&relay).await;
    let room = async |device: &Device, size: u64| {
        let asked = serde_json::json!({ "size": size });
        let request = device.post("/v1/attachments").json(&asked);
        request.send().await.unwrap()
    };
    assert_eq!(room(&alice, 60).await.status(), StatusCode::CREATED);
    refused(room(&alice, 41).await, 413, ErrorCode::TooLarge).await;
    assert_eq!(room(&alice, 40).await.status(), StatusCode::CREATED);
    assert_eq!(room(&bob, 100).await.status(), StatusCode::CREATED);
}
