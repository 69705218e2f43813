//! The story-tellers of the end-to-end tests: people with devices, a relay, and an [`Adversary`] on every line.
//!
//! Everything is real but the adversary: the relay over loopback, the stores in files, the ciphers. A test reads like
//! what happens, and ends by closing each device and looking into its store cold.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a step that fails here is the test failing"
)]

mod adversary;
mod before;
mod by_hand;
mod device;
mod events;
mod forge;
mod relay;

pub use adversary::{Adversary, Fate, SeenRequest, answer, edit, fields_of, problem};
pub use before::{device_of_before, register_people_of_before};
pub use by_hand::ByHand;
pub use device::{Cold, Device, Home, same_everywhere, texts};
pub use events::{EventLog, delivered, failed, read};
pub use forge::{Keys, bundle, lists_of, stranger, strangers_bundle};
pub use relay::{RelayProcess, start_relay};

use sealwire_relay::Relay;
use std::future::Future;
use std::time::Duration;

/// Far longer than anything takes on a slow machine: whoever waits for longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(40);

/// What the future gives, or the end of the test.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(PATIENCE, future).await {
        Ok(done) => done,
        Err(_) => panic!("waited in vain: {what}"),
    }
}

/// Ends the test unless one of three tries takes no longer than this: a machine that stops for a while does not do so each
/// time, and a wait that should not be there does.
pub async fn is_quick_once(limit: Duration, mut attempt: impl AsyncFnMut() -> Duration) {
    let mut took = Vec::new();
    for _ in 0..3 {
        took.push(attempt().await);
        if took.last().is_some_and(|took| *took < limit) {
            return;
        }
    }
    panic!("never within {limit:?}: {took:?}");
}

/// Two people with one device each and their thread.
pub async fn pair(relay: &str) -> (Device, Device, sealwire::ThreadId) {
    let (alice, bob) = tokio::join!(
        Device::register(relay, "alice"),
        Device::register(relay, "bob")
    );
    let thread = alice.client.direct_thread("bob").await.unwrap();
    bob.client.direct_thread("alice").await.unwrap();
    (alice, bob, thread)
}

/// The same on a relay of their own.
pub async fn start_pair() -> (Relay, Device, Device, sealwire::ThreadId) {
    let relay = start_relay().await;
    let (alice, bob, thread) = pair(relay.url()).await;
    (relay, alice, bob, thread)
}

/// The same, who have written these to each other in turn, alice first.
pub async fn acquainted(words: &[&str]) -> (Relay, Device, Device, sealwire::ThreadId) {
    let (relay, alice, bob, thread) = start_pair().await;
    for (turn, text) in words.iter().enumerate() {
        let (from, to) = match turn % 2 {
            0 => (&alice, &bob),
            _ => (&bob, &alice),
        };
        from.say(thread, text).await;
        to.hears(text).await;
    }
    (relay, alice, bob, thread)
}

/// The user of this name.
pub fn user(name: &str) -> sealwire::UserId {
    name.parse().unwrap()
}
