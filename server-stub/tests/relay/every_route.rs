//! What holds for every route of the OpenAPI document, whichever they are: bad input, tokens, scopes, strangers.

use crate::openapi::document;
use crate::sample::{Sample, least, samples};
use crate::world::*;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, Response};
use sealwire_crypto::device::ListChange;
use sealwire_crypto::primitives::hmac_sha256;
use sealwire_relay::{Relay, RelayConfig, RelayData};
use sealwire_wire::contract::{ErrorCode, Problem, ServerEvent};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// Nothing comes for so long.
const QUIET: Duration = Duration::from_millis(100);

/// A relay, two people with a thread of theirs, and a request for each route.
async fn world() -> (Relay, Pair, Vec<Sample>) {
    let relay = relay_with(|config| config.without_limits()).await;
    let pair = pair(&relay).await;
    pair.alice.sent(pair.thread, 1, &[&pair.bob]).await;
    let samples = samples(&document(relay.url()).await, &pair.thread.to_string());
    (relay, pair, samples)
}

/// An answer that is the client's fault: never a 5xx, and a problem with a code.
async fn at_fault(answer: Response, what: &str) -> Problem {
    assert!(
        answer.status().is_client_error(),
        "{what}: {}",
        answer.status()
    );
    problem(answer).await
}

async fn not_the_relays_fault(answer: Response, what: &str) {
    let status = answer.status();
    assert!(!status.is_server_error(), "{what}: {status}");
    if status.is_client_error() {
        problem(answer).await;
    }
}

#[tokio::test]
async fn a_wrong_method_is_refused_by_every_path() {
    let (_relay, Pair { alice, .. }, samples) = world().await;
    for sample in &samples {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH"] {
            let method: Method = method.parse().unwrap();
            let mut on_path = samples.iter().filter(|other| other.route == sample.route);
            if on_path.any(|other| other.method == method) {
                continue;
            }
            let url = format!("{}{}", alice.base, sample.path);
            let request = alice.http.request(method.clone(), url);
            let answer = request.bearer_auth(&alice.token).send().await.unwrap();
            assert!(answer.headers().contains_key("allow"));
            let what = format!("{method} {}", sample.path);
            let problem = at_fault(answer, &what).await;
            assert_eq!(problem.code, ErrorCode::MethodNotAllowed, "{what}");
        }
    }
}

#[tokio::test]
async fn missing_fields_wrong_types_and_wrong_forms_are_refused_by_every_route_with_a_body() {
    let (_relay, Pair { alice, .. }, samples) = world().await;
    let deep = format!("{}{}", "[".repeat(20_000), "]".repeat(20_000));
    let mut bodies = 0;
    for sample in samples.iter().filter(|sample| sample.body.is_some()) {
        bodies += 1;
        let what = format!("{} {}", sample.method, sample.route);
        let body = sample.body.clone().unwrap();
        let send = async |body: String| {
            let request = sample
                .ask(&alice)
                .header("content-type", "application/json");
            request.body(body).send().await.unwrap()
        };
        for field in sample.required() {
            let mut without = body.clone();
            without.as_object_mut().unwrap().remove(&field);
            let mut mistyped = body.clone();
            mistyped[&field] = json!([[true]]);
            let mut null = body.clone();
            null[&field] = Value::Null;
            let mut nested = body.to_string().replace("AAAA", "");
            nested = nested.replacen(
                &format!("\"{field}\":"),
                &format!("\"{field}\":{deep},\"_\":"),
                1,
            );
            for wrong in [
                without.to_string(),
                mistyped.to_string(),
                null.to_string(),
                nested,
            ] {
                let problem = at_fault(send(wrong).await, &format!("{what} {field}")).await;
                assert_eq!(problem.code, ErrorCode::InvalidBody, "{what} {field}");
            }
        }
        let text = body.to_string();
        let cut_short = text[..text.len() - 1].to_owned();
        let doubled = format!("{text}{text}");
        let wrong = [
            String::new(),
            "null".into(),
            "[]".into(),
            "7".into(),
            deep.clone(),
        ];
        for wrong in wrong.into_iter().chain([cut_short, doubled]) {
            let problem = at_fault(send(wrong).await, &what).await;
            assert_eq!(problem.code, ErrorCode::InvalidBody, "{what}");
        }
        let too_long = format!("{{\"x\":\"{}\"}}", "x".repeat(13 * 1024 * 1024));
        let request = sample
            .ask(&alice)
            .header("content-type", "application/json");
        // The relay answers without reading it all, and may hang up before it is written.
        if let Ok(answer) = request.body(too_long).send().await {
            assert_eq!(
                at_fault(answer, &what).await.code,
                ErrorCode::TooLarge,
                "{what}"
            );
        }
    }
    assert!(bodies > 10);
}

