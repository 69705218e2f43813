//! `cargo xtask bench`: builds what is measured and what measures it for release, then runs it.

use std::process::Command;

use clap::Subcommand;

use crate::demo::release_folder;
use crate::run::{Error, cargo, command, root, run};
use crate::setup::{self, Needs};

/// What `cargo xtask bench` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Clone, Copy, Subcommand)]
enum What {
    /// The relay under load: sends, fan-out, idle sockets, replay.
    Relay(Size),
    /// The client: catching up, sending to many devices, and both in a store of ten times the rows.
    Client(Size),
    /// Sessions and attachments on both backends of the primitives, beside vodozemac and AWS-LC.
    Crypto(Size),
    /// Whether times depend on secrets, on both backends of the primitives: a report, no gate.
    Timing(Size),
}

#[derive(Clone, Copy, clap::Args)]
struct Size {
    /// Only show that it runs: a fraction of the work, and the book stays as it is.
    #[arg(long)]
    quick: bool,
}

/// The figures go to the terminal, to target/bench/NAME.json and into docs/benchmarks.md.
pub(crate) fn main(args: &Args) -> Result<(), Error> {
    setup::install(Needs::BUILD)?;
    match args.what {
        What::Relay(size) => relay(size.quick),
        What::Client(size) => client(size.quick),
        What::Crypto(size) => crypto(size.quick),
        What::Timing(size) => timing(size.quick),
    }
}

/// Both are built in one go into one folder: the measurements start the relay's binary that lies beside their own.
fn relay(quick: bool) -> Result<(), Error> {
    let folder = built(&["sealwire-relay", "sealwire-bench-relay"])?;
    let name = if quick { "relay-quick" } else { "relay" };
    let figures = folder
        .with_file_name("bench")
        .join(name)
        .with_extension("json");
    let mut bench = Command::new(folder.join("sealwire-bench-relay"));
    bench.arg("--json").arg(figures);
    // On the disk that the project is on: the system's temporary folder may be no disk at all.
    bench.arg("--folder").arg(&folder);
    if quick {
        bench.arg("--quick");
    } else {
        bench.arg("--page").arg(root().join("docs/benchmarks.md"));
    }
    run(&mut bench)
}

fn client(quick: bool) -> Result<(), Error> {
    let folder = built(&["sealwire-bench"])?;
    let mut bench = Command::new(folder.join("sealwire-bench"));
    bench.arg("client").args(quick.then_some("--quick"));
    run(&mut bench)
}

/// Once for each backend: which one a build has is fixed when it is built. The second adds its figures to the first's.
fn crypto(quick: bool) -> Result<(), Error> {
    const PACKAGE: &str = "sealwire-bench-crypto";
    for (features, append) in [(None, None), (Some("--features=native"), Some("--append"))] {
        let mut build = cargo(["build", "--locked", "--release", "-p", PACKAGE]);
        run(build.args(features))?;
        let folder = release_folder()?;
        let name = if quick { "crypto-quick" } else { "crypto" };
        let figures = folder
            .with_file_name("bench")
            .join(name)
            .with_extension("json");
        let mut bench = Command::new(folder.join(PACKAGE));
        bench.arg("--json").arg(figures).args(append);
        if quick {
            bench.arg("--quick");
        } else {
            bench.arg("--page").arg(root().join("docs/benchmarks.md"));
        }
        run(&mut bench)?;
    }
    setup::install(Needs::INTEROP)?;
    let mut official = command("node");
    official.arg(root().join("tests/interop/speed.mjs"));
    if !quick {
        official.arg(root().join("docs/benchmarks.md"));
    }
    run(&mut official)
}

/// Both backends, as [`crypto`].
fn timing(quick: bool) -> Result<(), Error> {
    const PACKAGE: &str = "sealwire-bench-crypto";
    for features in [None, Some("--features=native")] {
        let mut build = cargo(["build", "--locked", "--release", "-p", PACKAGE]);
        run(build.args(features))?;
        let mut bench = Command::new(release_folder()?.join(PACKAGE));
        bench.arg("--leaks");
        if quick {
            bench.arg("--quick");
        } else {
            bench.arg("--page").arg(root().join("docs/benchmarks.md"));
        }
        run(&mut bench)?;
    }
    Ok(())
}

fn built(packages: &[&str]) -> Result<std::path::PathBuf, Error> {
    let mut build = cargo(["build", "--locked", "--release"]);
    for package in packages {
        build.args(["-p", package]);
    }
    run(&mut build)?;
    release_folder()
}
