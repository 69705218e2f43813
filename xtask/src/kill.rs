//! `cargo xtask kill`: clients and relays killed more often than a test has time for.

use crate::run::{Error, cargo, run};

/// What `cargo xtask kill` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Clients in the middle of a conversation, at random times.
    #[arg(long, default_value_t = 200)]
    kills: u32,
    /// Relays under load.
    #[arg(long, default_value_t = 50)]
    relay_kills: u32,
}

pub(crate) fn main(args: &Args) -> Result<(), Error> {
    let mut kill = cargo(["test", "--locked", "-p", "sealwire-kill", "--test", "kill"]);
    kill.args(["--", "--nocapture"]);
    kill.env("SEALWIRE_KILLS", args.kills.to_string());
    kill.env("SEALWIRE_RELAY_KILLS", args.relay_kills.to_string());
    run(&mut kill)
}
