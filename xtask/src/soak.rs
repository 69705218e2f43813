//! `cargo xtask soak`: the simulation over as many seeds as there is time for, on every core.

use crate::run::{Error, cargo, run};

/// What `cargo xtask soak` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many seeds.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// Steps of each, before it becomes calm.
    #[arg(long, default_value_t = 1_000)]
    steps: u64,
    /// The first seed.
    #[arg(long, default_value_t = 1)]
    from: u64,
    /// A bug that every client has, to see after how many seeds it is found; docs/testing.md names them.
    #[arg(long, value_name = "NAME")]
    planted: Option<String>,
}

pub(crate) fn main(args: &Args) -> Result<(), Error> {
    let (seeds, steps) = (args.seeds.to_string(), args.steps.to_string());
    let from = args.from.to_string();
    let mut soak = cargo(["run", "--quiet", "--locked", "--release"]);
    soak.args(["-p", "sealwire-simulation", "--"]);
    soak.args(["--seeds", &seeds, "--steps", &steps, "--from", &from]);
    if let Some(planted) = &args.planted {
        soak.args(["--planted", planted]);
    }
    run(&mut soak)
}
