//! Restarts and a full disk: what was answered with 202 is there, and what was not is not half there.

use crate::world::*;
use reqwest::StatusCode;
use sealwire_relay::{Relay, RelayConfig, RelayData, StartError};
use sealwire_wire::contract::ErrorCode;
use std::path::Path;

async fn relay_on(folder: &Path) -> Relay {
    let config = RelayConfig::new(RelayData::Folder(folder.to_owned()));
    Relay::start(config).await.unwrap()
}

#[tokio::test]
async fn a_queue_and_its_tokens_outlive_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let relay = relay_on(folder.path()).await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let sent = alice.sent(thread, 1, &[&bob]).await;
    relay.shutdown().await;

    let relay = relay_on(folder.path()).await;
    let (alice, bob) = (alice.moved_to(relay.url()), bob.moved_to(relay.url()));
    assert_eq!(alice.sent(thread, 1, &[&bob]).await, sent);
    alice.sent(thread, 2, &[&bob]).await;
    let (replayed, _) = bob.socket().await.catch_up().await;
    assert_eq!(replayed, [1, 2]);
}

#[tokio::test]
async fn a_folder_is_one_relays_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let relay = relay_on(folder.path()).await;
    let config = RelayConfig::new(RelayData::Folder(folder.path().to_owned()));
    let refused = Relay::start(config.clone()).await.err();
    assert!(matches!(refused, Some(StartError::FolderInUse(path)) if path == folder.path()));
    relay.shutdown().await;
    Relay::start(config).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn a_folder_that_can_not_be_used_is_named_in_full_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let config = RelayConfig::new(RelayData::Folder(file.clone()));
    let refused = Relay::start(config).await.err().unwrap().to_string();
    assert!(refused.contains(file.to_str().unwrap()), "{refused}");
    assert!(refused.contains("name one that"), "{refused}");
}

#[tokio::test]
async fn a_taken_address_is_a_typed_error() {
    let relay = relay().await;
    let config = RelayConfig::new(RelayData::Memory).listen(relay.addr());
    let refused = Relay::start(config).await.err();
    assert!(matches!(refused, Some(StartError::Listen { address, .. }) if address == relay.addr()));
}

#[tokio::test]
async fn a_full_database_refuses_a_send_and_keeps_what_it_has() {
    let relay = relay_with(|config| config.database_pages_max(200)).await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let mut client_seq = 0;
    let full = loop {
        client_seq += 1;
        let mut message = message(client_seq, &[&bob]);
        message.ciphertext = vec![1; 60 * 1024].into();
        let answer = alice.send_message(thread, &message).await;
        if answer.status() != StatusCode::ACCEPTED {
            break problem(answer).await;
        }
        assert!(client_seq < 100, "the database never gets full");
    };
    assert_eq!(
        (full.status, full.code, full.retryable),
        (503, ErrorCode::StorageFull, true)
    );
    assert!(full.retry_after_ms.is_some());
    let (replayed, _) = bob.socket().await.catch_up().await;
    assert_eq!(replayed, Vec::from_iter(1..client_seq));
}
