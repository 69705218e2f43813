//! `cargo xtask test`: everything that a change must pass, in suites.

mod interop;
mod rust;

use clap::ValueEnum;

use crate::run::Error;
use crate::setup::{self, Needs};
use crate::steps::{Done, Steps};

/// What `cargo xtask test` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The suites to run [default: all].
    #[arg(value_enum, value_name = "SUITE")]
    suites: Vec<Suite>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// Format, lints, documentation, licences, every Rust test, wasm32, README.
    Rust,
    /// Sessions with the official builds, run by Node.
    Interop,
}

pub(crate) fn main(args: &Args) -> Result<(), Error> {
    let named = |suite| args.suites.is_empty() || args.suites.contains(&suite);
    let mut steps = Steps::default();
    let done = all(&mut steps, named(Suite::Rust), named(Suite::Interop));
    println!("\n{}", steps.table());
    done
}

fn all(steps: &mut Steps, rust: bool, interop: bool) -> Result<(), Error> {
    let needs = Needs {
        build: true,
        wasm: rust,
        deny: rust,
        interop,
    };
    steps.step("setup", || setup::install(needs).map(|()| Done::Passed))?;
    if rust {
        rust::steps(steps)?;
    }
    if interop {
        interop::steps(steps)?;
    }
    Ok(())
}
