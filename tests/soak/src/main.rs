//! `sealwire-soak`: clients and a relay for so many minutes, and their figures.
#![forbid(unsafe_code)]

use clap::Parser;
use sealwire_soak::{Plan, soak};
use std::path::PathBuf;
use std::time::Duration;

#[derive(Parser)]
struct Arguments {
    /// Clients, of which every tenth is the second device of somebody
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// How long they are busy
    #[arg(long, default_value_t = 60)]
    minutes: u64,
    /// Seconds between two things that a client does, on average
    #[arg(long, default_value_t = 10)]
    pace: u64,
    /// How often the relay is ended in between: killed the last time, else told to end
    #[arg(long, default_value_t = 2)]
    restarts: u32,
    /// What chance comes from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The relay's program
    #[arg(long)]
    relay: PathBuf,
}

#[tokio::main(worker_threads = 2)]
async fn main() {
    let Arguments {
        clients,
        minutes,
        pace,
        restarts,
        seed,
        relay,
    } = Arguments::parse();
    soak(Plan {
        clients,
        time: Duration::from_secs(60 * minutes),
        pace: Duration::from_secs(pace),
        sample: Duration::from_secs(60),
        restarts,
        seed,
        relay,
    })
    .await;
}