#[tokio::test]
async fn a_wrong_content_type_and_a_compressed_body_are_refused_by_every_route_with_a_body() {
    let (_relay, Pair { alice, .. }, samples) = world().await;
    for sample in samples.iter().filter(|sample| sample.body.is_some()) {
        let body = sample.body.as_ref().unwrap().to_string();
        for (name, value) in [
            ("content-type", "text/plain"),
            ("content-type", "application/xml"),
            ("content-encoding", "gzip"),
            ("content-encoding", "br"),
            ("content-encoding", "gzip, gzip"),
        ] {
            let mut request = sample.ask(&alice).header(name, value);
            if name != "content-type" {
                request = request.header("content-type", "application/json");
            }
            let what = format!("{} {} {name}: {value}", sample.method, sample.route);
            let answer = request.body(body.clone()).send().await.unwrap();
            let problem = at_fault(answer, &what).await;
            assert_eq!(problem.code, ErrorCode::UnsupportedMediaType, "{what}");
        }
    }
}

#[tokio::test]
async fn unknown_fields_are_ignored_by_every_route_with_a_body() {
    let (_relay, Pair { alice, .. }, samples) = world().await;
    for sample in samples.iter().filter(|sample| sample.body.is_some()) {
        let plain = sample.ask_whole(&alice).send().await.unwrap();
        let mut body = sample.body.clone().unwrap();
        body["colour"] = json!({ "red": [1, 2, 3] });
        let coloured = sample.ask(&alice).json(&body).send().await.unwrap();
        let what = format!("{} {}", sample.method, sample.route);
        // The second of two that make something may differ, but not because of its form.
        if coloured.status() != plain.status() {
            let code = at_fault(coloured, &what).await.code;
            assert_ne!(code, ErrorCode::InvalidBody, "{what}");
        }
    }
}

#[tokio::test]
async fn nonsense_in_a_path_query_or_header_is_nowhere_the_relays_fault() {
    let (_relay, Pair { alice, .. }, samples) = world().await;
    let long = "x".repeat(3_000);
    let nonsense = [
        "%00",
        "%ff%fe",
        "..%2f..",
        "-1",
        "0",
        "18446744073709551616",
        "%F0%9F%92%A9",
        "'--",
        "{}",
        "a%0d%0ab",
        "null",
        &long,
    ];
    for sample in &samples {
        let parameters = sample.operation["parameters"].as_array().cloned();
        for parameter in parameters.unwrap_or_default() {
            let name = parameter["name"].as_str().unwrap();
            for value in nonsense {
                let mut request = Sample {
                    method: sample.method.clone(),
                    route: sample.route.clone(),
                    path: sample.path.clone(),
                    body: sample.body.clone(),
                    operation: sample.operation.clone(),
                    schema: None,
                };
                match parameter["in"].as_str().unwrap() {
                    "path" => request.path = sample.route.replace(&format!("{{{name}}}"), value),
                    "query" => {
                        let (path, _) = sample.path.split_once('?').unwrap_or((&sample.path, ""));
                        request.path = format!("{path}?{name}={value}&{name}={value}");
                    }
                    _ => continue,
                }
                let what = format!("{} {}", request.method, request.path);
                let answer = request.ask_whole(&alice).send().await.unwrap();
                not_the_relays_fault(answer, &what).await;
            }
        }
        for key in ["", "ä", &"k".repeat(65), "a b"] {
            let url = format!("{}{}", alice.base, sample.path);
            let request = alice.http.request(sample.method.clone(), url);
            let request = request
                .bearer_auth(&alice.token)
                .header("idempotency-key", key.as_bytes());
            let request = request.json(&sample.body.clone().unwrap_or(json!({})));
            not_the_relays_fault(request.send().await.unwrap(), &sample.path).await;
        }
    }
}

