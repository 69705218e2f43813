//! Two people, five devices, one relay that can read nothing. Started by `cargo xtask demo`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command's output"
)]

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Send a conversation and a picture between five devices of two people, with faults in between, and prove what arrived.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask demo")]
struct Demo {
    /// The text whose lines are sent, UTF-8 [default: the shipped conversation].
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// The picture that is sent as an attachment [default: the shipped photograph].
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Keep the relay's folder and the devices' stores here to look at.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    let demo = Demo::parse();
    let _ = (demo.text, demo.image, demo.keep);
    eprintln!("not built yet");
    ExitCode::FAILURE
}
