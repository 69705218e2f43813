//! The linking mailbox.

use crate::world::*;
use reqwest::{Client, StatusCode};
use sealwire_relay::Relay;
use sealwire_wire::contract::{ErrorCode, Mailbox, MailboxSlot};

async fn mailbox(relay: &Relay) -> String {
    let url = format!("{}/v1/provisioning", relay.url());
    let answer = Client::new().post(&url).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::CREATED);
    let Mailbox { id, expires_at } = ok(answer).await;
    assert!(expires_at.0.abs_diff(now_ms() + 600_000) < 10_000);
    format!("{url}/{id}")
}

async fn put(slot: &str, bytes: &[u8]) -> reqwest::Response {
    let content = MailboxSlot { data: bytes.into() };
    Client::new().put(slot).json(&content).send().await.unwrap()
}

async fn get(slot: &str) -> reqwest::Response {
    Client::new().get(slot).send().await.unwrap()
}

#[tokio::test]
async fn a_slot_is_written_once_and_read_once() {
    let relay = relay().await;
    let slot = format!("{}/0", mailbox(&relay).await);
    refused(get(&slot).await, 404, ErrorCode::SlotEmpty).await;
    assert_eq!(put(&slot, b"sealed").await.status(), StatusCode::NO_CONTENT);
    assert_eq!(put(&slot, b"sealed").await.status(), StatusCode::NO_CONTENT);
    refused(put(&slot, b"other").await, 409, ErrorCode::SlotTaken).await;
    let content: MailboxSlot = ok(get(&slot).await).await;
    assert_eq!(content.data.as_slice(), b"sealed");
    refused(get(&slot).await, 410, ErrorCode::SlotRead).await;
}

#[tokio::test]
async fn a_slot_has_4_kib_and_a_mailbox_eight() {
    let relay = relay().await;
    let mailbox = mailbox(&relay).await;
    assert_eq!(
        put(&format!("{mailbox}/7"), &[1; 4096]).await.status(),
        StatusCode::NO_CONTENT
    );
    refused(
        put(&format!("{mailbox}/1"), &[1; 4097]).await,
        413,
        ErrorCode::TooLarge,
    )
    .await;
    for slot in ["8", "-1", "256", "one"] {
        let answer = problem(put(&format!("{mailbox}/{slot}"), b"x").await).await;
        assert!(
            [400, 404].contains(&answer.status),
            "{slot}: {}",
            answer.detail
        );
    }
}

#[tokio::test]
async fn an_unknown_mailbox_is_not_found() {
    let relay = relay().await;
    let url = format!("{}/v1/provisioning", relay.url());
    let unknown = format!("{url}/AAAAAAAAAAAAAAAAAAAAAA/0");
    refused(get(&unknown).await, 404, ErrorCode::NotFound).await;
    let answer = problem(get(&format!("{url}/..%2F..%2Fetc/0")).await).await;
    assert!([400, 404].contains(&answer.status));
}
