//! Whatever a client sends is answered with a problem that names a code, and never with a 500.

use crate::world::*;
use reqwest::{Client, Method, StatusCode};
use sealwire_relay::Timings;
use sealwire_wire::contract::ErrorCode;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Every route with a body, and its limit.
const BODIES: &[(&str, &str, usize)] = &[
    ("POST", "/v1/devices", 512 * 1024),
    ("PUT", "/v1/me/devices/list", 64 * 1024),
    ("POST", "/v1/devices/query", 64 * 1024),
    ("POST", "/v1/auth/challenge", 64 * 1024),
    ("POST", "/v1/auth/token", 64 * 1024),
    (
        "PUT",
        "/v1/provisioning/AAAAAAAAAAAAAAAAAAAAAA/0",
        64 * 1024,
    ),
    ("PUT", "/v1/prekeys", 512 * 1024),
    ("POST", "/v1/prekeys/query", 64 * 1024),
    ("POST", "/v1/threads", 64 * 1024),
    (
        "POST",
        "/v1/threads/bf46f253-3cbc-88c3-bb52-0b6ab0382989/messages",
        12 * 1024 * 1024,
    ),
    ("POST", "/v1/attachments", 64 * 1024),
    ("POST", "/v1/dev/platform-token", 64 * 1024),
];

fn ask(device: &Device, method: &str, path: &str) -> reqwest::RequestBuilder {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = device
        .http
        .request(method, format!("{}{path}", device.base));
    // Registration would take the token for the platform's.
    if path == "/v1/devices" {
        return request;
    }
    request
        .bearer_auth(&device.token)
        .header("idempotency-key", "k")
}

#[tokio::test]
async fn a_body_that_is_not_of_the_routes_form_is_refused_by_every_route() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
    let deep_inside = format!(r#"{{"user_id":{deep},"one_time_prekeys":{deep}}}"#);
    let bodies: [&[u8]; 10] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\"text\"",
        b"{\"user_id\":3,\"one_time_prekeys\":3}",
        b"\xff\xfe",
        b"{}x",
        deep.as_bytes(),
        deep_inside.as_bytes(),
    ];
    for (method, path, _) in BODIES {
        for body in bodies {
            let request = ask(&alice, method, path).header("content-type", "application/json");
            let answer = request.body(body.to_vec()).send().await.unwrap();
            refused(answer, 400, ErrorCode::InvalidBody).await;
        }
        let text = ask(&alice, method, path)
            .header("content-type", "text/plain")
            .body("{}");
        refused(
            text.send().await.unwrap(),
            415,
            ErrorCode::UnsupportedMediaType,
        )
        .await;
        let untyped = ask(&alice, method, path).body("{}");
        refused(
            untyped.send().await.unwrap(),
            415,
            ErrorCode::UnsupportedMediaType,
        )
        .await;
    }
}

#[tokio::test]
async fn a_body_beyond_the_routes_limit_is_refused_announced_or_not() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    for (method, path, limit) in BODIES {
        let address = relay.addr();
        let (_, path) = (method, path);
        // Announced: refused before a byte of the body is sent.
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\nidempotency-key: k\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n",
            alice.token,
            limit + 1
        );
        let head = if *path == "/v1/devices" {
            head.replace("authorization", "x-none")
        } else {
            head
        };
        assert!(
            raw(address, head.as_bytes())
                .await
                .starts_with("HTTP/1.1 413"),
            "{path}"
        );
        if *limit > 64 * 1024 {
            continue;
        }
        let chunk = vec![b' '; 8 * 1024];
        let chunks = (0..=limit / chunk.len()).map(move |_| Ok::<_, std::io::Error>(chunk.clone()));
        let chunks: Vec<_> = chunks.collect();
        let body = reqwest::Body::wrap_stream(futures_util::stream::iter(chunks));
        let request = ask(&alice, method, path).header("content-type", "application/json");
        // The relay may answer and hang up before all is sent.
        if let Ok(answer) = request.body(body).send().await {
            refused(answer, 413, ErrorCode::TooLarge).await;
        }
    }
}

