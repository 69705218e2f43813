//! A device's queue without a socket.

use crate::world::*;
use reqwest::{Response, StatusCode};
use sealwire_wire::contract::{AcknowledgeQueue, ErrorCode, QueuePage, ServerEvent};

async fn page(device: &Device, query: &str) -> QueuePage {
    let path = format!("/v1/me/queue{query}");
    ok(device.get(&path).send().await.unwrap()).await
}

async fn acknowledge(device: &Device, entry_ids: Vec<String>) -> Response {
    device
        .post("/v1/me/queue/ack")
        .json(&AcknowledgeQueue { entry_ids })
        .send()
        .await
        .unwrap()
}

fn numbers(page: &QueuePage) -> Vec<u64> {
    page.entries
        .iter()
        .filter_map(|entry| match &entry.event {
            ServerEvent::Msg { message } => Some(message.client_seq.0),
            _ => None,
        })
        .collect()
}

#[tokio::test]
async fn the_queue_is_read_in_pages_and_exactly_the_named_entries_go() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    for client_seq in 1..=5 {
        alice.sent(thread, client_seq, &[&bob]).await;
    }
    let first = page(&bob, "?limit=2").await;
    assert_eq!((numbers(&first), first.has_more), (vec![1, 2], true));
    let after = &first.entries[1].entry_id;
    let rest = page(&bob, &format!("?after={after}")).await;
    assert_eq!((numbers(&rest), rest.has_more), (vec![3, 4, 5], false));
    let named = vec![
        first.entries[1].entry_id.clone(),
        rest.entries[0].entry_id.clone(),
        "never-given-out".to_owned(),
        String::new(),
    ];
    for _ in 0..2 {
        let answer = acknowledge(&bob, named.clone()).await;
        assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    }
    assert_eq!(numbers(&page(&bob, "").await), [1, 4, 5]);
    // The same entries come over the socket, and no others.
    assert_eq!(bob.socket().await.catch_up().await.0, [1, 4, 5]);
}

#[tokio::test]
async fn an_entry_id_belongs_to_one_device() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    alice.sent(thread, 1, &[&bob]).await;
    bob.sent(thread, 1, &[&alice]).await;
    let of_bob = page(&bob, "").await.entries[0].entry_id.clone();
    let answer = acknowledge(&alice, vec![of_bob.clone()]).await;
    assert_eq!(answer.status(), StatusCode::NO_CONTENT);
    assert_eq!(numbers(&page(&bob, "").await), [1]);
    let path = format!("/v1/me/queue?after={of_bob}");
    refused(
        alice.get(&path).send().await.unwrap(),
        400,
        ErrorCode::InvalidCursor,
    )
    .await;
}

#[tokio::test]
async fn requests_on_the_queue_are_bounded() {
    let relay = relay().await;
    let Pair { bob, .. } = pair(&relay).await;
    for query in ["limit=0", "limit=1001", "limit=x", "limit=-1"] {
        let path = format!("/v1/me/queue?{query}");
        let answer = bob.get(&path).send().await.unwrap();
        refused(answer, 400, ErrorCode::InvalidRequest).await;
    }
    assert!(page(&bob, "?limit=1000&after=").await.entries.is_empty());
    let many = vec!["x".to_owned(); 1001];
    refused(acknowledge(&bob, many).await, 422, ErrorCode::Unprocessable).await;
}

#[tokio::test]
async fn a_page_of_large_messages_ends_early_and_says_that_there_is_more() {
    let relay = relay().await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    for client_seq in 1..=60 {
        let mut large = message(client_seq, &[&bob]);
        large.ciphertext = sealwire_wire::Base64(vec![client_seq as u8; 64 * 1024]);
        let answer = alice.send_message(thread, &large).await;
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
    let mut read = Vec::new();
    let mut query = "?limit=1000".to_owned();
    loop {
        let page = page(&bob, &query).await;
        read.extend(numbers(&page));
        if !page.has_more {
            break;
        }
        assert!(page.entries.len() < 60);
        let last = page.entries.last().unwrap();
        query = format!("?limit=1000&after={}", last.entry_id);
    }
    assert_eq!(read, Vec::from_iter(1..=60));
}