#[tokio::test]
async fn a_thread_of_others_is_closed_on_every_route() {
    let (relay, _pair, samples) = world().await;
    let (_, carol) = open_account(relay.url(), "carol").await;
    let of_threads = samples
        .iter()
        .filter(|sample| sample.route.starts_with("/v1/threads/{id}"));
    let mut tried = 0;
    for sample in of_threads {
        tried += 1;
        let what = format!("{} {}", sample.method, sample.route);
        let answer = sample.ask_whole(&carol).send().await.unwrap();
        let refused = at_fault(answer, &what).await;
        // A send is looked at by its form first, and the least one has an empty list of envelopes.
        let before = [
            ErrorCode::Unprocessable,
            ErrorCode::ThreadIdMismatch,
            ErrorCode::InvalidRequest,
        ];
        assert!(
            [ErrorCode::NotAParticipant, ErrorCode::NotFound].contains(&refused.code)
                || (sample.method == Method::POST && before.contains(&refused.code)),
            "{what}: {}",
            refused.code
        );
    }
    assert!(tried > 2);
}

#[tokio::test]
async fn without_a_token_or_with_a_made_up_one_every_route_that_needs_one_is_closed() {
    let (_relay, Pair { mut alice, .. }, samples) = world().await;
    let closed = samples.iter().filter(|sample| sample.takes("device"));
    let mut tried = 0;
    let forged = [
        String::new(),
        "x".to_owned(),
        format!("{}x", alice.token),
        "a.b.c".to_owned(),
    ];
    for sample in closed {
        tried += 1;
        for token in &forged {
            alice.token.clone_from(token);
            let what = format!("{} {} {token:?}", sample.method, sample.route);
            let answer = sample.ask_whole(&alice).send().await.unwrap();
            assert_eq!(
                at_fault(answer, &what).await.code,
                ErrorCode::Unauthorized,
                "{what}"
            );
        }
    }
    assert!(tried > 20);
}

/// A token as the relay would sign it, with other scopes.
fn token_with(folder: &std::path::Path, of: &Device, scope: &str) -> String {
    let header: Header = jsonwebtoken::decode_header(&of.token).unwrap();
    let key = EncodingKey::from_ed_der(&relays_key(folder));
    let claims = jsonwebtoken::dangerous::insecure_decode::<Value>(&of.token).unwrap();
    let mut claims = claims.claims;
    claims["scope"] = scope.into();
    assert_eq!(header.alg, Algorithm::EdDSA);
    jsonwebtoken::encode(&header, &claims, &key).unwrap()
}

/// The key of access tokens, as the relay makes it of its secret.
fn relays_key(folder: &std::path::Path) -> Vec<u8> {
    let secret = std::fs::read(folder.join("relay.key")).unwrap();
    let week = now_ms() / (7 * 24 * 60 * 60 * 1000);
    let root = hmac_sha256(&secret, b"Sealwire v1 relay access tokens");
    let seed = hmac_sha256(&root, &week.to_be_bytes());
    let pkcs8 = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04,
        0x20,
    ];
    [pkcs8.as_slice(), &seed].concat()
}