/// What the relay answers to these bytes, read to its head's end.
async fn raw(address: std::net::SocketAddr, bytes: &[u8]) -> String {
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    // The relay may hang up before all is written.
    let _ = stream.write_all(bytes).await;
    let mut answer = vec![0; 4096];
    let length = tokio::time::timeout(PATIENCE, stream.read(&mut answer))
        .await
        .unwrap()
        .unwrap_or_default();
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

#[tokio::test]
async fn malformed_ids_in_a_path_or_query_are_named_as_such() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let long = format!("/v1/users/{}/devices", "x".repeat(65));
    let paths = [
        "/v1/users/a%2Fb/devices",
        "/v1/users/%ff/prekeys",
        "/v1/users/a%20b/devices",
        &long,
        "/v1/users/bob/prekeys?device_id=0",
        "/v1/users/bob/prekeys?device_id=x",
        "/v1/threads/rubbish",
        "/v1/threads/BF46F253-3CBC-88C3-BB52-0B6AB0382989/messages",
        "/v1/messages/rubbish",
        "/v1/messages/01arz3ndektsv4rrffq69g5fav",
        "/v1/attachments/a%2Fb",
        "/v1/attachments/..",
    ];
    for path in paths {
        let answer = alice.get(path).send().await.unwrap();
        let problem = problem(answer).await;
        // A client normalises `..` away before it asks.
        assert!(
            problem.code == ErrorCode::InvalidId || path.ends_with(".."),
            "{path}: {}",
            problem.code
        );
    }
    let answer = alice
        .get("/v1/users/bob/devices?since=-1")
        .send()
        .await
        .unwrap();
    assert_eq!(problem(answer).await.status, 400);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    for path in [
        "/",
        "/v1",
        "/v2/devices",
        "/v1/devices/",
        "/v1//devices",
        "/v1/users/a/b/devices",
    ] {
        refused(
            alice.get(path).send().await.unwrap(),
            404,
            ErrorCode::NotFound,
        )
        .await;
    }
    let answer = alice.get("/v1/devices").send().await.unwrap();
    assert_eq!(answer.headers()["allow"], "POST");
    refused(answer, 405, ErrorCode::MethodNotAllowed).await;
    for (method, path, _) in BODIES {
        if *method == "POST" {
            let answer = ask(&alice, "PATCH", path).send().await.unwrap();
            refused(answer, 405, ErrorCode::MethodNotAllowed).await;
        }
    }
}

#[tokio::test]
async fn healthz_answers_without_a_token() {
    let relay = relay().await;
    let answer = Client::new()
        .get(format!("{}/healthz", relay.url()))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn pages_of_configured_origins_may_ask_and_others_may_not() {
    let relay = relay_with(|config| config.cors_origin("https://chat.example")).await;
    let url = format!("{}/v1/threads/x/messages", relay.url());
    let preflight = async |origin: &str| {
        let request = Client::new()
            .request(Method::OPTIONS, &url)
            .header("origin", origin);
        let request = request
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "authorization,content-type,idempotency-key",
            );
        request.send().await.unwrap()
    };
    for origin in [
        "https://chat.example",
        "http://localhost:5173",
        "http://127.0.0.1:8080",
    ] {
        let answer = preflight(origin).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["access-control-allow-origin"], origin);
        assert_eq!(answer.headers()["access-control-max-age"], "7200");
        let allowed = answer.headers()["access-control-allow-headers"]
            .to_str()
            .unwrap();
        assert!(allowed.contains("idempotency-key") && allowed.contains("authorization"));
    }
    for origin in [
        "https://evil.example",
        "http://localhost.evil.example",
        "null",
    ] {
        let answer = preflight(origin).await;
        assert!(
            !answer.headers().contains_key("access-control-allow-origin"),
            "{origin}"
        );
    }
    // A page must be able to read why it was refused.
    let request = Client::new().get(format!("{}/v1/me/devices", relay.url()));
    let refused = request
        .header("origin", "https://chat.example")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        refused.headers()["access-control-allow-origin"],
        "https://chat.example"
    );
}

