//! What an app can test itself with: a network that fails by a seed.
#![allow(
    clippy::unwrap_used,
    reason = "a step that fails here is the test failing"
)]

use sealwire::testing::{Storm, Weather};
use sealwire_tests::{PATIENCE, pair, same_everywhere, start_relay};
use std::sync::Arc;
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn over_a_network_that_fails_every_message_arrives_once_and_in_order() {
    const MESSAGES: usize = 30;
    let relay = start_relay().await;
    let (alice, bob, thread) = pair(relay.url()).await;
    let storms = [1, 2].map(|seed| Arc::new(Storm::over_native(seed).unwrap()));
    let [over_alice, over_bob] = storms.clone();
    let home = alice.close().await;
    let alice = home
        .open_with(|builder| builder.transport(over_alice))
        .await;
    let home = bob.close().await;
    let bob = home.open_with(|builder| builder.transport(over_bob)).await;
    let struck = || storms.iter().all(|storm| storm.strikes() > 0);
    let (began, mut texts) = (Instant::now(), Vec::new());
    while texts.len() < MESSAGES || !struck() {
        assert!(began.elapsed() < PATIENCE, "nothing goes wrong");
        let text = format!("text {}", texts.len());
        alice.write(thread, &text).await;
        texts.push(text);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for storm in &storms {
        storm.becomes(Weather::CALM);
    }
    bob.hears(&texts[texts.len() - 1]).await;
    let expected: Vec<&str> = texts.iter().map(String::as_str).collect();
    same_everywhere(thread, vec![alice, bob], &expected).await;
}
