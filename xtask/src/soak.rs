//! `cargo xtask soak`: the simulation over as many seeds as there is time for, on every core; or real clients and a relay on
//! loopback, for as long as it is told.

use crate::demo::release_folder;
use crate::run::{Error, built, cargo, command, output, run};
use std::path::Path;

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
    /// Instead of the simulation: so many real clients with stores on disk, and a relay as a process of its own.
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["seeds", "steps", "from", "planted"])]
    clients: Option<usize>,
    /// How long they are busy; flatness is judged from 30 on.
    #[arg(long, default_value_t = 60, requires = "clients")]
    minutes: u64,
    /// Seconds between two things that a client does, on average.
    #[arg(long, default_value_t = 10, requires = "clients")]
    pace: u64,
}

pub(crate) fn main(args: &Args) -> Result<(), Error> {
    if let Some(clients) = args.clients {
        return loopback(clients, args);
    }
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

fn loopback(clients: usize, args: &Args) -> Result<(), Error> {
    let mut build = cargo(["build", "--locked", "--release"]);
    run(build.args(["-p", "sealwire-relay", "-p", "sealwire-soak"]))?;
    let folder = release_folder()?;
    let mut soak = command(&folder.join("sealwire-soak").to_string_lossy());
    // The six hundred threads of two hundred clients, which no app has, else fill eight arenas a core of glibc's (mallopt(3)).
    soak.env("MALLOC_ARENA_MAX", "1");
    soak.args(["--clients", &clients.to_string()]);
    soak.args(["--minutes", &args.minutes.to_string()]);
    soak.args(["--pace", &args.pace.to_string(), "--relay"]);
    run(soak.arg(folder.join("sealwire-relay")))
}

/// The same seeds are the same runs, byte for byte, in a debug and in a release build.
pub(crate) fn same_in_both_builds() -> Result<(), Error> {
    const NAME: &str = "sealwire-simulation";
    // With the workspace's features, as its tests have been built.
    let build = ["build", "--locked", "--workspace", "--bin", NAME];
    run(&mut cargo(build))?;
    run(cargo(build).arg("--release"))?;
    let hashes = [built(NAME)?, release_folder()?.join(NAME)].map(|program| hash_of_runs(&program));
    match hashes {
        [Some(debug), Some(release)] if debug == release => Ok(()),
        hashes => Err(Error::Told(format!(
            "the simulation's runs differ between a debug and a release build: {hashes:?}"
        ))),
    }
}

/// The last word of what the program says of its runs; none if one of them failed.
fn hash_of_runs(program: &Path) -> Option<String> {
    let said = output(&program.to_string_lossy(), &["--seeds", "8"])?;
    said.split_whitespace().last().map(str::to_owned)
}
