//! What held and what did not, and a table that a person can read.

use crate::cold::Cold;
use crate::script::Played;
use std::path::Path;
use std::time::Duration;

/// Everything that the demo claims.
#[derive(Default)]
pub(crate) struct Expectations {
    held: usize,
    failed: Vec<String>,
}

impl Expectations {
    pub(crate) fn that(&mut self, claim: &str, holds: bool) {
        if holds {
            self.held += 1;
        } else {
            println!("FAILED     {claim}");
            self.failed.push(claim.to_owned());
        }
    }

    /// How many failed.
    pub(crate) fn conclude(self) -> usize {
        println!(
            "\n{} expectations held, {} failed.",
            self.held,
            self.failed.len()
        );
        for claim in &self.failed {
            println!("  failed: {claim}");
        }
        self.failed.len()
    }
}

pub(crate) fn print_table(played: &Played, cold: &[Cold], relay_bytes: u64) {
    println!();
    println!("device     sent  received  duplicates dropped  unreadable  rows, cold  search hits");
    for (device, cold) in played.devices.iter().zip(cold) {
        let seen = device.seen();
        println!(
            "{:<9}  {:>4}  {:>8}  {:>18}  {:>10}  {:>10}  {:>4} of {}",
            device.name,
            device.sent,
            seen.received,
            seen.duplicates_dropped,
            seen.unreadable,
            cold.rows,
            cold.hits,
            cold.expected_hits
        );
    }
    println!();
    for (name, times) in [
        ("send → stored at the relay", &played.send_to_stored),
        ("send → decrypted elsewhere", &played.send_to_decrypted),
    ] {
        println!(
            "{name}   p50 {}   p95 {}   ({} measured)",
            percentile(times, 50),
            percentile(times, 95),
            times.len()
        );
    }
    println!("bytes at the relay           {relay_bytes}");
}

pub(crate) fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return 0;
    };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(facts) if facts.is_dir() => folder_bytes(&entry.path()),
            Ok(facts) => facts.len(),
            Err(_) => 0,
        })
        .sum()
}

fn percentile(times: &[Duration], percent: usize) -> String {
    let mut sorted = times.to_vec();
    sorted.sort();
    match sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))) {
        Some(time) => format!("{:.1} ms", time.as_secs_f64() * 1e3),
        None => "none".to_owned(),
    }
}