#[tokio::test]
async fn a_request_that_does_not_arrive_is_given_up() {
    let timings = Timings {
        request_stall_max: Duration::from_millis(200),
        idle_max: Duration::from_millis(200),
        ..Timings::default()
    };
    let relay = relay_with(|config| config.timings(timings)).await;
    let body_missing = "POST /v1/auth/challenge HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                        content-length: 50\r\n\r\n{\"user";
    let answer = raw(relay.addr(), body_missing.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    let head_missing = "POST /v1/auth/challenge HTTP/1.1\r\nhost: x\r\n";
    let answer = raw(relay.addr(), head_missing.as_bytes()).await;
    assert!(
        answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
        "{answer}"
    );
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up() {
    let timings = Timings {
        request_stall_max: Duration::from_millis(300),
        ..Timings::default()
    };
    let relay = relay_with(|config| config.timings(timings)).await;
    let mut stream = tokio::net::TcpStream::connect(relay.addr()).await.unwrap();
    let head = "POST /v1/auth/challenge HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
                content-length: 60000\r\n\r\n{";
    stream.write_all(head.as_bytes()).await.unwrap();
    let (mut reads, mut writes) = stream.into_split();
    let trickle = tokio::spawn(async move {
        // Never silent for long, and never done.
        while writes.write_all(b" ").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut answer = [0; 12];
    let read = reads.read_exact(&mut answer);
    tokio::time::timeout(PATIENCE, read).await.unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 408");
    trickle.abort();
}

#[tokio::test]
async fn nothing_that_a_client_sends_is_the_relays_fault() {
    use rand_core::Rng as _;
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let mut rng = rng();
    let shapes = [
        r#"{"user_id":"alice","device_id":1,"nonce":"AA==","signature":"AA=="}"#,
        r#"{"user_id":"alice","device_id":4294967295,"identity_key":"","registration_id":0,"prekeys":{}}"#,
        r#"{"list":{"payload":"","account_signature":"","signer_device_id":1,"signer_signature":""}}"#,
        r#"{"users":[]}"#,
        r#"{"users":[{"user_id":"alice","known_version":18446744073709551615}]}"#,
        r#"{"data":""}"#,
        r#"{"signed_prekey":{"id":0,"key":"","signature":""},"one_time_prekeys":[{"id":1,"key":""}]}"#,
        r#"{"to":"alice"}"#,
        r#"{"size":0}"#,
        r#"{"size":18446744073709551615}"#,
        r#"{"client_seq":18446744073709551615,"ciphertext":"","commitment":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","envelopes":[],"ttl_seconds":4294967295,"to":"bob"}"#,
    ];
    for (method, path, _) in BODIES {
        for shape in shapes {
            let mut body = shape.as_bytes().to_vec();
            for round in 0..3 {
                let request = ask(&alice, method, path).header("content-type", "application/json");
                let answer = request.body(body.clone()).send().await.unwrap();
                let status = answer.status();
                assert!(
                    !status.is_server_error(),
                    "{method} {path} {shape} -> {status}"
                );
                if !status.is_success() {
                    problem(answer).await;
                }
                let at = rng.next_u32() as usize % body.len();
                body[at] = b"0\"}[x"[round];
            }
        }
    }
}

#[tokio::test]
async fn what_is_no_http_is_answered_clearly_or_closed() {
    let relay = relay().await;
    let long_path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(300_000));
    let long_header = format!(
        "GET /healthz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "x".repeat(300_000)
    );
    let headers = "x: y\r\n".repeat(200);
    let many_headers = format!("GET /healthz HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
    let wrong: [&[u8]; 9] = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\n\r\nhello\r\n\r\n",
        b"GET  /healthz HTTP/1.1\r\n\r\n",
        b"GET /healthz HTTP/9.9\r\n\r\n",
        b"POST /v1/auth/challenge HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n{}",
        b"POST /v1/auth/challenge HTTP/1.1\r\nhost: x\r\ntransfer-encoding: gzip\r\n\r\n{}",
        b"POST /v1/auth/challenge HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"GET /healthz HTTP/1.1\r\nhost\x00: x\r\n\r\n",
    ];
    let long = [
        long_path.as_bytes(),
        long_header.as_bytes(),
        many_headers.as_bytes(),
    ];
    for bytes in wrong.into_iter().chain(long) {
        let answer = raw(relay.addr(), bytes).await;
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 4"),
            "{shown:?}: {answer}"
        );
    }
    // Nobody else notices.
    open_account(relay.url(), "alice").await;
}

#[tokio::test]
async fn headers_that_trickle_are_given_up() {
    let timings = Timings {
        idle_max: Duration::from_millis(300),
        ..Timings::default()
    };
    let relay = relay_with(|config| config.timings(timings)).await;
    let mut stream = tokio::net::TcpStream::connect(relay.addr()).await.unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\n")
        .await
        .unwrap();
    let (mut reads, mut writes) = stream.into_split();
    let trickle = tokio::spawn(async move {
        while writes.write_all(b"x: y\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    let mut answer = Vec::new();
    let read = reads.read_to_end(&mut answer);
    // Closed, with or without a word.
    let _ = tokio::time::timeout(PATIENCE, read).await.unwrap();
    assert!(answer.is_empty() || answer.starts_with(b"HTTP/1.1 408"));
    trickle.abort();
}

#[tokio::test]
async fn what_is_no_request_gets_a_bare_4xx_and_a_closed_connection() {
    let relay = relay().await;
    let lines = |count: usize| "x: y\r\n".repeat(count);
    let no_requests = [
        "rubbish\r\n\r\n".to_owned(),
        "GET / HTTP/1.1\r\nno header\r\n\r\n".to_owned(),
        format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(100_000)),
        format!("GET / HTTP/1.1\r\n{}\r\n", lines(101)),
        format!("GET / HTTP/1.1\r\nx: {}\r\n\r\n", "y".repeat(200_000)),
    ];
    for bytes in no_requests {
        let answer = raw(relay.addr(), bytes.as_bytes()).await;
        let begins = answer.starts_with("HTTP/1.1 4");
        assert!(begins && answer.contains("content-length: 0"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
}
