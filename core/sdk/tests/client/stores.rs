//! Stores that do not open: each for its own reason, and none is made or changed by trying.

use super::world::{World, received, soon};
use sealwire::key_store::{KeyStoreError, Secret};
use sealwire::{BoxFuture, Client, KeyStore, MemoryKeyStore, MessageState, NetworkRole};
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

#[tokio::test]
async fn a_store_without_its_key_is_key_missing_and_stays() {
    let world = World::new().await;
    let (device, alice) = world.registered("alice").await;
    alice.close().await.unwrap();
    let (store, keys) = (
        fs::read(&device.store).unwrap(),
        fs::read(&device.keys).unwrap(),
    );
    fs::remove_file(&device.keys).unwrap();
    assert_eq!(device.try_open().await.unwrap_err().code(), "key_missing");
    assert_eq!(fs::read(&device.store).unwrap(), store);
    assert!(!device.keys.exists());
    fs::write(&device.keys, keys).unwrap();
    let alice = device.open().await;
    assert!(alice.account().is_some());
    alice.close().await.unwrap();
}

#[tokio::test]
async fn a_key_without_its_store_never_becomes_a_new_device() {
    let world = World::new().await;
    let (device, alice) = world.registered("alice").await;
    alice.close().await.unwrap();
    fs::remove_file(&device.store).unwrap();
    assert_eq!(device.try_open().await.unwrap_err().code(), "store_missing");
    assert!(!device.store.exists());
}

#[tokio::test]
async fn another_key_opens_nothing() {
    let world = World::new().await;
    let (device, alice) = world.registered("alice").await;
    alice.close().await.unwrap();
    let (other, bob) = world.registered("bob").await;
    bob.close().await.unwrap();
    let keys = fs::read(&device.keys).unwrap();
    fs::copy(&other.keys, &device.keys).unwrap();
    assert_eq!(
        device.try_open().await.unwrap_err().code(),
        "store_wrong_key"
    );
    fs::write(&device.keys, keys).unwrap();
    device.open().await.close().await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_no_store_is_left_alone() {
    let world = World::new().await;
    let (device, alice) = world.registered("alice").await;
    alice.close().await.unwrap();
    let text = "Dear diary, ".repeat(1000);
    fs::write(&device.store, &text).unwrap();
    assert_eq!(device.try_open().await.unwrap_err().code(), "store_foreign");
    assert_eq!(fs::read_to_string(&device.store).unwrap(), text);
}

#[tokio::test]
async fn an_old_copy_of_the_store_is_refused() {
    let world = World::new().await;
    let (device, alice) = world.registered("alice").await;
    alice.close().await.unwrap();
    let old = fs::read(&device.store).unwrap();
    let alice = device.open().await;
    soon(alice.wait_until_caught_up()).await.unwrap();
    alice.close().await.unwrap();
    fs::write(&device.store, old).unwrap();
    let error = device.try_open().await.unwrap_err();
    assert_eq!(
        (error.code(), error.retryable()),
        ("store_rolled_back", false)
    );
}

#[tokio::test]
async fn one_process_opens_a_store_once() {
    let world = World::new().await;
    let (device, alice) = world.registered("alice").await;
    assert_eq!(device.try_open().await.unwrap_err().code(), "store_in_use");
    assert!(alice.direct_thread("bob").await.is_ok());
    alice.close().await.unwrap();
    device.open().await.close().await.unwrap();
}

#[tokio::test]
async fn two_first_opens_at_once_make_one_store() {
    let world = World::new().await;
    let device = world.device("alice");
    let (one, other) = tokio::join!(device.try_open(), device.try_open());
    let opened: Vec<Client> = [one, other].into_iter().filter_map(Result::ok).collect();
    assert_eq!(opened.len(), 1);
    opened[0].register("alice").await.unwrap();
    opened[0].close().await.unwrap();
    assert!(device.open().await.account().is_some());
}

#[tokio::test]
async fn while_another_process_speaks_for_the_device_this_one_waits() {
    let world = World::new().await;
    let ((device, alice), (_, bob), thread) = world.pair().await;
    alice.close().await.unwrap();
    // What another process holds: the lock beside the store.
    let other = fs::File::options()
        .write(true)
        .open(device.store.with_file_name("alice.db-network"))
        .unwrap();
    other.lock().unwrap();

    let alice = device.open().await;
    assert_eq!(alice.network_role(), NetworkRole::Waiting);
    alice.go_online().await.unwrap();
    let taken = alice.sync_thread(thread).await.unwrap_err();
    assert_eq!(
        (taken.code(), taken.retryable()),
        ("network_role_taken", true)
    );
    let waiting = alice.send_text(thread, "later").await.unwrap();
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(
        alice
            .message(waiting.local_id)
            .await
            .unwrap()
            .unwrap()
            .state,
        MessageState::Pending
    );

    let mut events = bob.events();
    drop(other);
    assert_eq!(received(&mut events).await.text(), Some("later"));
    assert_eq!(alice.network_role(), NetworkRole::Held);
    alice.close().await.unwrap();
}

/// Keeps everything but the anchor, until it is told to.
struct Reluctant {
    keys: MemoryKeyStore,
    willing: AtomicBool,
}

impl KeyStore for Reluctant {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Secret>, KeyStoreError>> {
        self.keys.get(name)
    }

    fn put<'a>(
        &'a self,
        name: &'a str,
        secret: Secret,
    ) -> BoxFuture<'a, Result<(), KeyStoreError>> {
        if name == "store-anchor" && !self.willing.load(Ordering::SeqCst) {
            return Box::pin(async { Err(KeyStoreError::new("the keychain is locked")) });
        }
        self.keys.put(name, secret)
    }
}

#[tokio::test]
async fn nothing_is_sent_before_the_key_store_keeps_the_anchor() {
    let world = World::new().await;
    let (_, bob) = world.registered("bob").await;
    let device = world.device("alice");
    let keys = Arc::new(Reluctant {
        keys: MemoryKeyStore::new(),
        willing: AtomicBool::new(true),
    });
    let open = || {
        Client::builder(&device.url)
            .store(&device.store)
            .key_store(keys.clone())
            .open()
    };
    let alice = open().await.unwrap();
    alice.register("alice").await.unwrap();
    let thread = alice.direct_thread("bob").await.unwrap();
    alice.close().await.unwrap();

    keys.willing.store(false, Ordering::SeqCst);
    let alice = open().await.unwrap();
    let message = alice.send_text(thread, "held back").await.unwrap();
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(
        alice
            .message(message.local_id)
            .await
            .unwrap()
            .unwrap()
            .state,
        MessageState::Pending
    );
    let mut events = bob.events();
    keys.willing.store(true, Ordering::SeqCst);
    assert_eq!(received(&mut events).await.text(), Some("held back"));
    alice.close().await.unwrap();
}

#[tokio::test]
async fn a_builder_says_what_is_missing() {
    let no_store = Client::builder("https://relay.example")
        .open()
        .await
        .unwrap_err();
    let no_keys = Client::builder("https://relay.example")
        .store("/tmp/x.db")
        .open()
        .await
        .unwrap_err();
    let no_relay = Client::builder("relay")
        .in_memory()
        .open()
        .await
        .unwrap_err();
    for error in [no_store, no_keys, no_relay] {
        assert_eq!(error.code(), "configuration", "{error}");
    }
}
