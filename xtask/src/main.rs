//! The project's own commands: `cargo xtask setup | demo | test | soak | kill | bench | fuzz | mutants | api | size | swift | web | readme`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command's output"
)]

mod api;
mod bench;
mod demo;
mod fuzz;
mod kill;
mod mutants;
mod npm;
mod readme;
mod run;
mod setup;
mod size;
mod soak;
mod steps;
mod swift;
mod test;
mod web;
mod web_chat;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Sealwire's own commands.
#[derive(Parser)]
#[command(name = "cargo xtask", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Install what building and testing need; skips what is there, says what needs root.
    Setup(setup::Args),
    /// Show encrypted messages travel between five devices of two people, through a relay that can read none of them.
    Demo(demo::Args),
    /// Run every check, or the named suites.
    Test(test::Args),
    /// Run the simulation over many seeds, and tell how those that fail do; or, with --clients, real clients and a relay for an hour.
    Soak(soak::Args),
    /// Kill clients and relays in the middle of what they do, and see that nothing is lost.
    Kill(kill::Args),
    /// Measure what the project promises, and write it into docs/benchmarks.md.
    Bench(bench::Args),
    /// Throw made-up input at every parser and at a session, for as long as it is told to.
    Fuzz(fuzz::Args),
    /// Change core/crypto in every way that cargo-mutants knows: the tests have to notice. Hours on one core.
    Mutants(mutants::Args),
    /// Check that docs/api.md shows every operation as each language declares it, or write it so.
    Api(api::Args),
    /// Print the size of the library that apps carry and what takes the space; fails above the limit.
    Size,
    /// Build what a browser runs: the wasm module and the JavaScript beside it.
    Web(web::Args),
    /// Write the generated part of the Swift package, or check that it is current.
    Swift(swift::Args),
    /// Check that README.md shows examples/quickstart.rs as it is, or write it so.
    Readme(readme::Args),
}

fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Setup(args) => setup::main(&args),
        Command::Demo(args) => demo::main(&args),
        Command::Test(args) => test::main(&args),
        Command::Soak(args) => soak::main(&args),
        Command::Kill(args) => kill::main(&args),
        Command::Bench(args) => bench::main(&args),
        Command::Fuzz(args) => fuzz::main(&args),
        Command::Mutants(args) => mutants::main(&args),
        Command::Api(args) => api::main(&args),
        Command::Size => size::check(),
        Command::Web(args) => web::main(&args),
        Command::Swift(args) => swift::main(&args),
        Command::Readme(args) => readme::main(&args),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nerror: {error}");
            ExitCode::FAILURE
        }
    }
}