#[tokio::test]
async fn a_token_without_the_scope_is_refused_by_every_route_that_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let config = RelayConfig::new(RelayData::Folder(folder.path().to_owned())).without_limits();
    let relay = Relay::start(config).await.unwrap();
    let Pair {
        mut alice, thread, ..
    } = pair(&relay).await;
    let samples = samples(&document(relay.url()).await, &thread.to_string());
    let token = |scope: &str| token_with(folder.path(), &alice, scope);
    let tokens = [
        (token(""), vec![]),
        (token("chat.read"), vec!["chat.read"]),
        (token("chat.write"), vec!["chat.write"]),
        (token("chat.reader chat.writer"), vec![]),
        (
            token("chat.read chat.write"),
            vec!["chat.read", "chat.write"],
        ),
    ];
    let mut tried = 0;
    for sample in samples.iter().filter(|sample| sample.takes("device")) {
        let needed = sample.scopes();
        assert_eq!(needed.len(), 1, "{}", sample.route);
        for (token, scopes) in &tokens {
            alice.token.clone_from(token);
            let answer = sample.ask_whole(&alice).send().await.unwrap();
            let status = answer.status().as_u16();
            let what = format!("{} {} with {scopes:?}", sample.method, sample.route);
            if scopes.contains(&needed[0].as_str()) {
                assert_ne!(status, 401, "{what}");
            } else {
                refused(answer, 403, ErrorCode::Forbidden).await;
                tried += 1;
            }
        }
    }
    assert!(tried > 60);
}

#[tokio::test]
async fn a_removed_device_is_cut_off_on_every_route() {
    let (_relay, pair, samples) = world().await;
    let mut account = pair.alice_account;
    let second = pair.alice.link(&mut account).await;
    let mut socket = second.socket().await;
    socket.catch_up().await;
    let change = ListChange {
        put: vec![],
        remove: vec![2],
    };
    pair.alice.publish(&mut account, &change).await;
    assert_eq!(socket.close_code().await, 4003);
    for sample in samples.iter().filter(|sample| sample.takes("device")) {
        let what = format!("{} {}", sample.method, sample.route);
        let answer = sample.ask_whole(&second).send().await.unwrap();
        let problem = at_fault(answer, &what).await;
        // What is wrong by its form alone is not looked up at all.
        let by_form = [
            ErrorCode::InvalidRequest,
            ErrorCode::InvalidSignature,
            ErrorCode::Unprocessable,
        ];
        assert!(
            problem.code == ErrorCode::DeviceRevoked || by_form.contains(&problem.code),
            "{what}: {}",
            problem.code
        );
    }
}

#[tokio::test]
async fn every_kind_of_frame_with_a_field_missing_or_of_a_wrong_type_ends_the_socket_with_4004() {
    let relay = relay_with(|config| config.without_limits()).await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let document = document(relay.url()).await;
    let kinds = document["components"]["schemas"]["ClientFrame"]["oneOf"].clone();
    let kinds = kinds.as_array().unwrap();
    assert!(kinds.len() >= 3);
    for kind in kinds {
        let frame = least(kind, &document);
        let required: Vec<String> = serde_json::from_value(kind["required"].clone()).unwrap();
        for field in required {
            let mut without = frame.clone();
            without.as_object_mut().unwrap().remove(&field);
            let mut mistyped = frame.clone();
            mistyped[&field] = json!([[{ "x": 1 }]]);
            let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
            let deep = frame
                .to_string()
                .replacen('{', &format!("{{\"x\":{deep},"), 1);
            for wrong in [without.to_string(), mistyped.to_string(), deep] {
                let mut socket = alice.socket().await;
                socket.catch_up().await;
                socket.say_raw(Message::text(wrong.clone())).await;
                assert_eq!(socket.close_code().await, 4004, "{field}: {frame}");
            }
        }
        let mut coloured = frame.clone();
        coloured["colour"] = json!("red");
        let mut socket = alice.socket().await;
        socket.catch_up().await;
        socket.say_raw(Message::text(coloured.to_string())).await;
        // A frame that only made sense with a real token or of a real thread may end it, but not by its form.
        if let Ok(Heard::Frame(told)) = tokio::time::timeout(QUIET, socket.hear()).await
            && let ServerEvent::Error { detail, .. } = told.event
        {
            assert!(!detail.contains("not a frame"), "{coloured}: {detail}");
        }
    }
}
