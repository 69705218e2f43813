//! Messages with a time to live, at a relay whose clock runs.

use crate::world::*;
use sealwire_relay::{Relay, RelayConfig, RelayData};
use sealwire_wire::contract::{MessageRow, Receipts, RecipientState, RemovalReason, ServerEvent};
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_message_ends_within_seconds_of_its_time_and_open_sockets_are_told() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = RelayConfig::new(RelayData::Folder(folder.path().to_owned()));
    let relay = Relay::start(config.clone()).await.unwrap();
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let mut of_bob = bob.socket().await;
    of_bob.catch_up().await;
    let mut short = message(1, &[&bob]);
    short.ttl_seconds = Some(1);
    let began = Instant::now();
    alice.send_message(thread, &short).await;
    let frame = of_bob.frame().await;
    let ServerEvent::Msg { message: framed } = frame.event else {
        panic!("no message")
    };
    assert_eq!(framed.ttl_seconds, Some(1));
    of_bob.ack(frame.frame_seq).await;
    let removed = loop {
        match of_bob.frame().await.event {
            ServerEvent::Del {
                message_id,
                removed,
                ..
            } => {
                assert_eq!(message_id, framed.id);
                break removed;
            }
            ServerEvent::Delivered { .. } | ServerEvent::Ping { .. } => {}
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(removed.reason, RemovalReason::Expired);
    assert!(began.elapsed() < Duration::from_secs(30));
    drop(of_bob);

    // One that reaches nobody fails, and the sender's open socket is told.
    let mut of_alice = alice.socket().await;
    of_alice.catch_up().await;
    let mut lost = message(2, &[&bob]);
    lost.ttl_seconds = Some(1);
    alice.send_message(thread, &lost).await;
    let failed = loop {
        if let ServerEvent::Marks { marks } = of_alice.frame().await.event {
            break marks.failed[0].clone();
        }
    };
    relay.shutdown().await;
    let relay = Relay::start(config).await.unwrap();
    let alice = alice.moved_to(relay.url());
    let path = format!("/v1/messages/{}", failed.message_id);
    let row: MessageRow = ok(alice.get(&path).send().await.unwrap()).await;
    assert!(row.removed.is_some() && row.ciphertext.0.is_empty());
    let path = format!("{path}/receipts");
    let receipts: Receipts = ok(alice.get(&path).send().await.unwrap()).await;
    assert_eq!(receipts.recipients[0].state, RecipientState::Failed);
    assert_eq!(receipts.recipients[0].reason, failed.reason);
}
