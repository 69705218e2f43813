//! Measures what the project promises and writes it down. Started by `cargo xtask bench`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command's output"
)]

mod client;
mod machine;
mod report;
mod trouble;

use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use trouble::{Done, io};

/// Measure, print a table, write it into docs/benchmarks.md and target/bench.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask bench")]
struct Bench {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The client: catching up, sending to many devices, and both in a store of ten times the rows.
    Client {
        /// Only show that it runs: a fraction of the work, and the book stays as it is.
        #[arg(long)]
        quick: bool,
    },
}

fn main() -> ExitCode {
    let measured = match Bench::parse().what {
        What::Client { quick } => client::measure(quick),
    };
    match measured {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("\nerror: {trouble}");
            ExitCode::FAILURE
        }
    }
}

/// A file of `target/bench`, whatever target folder cargo was told: beside the folder of our own binary.
fn bench_file(name: &str) -> Done<PathBuf> {
    let ours = std::env::current_exe().map_err(io("the folder of the build"))?;
    let target = ours.ancestors().nth(2).unwrap_or(Path::new("target"));
    Ok(target.join("bench").join(name))
}

fn book() -> PathBuf {
    let ours = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = ours.ancestors().nth(2).unwrap_or(ours);
    root.join("docs/benchmarks.md")
}
