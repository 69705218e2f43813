//! Attachments: up, down, in parts, and who may.

use crate::world::*;
use reqwest::{Client, Response, StatusCode};
use sealwire_relay::Timings;
use sealwire_wire::AttachmentId;
use sealwire_wire::contract::{AttachmentDownload, AttachmentUpload, CreateAttachment, ErrorCode};
use std::time::Duration;

async fn room(device: &Device, size: u64) -> AttachmentUpload {
    let answer = device
        .post("/v1/attachments")
        .json(&CreateAttachment { size });
    let answer = answer.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    ok(answer).await
}

async fn put(url: &str, bytes: &[u8]) -> Response {
    Client::new()
        .put(url)
        .body(bytes.to_vec())
        .send()
        .await
        .unwrap()
}

async fn locate(device: &Device, id: &AttachmentId) -> Response {
    device
        .get(&format!("/v1/attachments/{id}"))
        .send()
        .await
        .unwrap()
}

fn picture() -> Vec<u8> {
    (0..300_000_u32).flat_map(u32::to_le_bytes).collect()
}

#[tokio::test]
async fn what_was_put_comes_back_whole_and_in_parts() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let picture = picture();
    let upload = room(&alice, picture.len() as u64).await;
    refused(locate(&alice, &upload.id).await, 404, ErrorCode::NotFound).await;
    assert_eq!(
        put(&upload.upload_url, &picture).await.status(),
        StatusCode::NO_CONTENT
    );

    let mut names_it = message(1, &[&bob]);
    names_it.attachment_ids = vec![upload.id.clone()];
    assert_eq!(
        alice.send_message(thread, &names_it).await.status(),
        StatusCode::ACCEPTED
    );
    let found: AttachmentDownload = ok(locate(&bob, &upload.id).await).await;
    assert_eq!(found.size, picture.len() as u64);

    let get = |range: Option<&'static str>| {
        let request = Client::new().get(&found.download_url);
        let request = range
            .map(|range| request.try_clone().unwrap().header("range", range))
            .unwrap_or(request);
        request.send()
    };
    let whole = get(None).await.unwrap();
    assert_eq!(whole.headers()["accept-ranges"], "bytes");
    assert!(whole.bytes().await.unwrap() == picture);
    let part = get(Some("bytes=65536-131071")).await.unwrap();
    assert_eq!(part.status(), StatusCode::PARTIAL_CONTENT);
    assert_eq!(
        part.headers()["content-range"],
        "bytes 65536-131071/1200000"
    );
    assert!(part.bytes().await.unwrap() == picture[65536..131_072]);
    let outside = get(Some("bytes=1200000-")).await.unwrap();
    assert_eq!(outside.headers()["content-range"], "bytes */1200000");
    refused(outside, 416, ErrorCode::RangeNotSatisfiable).await;
}

#[tokio::test]
async fn the_same_bytes_may_be_put_again_and_others_may_not() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let upload = room(&alice, 4).await;
    assert_eq!(
        put(&upload.upload_url, b"abcd").await.status(),
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        put(&upload.upload_url, b"abcd").await.status(),
        StatusCode::NO_CONTENT
    );
    refused(
        put(&upload.upload_url, b"abce").await,
        409,
        ErrorCode::AttachmentConflict,
    )
    .await;
}

#[tokio::test]
async fn an_upload_has_exactly_the_announced_size() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let upload = room(&alice, 4).await;
    for bytes in [b"abc".as_slice(), b"abcde", b""] {
        refused(
            put(&upload.upload_url, bytes).await,
            422,
            ErrorCode::Unprocessable,
        )
        .await;
    }
    let chunks =
        futures_util::stream::iter([b"ab".as_slice(), b"cd", b"e"].map(Ok::<_, std::io::Error>));
    let streamed = Client::new()
        .put(&upload.upload_url)
        .body(reqwest::Body::wrap_stream(chunks));
    refused(
        streamed.send().await.unwrap(),
        422,
        ErrorCode::Unprocessable,
    )
    .await;
    assert_eq!(
        put(&upload.upload_url, b"abcd").await.status(),
        StatusCode::NO_CONTENT
    );
}

#[tokio::test]
async fn an_attachment_beyond_the_limit_gets_no_room() {
    let relay = relay_with(|config| config.attachment_max(1000)).await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let request = alice
        .post("/v1/attachments")
        .json(&CreateAttachment { size: 1001 });
    refused(request.send().await.unwrap(), 413, ErrorCode::TooLarge).await;
    room(&alice, 1000).await;
}

#[tokio::test]
async fn a_url_that_was_changed_or_has_ended_opens_nothing() {
    let relay = relay().await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let url = room(&alice, 4).await.upload_url;
    let tampered = [
        url.replace("action=put", "action=get"),
        url.replace("size=4", "size=5"),
        url.replace("expires_at=", "expires_at=9"),
        url.replace("signature=", "signature=A"),
        url.replace("/v1/blobs/", "/v1/blobs/x"),
    ];
    for url in tampered {
        refused(put(&url, b"abcd").await, 403, ErrorCode::Forbidden).await;
    }
    refused(
        Client::new().get(&url).send().await.unwrap(),
        403,
        ErrorCode::Forbidden,
    )
    .await;
    let unsigned = url.split_once('?').unwrap().0;
    assert_eq!(problem(put(unsigned, b"abcd").await).await.status, 400);

    let timings = Timings {
        url_lifetime: Duration::ZERO,
        ..Timings::default()
    };
    let relay = relay_with(|config| config.timings(timings)).await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    let ended = room(&alice, 4).await.upload_url;
    refused(put(&ended, b"abcd").await, 403, ErrorCode::UrlExpired).await;
}

#[tokio::test]
async fn a_stranger_is_not_told_where_an_attachment_lies() {
    let relay = relay().await;
    let Pair { alice, bob, .. } = pair(&relay).await;
    let upload = room(&alice, 4).await;
    put(&upload.upload_url, b"abcd").await;
    ok::<AttachmentDownload>(locate(&alice, &upload.id).await).await;
    let answer = problem(locate(&bob, &upload.id).await).await;
    assert!([403, 404].contains(&answer.status), "{}", answer.detail);
}

#[tokio::test]
async fn a_download_that_nobody_takes_is_cut_off() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let timings = Timings {
        send_stall_max: Duration::from_millis(200),
        close_patience: Duration::from_millis(100),
        ..Timings::default()
    };
    let relay = relay_with(|config| config.timings(timings)).await;
    let (_, alice) = open_account(relay.url(), "alice").await;
    // More than the buffers of both ends hold.
    let large = vec![7; 32 * 1024 * 1024];
    let upload = room(&alice, large.len() as u64).await;
    assert!(put(&upload.upload_url, &large).await.status().is_success());
    let found: AttachmentDownload = ok(locate(&alice, &upload.id).await).await;
    let path = found.download_url.strip_prefix(relay.url()).unwrap();
    let mut stream = tokio::net::TcpStream::connect(relay.addr()).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let mut taken = Vec::new();
    // Broken off, or ended too early.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut taken))
        .await
        .unwrap();
    assert!(!taken.is_empty() && taken.len() < large.len());
}
