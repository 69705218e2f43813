//! One order a thread, and nothing twice, whoever sends and reads at once.

use crate::world::*;
use futures_util::future::join_all;
use reqwest::StatusCode;
use sealwire_relay::{Relay, RelayConfig, RelayData};
use sealwire_wire::MessageId;
use sealwire_wire::contract::{AcknowledgeQueue, MessagePage, QueuePage, ServerEvent};
use std::collections::BTreeSet;

/// What each of them sends.
const EACH: u64 = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn however_sends_race_every_device_and_history_see_one_order() {
    let relay = relay().await;
    let Pair {
        alice,
        bob,
        thread,
        mut alice_account,
        mut bob_account,
    } = pair(&relay).await;
    let alice2 = alice.link(&mut alice_account).await;
    let bob2 = bob.link(&mut bob_account).await;
    alice.sent(thread, 1_000, &[&bob, &bob2, &alice2]).await;
    let devices = [alice, alice2, bob, bob2];
    let mut sockets = Vec::new();
    for device in &devices {
        let mut socket = device.socket().await;
        socket.catch_up().await;
        sockets.push(socket);
    }
    let sends = devices.iter().map(|from| {
        let to: Vec<_> = devices.iter().filter(|to| to.name != from.name).collect();
        async move {
            for client_seq in 1..=EACH {
                let mut message = message(client_seq, &to);
                message.to = None;
                let answer = from.send_message(thread, &message).await;
                assert_eq!(answer.status(), StatusCode::ACCEPTED);
            }
        }
    });
    let reads = sockets.iter_mut().map(|socket| async move {
        let mut seen: Vec<MessageId> = Vec::new();
        while seen.len() < 3 * EACH as usize {
            let frame = socket.frame().await;
            if let ServerEvent::Msg { message } = frame.event {
                seen.push(message.id);
                if seen.len().is_multiple_of(7) {
                    socket.ack(frame.frame_seq).await;
                }
            }
        }
        seen
    });
    let (_, seen) = futures_util::future::join(join_all(sends), join_all(reads)).await;
    let mut history = Vec::new();
    let mut since = String::new();
    loop {
        let path = format!("/v1/threads/{thread}/messages?since={since}&page_size=100");
        let page: MessagePage = ok(devices[0].get(&path).send().await.unwrap()).await;
        history.extend(page.messages);
        since = page.next_cursor.unwrap();
        if !page.has_more {
            break;
        }
    }
    assert_eq!(history.len() as u64, 4 * EACH + 1);
    assert!(history.is_sorted_by(|one, other| one.id < other.id));
    for (device, seen) in devices.iter().zip(seen) {
        let expected: Vec<_> = history[1..]
            .iter()
            .filter(|row| {
                (&row.sender_id, row.sender_device_id)
                    != (&device.name.user_id, device.name.device_id)
            })
            .map(|row| row.id)
            .collect();
        assert_eq!(seen, expected);
    }
}

#[tokio::test]
async fn what_was_acknowledged_never_comes_again() {
    let folder = tempfile::TempDir::new().unwrap();
    let config = RelayConfig::new(RelayData::Folder(folder.path().to_owned()));
    let relay = Relay::start(config.clone()).await.unwrap();
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    for client_seq in 1..=20 {
        alice.sent(thread, client_seq, &[&bob]).await;
    }
    // Some over a socket, some without one and out of order.
    let mut socket = bob.socket().await;
    socket.catch_up().await;
    socket.ack(6).await;
    drop(socket);
    let page: QueuePage = loop {
        let page: QueuePage = ok(bob.get("/v1/me/queue").send().await.unwrap()).await;
        if page.entries.len() <= 15 {
            break page;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    let named = [14, 2, 9].map(|at| page.entries[at].entry_id.clone());
    let request = AcknowledgeQueue {
        entry_ids: named.to_vec(),
    };
    let answer = bob.post("/v1/me/queue/ack").json(&request);
    assert_eq!(
        answer.send().await.unwrap().status(),
        StatusCode::NO_CONTENT
    );
    let waits = |page: &QueuePage| -> BTreeSet<u64> {
        page.entries
            .iter()
            .map(|entry| match &entry.event {
                ServerEvent::Msg { message } => message.client_seq.0,
                other => panic!("{other:?}"),
            })
            .collect()
    };
    let left: BTreeSet<u64> = (6..=20).filter(|seq| ![8, 15, 20].contains(seq)).collect();
    // Repeats of the sends, a newer message and a restart bring nothing back.
    for client_seq in 1..=20 {
        alice.sent(thread, client_seq, &[&bob]).await;
    }
    relay.shutdown().await;
    let relay = Relay::start(config).await.unwrap();
    let (alice, bob) = (alice.moved_to(relay.url()), bob.moved_to(relay.url()));
    alice.sent(thread, 1, &[&bob]).await;
    let page: QueuePage = ok(bob.get("/v1/me/queue").send().await.unwrap()).await;
    assert_eq!(waits(&page), left);
    let (replayed, last) = bob.socket().await.catch_up().await;
    assert_eq!(BTreeSet::from_iter(replayed), left);
    let mut socket = bob.socket().await;
    socket.catch_up().await;
    socket.ack(last).await;
    for _ in 0..100 {
        if bob.socket().await.catch_up().await.0.is_empty() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    panic!("acknowledged messages come again");
}
