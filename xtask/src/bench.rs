//! `cargo xtask bench`: builds the relay and the measurements for release, then runs them.

use std::process::Command;

use crate::demo::release_folder;
use crate::run::{Error, cargo, run};
use crate::setup::{self, Needs};

/// What `cargo xtask bench` takes: handed on to the measurements.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What is measured, and how.
    #[arg(
        value_name = "relay | client",
        required = true,
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    what: Vec<String>,
}

/// Both are built in one go into one folder: the measurements start the relay's binary that lies beside their own.
pub(crate) fn main(args: &Args) -> Result<(), Error> {
    setup::install(Needs::BUILD)?;
    run(&mut cargo([
        "build",
        "--locked",
        "--release",
        "-p",
        "sealwire-relay",
        "-p",
        "sealwire-bench",
    ]))?;
    run(Command::new(release_folder()?.join("sealwire-bench")).args(&args.what))
}
