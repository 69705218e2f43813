//! `cargo xtask kill`: clients and relays killed more often than a test has time for.

use crate::demo::release_folder;
use crate::run::{Error, cargo, run};

/// What `cargo xtask kill` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Clients in the middle of a conversation, at random times.
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// The relay under load.
    #[arg(long, default_value_t = 50)]
    relay_kills: u32,
    /// What chance comes from, as a run before has printed it.
    #[arg(long)]
    seed: Option<u64>,
    /// Only the tests whose names hold this.
    #[arg(long, value_name = "NAME")]
    only: Option<String>,
}

pub(crate) fn main(args: &Args) -> Result<(), Error> {
    // A debug build takes less than the 2,000 messages a second that the senders would like to send.
    run(&mut cargo([
        "build",
        "--locked",
        "--release",
        "-p",
        "sealwire-relay",
    ]))?;
    let mut kill = cargo(["test", "--locked", "-p", "sealwire-kill", "--test", "kill"]);
    kill.arg("--").args(&args.only).arg("--nocapture");
    kill.env("SEALWIRE_RELAY", release_folder()?.join("sealwire-relay"));
    kill.env("SEALWIRE_KILLS", args.kills.to_string());
    kill.env("SEALWIRE_RELAY_KILLS", args.relay_kills.to_string());
    if let Some(seed) = args.seed {
        kill.env("SEALWIRE_KILL_SEED", seed.to_string());
    }
    run(&mut kill)
}
