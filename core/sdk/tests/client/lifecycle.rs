//! Opening and ending: under any executor, while anything is under way, and for good.

use super::world::{PATIENCE, World, soon};
use sealwire::{Client, Event};
use std::time::{Duration, Instant};

#[tokio::test]
async fn closing_ends_streams_and_every_later_call() {
    let world = World::new().await;
    let ((_, alice), _, thread) = world.pair().await;
    let mut events = alice.events();
    let clone = alice.clone();
    alice.close().await.unwrap();
    soon(async { while events.next().await.is_some() {} }).await;
    assert!(soon(clone.events().next()).await.is_none());
    assert_eq!(
        clone
            .send_text(thread, "too late")
            .await
            .unwrap_err()
            .code(),
        "closed"
    );
    assert_eq!(
        clone.messages(thread, None, 1).await.unwrap_err().code(),
        "closed"
    );
    assert_eq!(
        clone
            .wait_until_caught_up()
            .await
            .map_err(|error| error.code()),
        Err("closed")
    );
    clone.close().await.unwrap();
}

#[tokio::test]
async fn closing_while_it_reconnects_does_not_wait_for_the_relay() {
    let world = World::new().await;
    let (device, alice) = world.registered("alice").await;
    soon(alice.wait_until_caught_up()).await.unwrap();
    let mut events = alice.events();
    let folder = world.folder;
    world.relay.shutdown().await;
    // It has noticed, and is trying.
    soon(async { while !matches!(events.next().await, Some(Event::Connection(_))) {} }).await;
    let begun = Instant::now();
    alice.close().await.unwrap();
    assert!(begun.elapsed() < Duration::from_secs(20));
    device.open().await.close().await.unwrap();
    drop(folder);
}

#[tokio::test]
async fn all_who_close_at_once_return() {
    let world = World::new().await;
    let (_, alice) = world.registered("alice").await;
    let (one, two) = (alice.clone(), alice.clone());
    let (one, two, three) =
        soon(async { tokio::join!(one.close(), two.close(), alice.close()) }).await;
    assert!(one.is_ok() && two.is_ok() && three.is_ok());
}

#[tokio::test]
async fn dropping_the_last_clone_gives_the_store_back() {
    let world = World::new().await;
    let (device, alice) = world.registered("alice").await;
    let mut events = alice.events();
    drop(alice);
    soon(async { while events.next().await.is_some() {} }).await;
    soon(async {
        loop {
            match device.try_open().await {
                Ok(again) => return again.close().await.unwrap(),
                Err(error) => assert_eq!(error.code(), "store_in_use"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[tokio::test]
async fn an_open_that_nobody_awaits_any_more_leaves_nothing_open() {
    let world = World::new().await;
    let device = world.device("alice");
    let _ = tokio::time::timeout(Duration::from_millis(1), device.try_open()).await;
    soon(async {
        loop {
            match device.try_open().await {
                Ok(again) => return again.close().await.unwrap(),
                Err(error) => assert_eq!(error.code(), "store_in_use"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

#[test]
fn a_client_needs_no_executor_of_the_apps() {
    let relay_runtime = tokio::runtime::Runtime::new().unwrap();
    let world = relay_runtime.block_on(World::new());
    // An executor with neither timers nor network, as a plain thread's would be.
    let bare = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    bare.block_on(async {
        let alice = Client::builder(world.relay.url())
            .in_memory()
            .open()
            .await
            .unwrap();
        alice.register("alice").await.unwrap();
        alice.wait_until_caught_up().await.unwrap();
        let thread = alice.direct_thread("alice").await.unwrap();
        let note = alice.send_text(thread, "note to self").await.unwrap();
        alice.wait_until_sent(note.local_id).await.unwrap();
        alice.close().await.unwrap();
        // And one that nobody closes.
        drop(
            Client::builder(world.relay.url())
                .in_memory()
                .open()
                .await
                .unwrap(),
        );
    });
    relay_runtime
        .block_on(async { tokio::time::timeout(PATIENCE, world.relay.shutdown()).await })
        .unwrap();
}
