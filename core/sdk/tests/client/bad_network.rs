//! Four devices of two people over networks that lose requests, answers and sockets: everything, once, in one order.

use super::world::{Device, Meddling, Network, World, soon, texts};
use sealwire::transport::TransportFailure;
use sealwire::{Client, ThreadId};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A sequence that is the same in every run (SplitMix64).
#[derive(Clone)]
struct Chance(Arc<AtomicU64>);

impl Chance {
    fn new(seed: u64) -> Self {
        Self(Arc::new(AtomicU64::new(seed)))
    }

    fn below(&self, limit: u64) -> u64 {
        const STEP: u64 = 0x9e37_79b9_7f4a_7c15;
        let mut z = self.0.fetch_add(STEP, Ordering::Relaxed).wrapping_add(STEP);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}

/// One request in ten is lost on its way, one answer in ten on its way back, and a socket lives for some frames.
fn bad_network(seed: u64) -> Network {
    let (requests, answers, sockets) = (
        Chance::new(seed),
        Chance::new(!seed),
        Chance::new(seed << 7),
    );
    Network {
        send: Some(Box::new(move |_| requests.below(10) > 0)),
        answer: Some(Box::new(move |_, answer| match answers.below(10) {
            0 => Err(TransportFailure {
                detail: "the answer was lost".to_owned(),
            }),
            _ => answer,
        })),
        frames: Some(Box::new(move || {
            3 + usize::try_from(sockets.below(20)).unwrap()
        })),
        ..Network::default()
    }
}

async fn link(world: &World, old: &Client, name: &str) -> (Device, Client) {
    let device = world.device(name);
    let new = device.open().await;
    let linking = new.start_linking().await.unwrap();
    let code = linking.code().to_owned();
    let (added, joined) = soon(async {
        tokio::join!(
            old.link_device(&code, |_| async { true }),
            linking.finish(|_| async { true })
        )
    })
    .await;
    added.unwrap();
    joined.unwrap();
    (device, new)
}

#[tokio::test]
async fn every_device_has_every_message_once_and_in_one_order() {
    const EACH: usize = 15;
    let world = World::new().await;
    let (alice_device, alice) = world.registered("alice").await;
    let (bob_device, bob) = world.registered("bob").await;
    let (tablet_device, tablet) = link(&world, &alice, "tablet").await;
    let (desk_device, desk) = link(&world, &bob, "desk").await;
    let thread = alice.direct_thread("bob").await.unwrap();
    for client in [alice, bob, tablet, desk] {
        client.close().await.unwrap();
    }

    let devices = [alice_device, bob_device, tablet_device, desk_device];
    let mut clients = Vec::new();
    for (seed, device) in (1..).zip(&devices) {
        let transport = Meddling::with(bad_network(seed));
        let client = device.builder().transport(transport).open().await.unwrap();
        let user = if seed % 2 == 1 { "bob" } else { "alice" };
        assert_eq!(client.direct_thread(user).await.unwrap(), thread);
        clients.push(client);
    }
    let mut written = BTreeSet::new();
    for round in 0..EACH {
        for (number, client) in clients.iter().enumerate() {
            let text = format!("{round} from device {number}");
            client.send_text(thread, &text).await.unwrap();
            written.insert(text);
        }
    }
    for client in &clients {
        let full = async {
            while confirmed(client, thread).await < written.len() {
                // A minute of backoff is the network's fault, not ours to wait for.
                client.go_online().await.unwrap();
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(120), full)
            .await
            .is_err()
        {
            let at = texts(client, thread).await;
            panic!("{client:?} has {} of {}: {at:?}", at.len(), written.len());
        }
    }
    let order = texts(&clients[0], thread).await;
    assert_eq!(order.iter().cloned().collect::<BTreeSet<_>>(), written);
    for (client, device) in clients.iter().zip(&devices) {
        client.close().await.unwrap();
        assert_eq!(device.texts_after_a_cold_reopen(thread).await, order);
    }
}

/// An acknowledgement counts for its socket alone. Where none gets through, the queue is fetched without one.
#[tokio::test]
async fn sockets_that_end_before_any_acknowledgement_hold_nothing_up() {
    const WRITTEN: usize = 40;
    let world = World::new().await;
    let ((_, alice), (bob_device, bob), thread) = world.pair().await;
    bob.close().await.unwrap();
    for number in 0..WRITTEN {
        alice.send_text(thread, &format!("{number}")).await.unwrap();
    }
    soon(async {
        while alice
            .messages(thread, None, 1000)
            .await
            .unwrap()
            .iter()
            .any(|message| message.id.is_none())
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let network = Network {
        frames: Some(Box::new(|| 3)),
        deaf: true,
        ..Network::default()
    };
    let transport = Meddling::with(network);
    let bob = bob_device
        .builder()
        .transport(transport)
        .open()
        .await
        .unwrap();
    soon(async {
        while confirmed(&bob, thread).await < WRITTEN {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
    let order: Vec<_> = (0..WRITTEN).map(|number| number.to_string()).collect();
    assert_eq!(texts(&bob, thread).await, order);
    for client in [alice, bob] {
        client.close().await.unwrap();
    }
    assert_eq!(bob_device.texts_after_a_cold_reopen(thread).await, order);
}

/// How many messages have their place in the thread.
async fn confirmed(client: &Client, thread: ThreadId) -> usize {
    let page = client.messages(thread, None, 1000).await.unwrap();
    page.iter().filter(|message| message.id.is_some()).count()
}
