//! `cargo xtask test`: everything that a change must pass, in suites.

mod aar;
mod interop;
mod kotlin;
mod openapi;
mod python;
mod rust;
mod swift;
mod together;
mod web;

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

    /// Also what takes long: the suite `openapi`, and every conversation of `interop`.
    #[arg(long)]
    full: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Suite {
    /// Format, lints, documentation, licences, every Rust test, wasm32, README.
    Rust,
    /// Sessions with the official builds, run by Node, and with the Python libraries.
    Interop,
    /// The Kotlin package on the JVM, built by Maven.
    Kotlin,
    /// The Python wheel, built by maturin.
    Python,
    /// The Swift package: its generated sources, and the scenario where a Swift compiler is.
    Swift,
    /// The npm package and the web chat, in headless Chromium.
    Web,
    /// One conversation of devices in Rust, on the JVM, in Python and in a browser.
    Together,
    /// The relay's OpenAPI document under a validator and schemathesis, run by Python.
    Openapi,
}

pub(crate) fn main(args: &Args) -> Result<(), Error> {
    let named = |suite| args.suites.contains(&suite);
    let usual = |suite| args.suites.is_empty() || named(suite);
    let chosen = Chosen {
        rust: usual(Suite::Rust),
        interop: usual(Suite::Interop),
        kotlin: usual(Suite::Kotlin),
        python: usual(Suite::Python),
        swift: usual(Suite::Swift),
        web: usual(Suite::Web),
        together: usual(Suite::Together),
        openapi: args.full || named(Suite::Openapi),
        full: args.full,
    };
    let mut steps = Steps::default();
    let done = all(&mut steps, chosen);
    println!("\n{}", steps.table());
    done
}

#[derive(Clone, Copy)]
struct Chosen {
    rust: bool,
    interop: bool,
    kotlin: bool,
    python: bool,
    swift: bool,
    web: bool,
    together: bool,
    openapi: bool,
    full: bool,
}

fn all(steps: &mut Steps, chosen: Chosen) -> Result<(), Error> {
    let Chosen {
        rust,
        interop,
        kotlin,
        python,
        swift,
        web,
        together,
        openapi,
        full,
    } = chosen;
    let needs = Needs {
        build: true,
        wasm: rust || web || together,
        web: web || together,
        chromium: web || together,
        deny: rust,
        interop,
        jvm: kotlin || together,
        python: python || together,
        openapi,
    };
    steps.step("setup", || setup::install(needs).map(|()| Done::Passed))?;
    if rust {
        rust::steps(steps, full)?;
    }
    if interop {
        interop::steps(steps, full)?;
    }
    if kotlin {
        kotlin::steps(steps)?;
    }
    if python {
        python::steps(steps)?;
    }
    if swift {
        swift::steps(steps)?;
    }
    if web {
        web::steps(steps)?;
    }
    if together {
        let built = together::Built {
            kotlin,
            python,
            web,
        };
        together::steps(steps, built)?;
    }
    if openapi {
        openapi::steps(steps)?;
    }
    Ok(())
}
