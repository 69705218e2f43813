//! A share of the soak that a test has time for: everything but whether anything grows.

use sealwire_soak::{Plan, soak};
use std::time::Duration;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ten_clients_send_through_a_relay_that_is_killed_stands_everywhere_once() {
    soak(Plan {
        clients: 10,
        time: Duration::from_secs(20),
        pace: Duration::from_secs(1),
        sample: Duration::from_secs(5),
        restarts: 1,
        seed: 1,
        relay: env!("CARGO_BIN_EXE_relay-to-soak").into(),
    })
    .await;
}
