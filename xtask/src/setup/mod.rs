//! `cargo xtask setup`: what building and testing need, installed once.
//!
//! Every step looks first and does nothing when the thing is there, so that running it again costs seconds.

mod chromium;
mod deny;
mod jvm;
pub(crate) mod node;
mod packages;
pub(crate) mod python;
pub(crate) mod wasm;

use std::process::Command;

use crate::run::{Error, output, run, shown};

/// What `cargo xtask setup` takes: nothing.
#[derive(clap::Args)]
pub(crate) struct Args {}

/// What is wanted; each part is looked for by itself.
#[derive(Clone, Copy, Default)]
pub(crate) struct Needs {
    /// A C compiler and libcrypto, for SQLCipher.
    pub(crate) build: bool,
    /// The target wasm32-unknown-unknown, and clang for SQLite's C.
    pub(crate) wasm: bool,
    /// Node, binaryen, which makes the module small, and what builds the npm package and the web chat.
    pub(crate) web: bool,
    /// The browser of the web tests.
    pub(crate) chromium: bool,
    /// cargo-deny.
    pub(crate) deny: bool,
    /// Node, Python, and the peers of the interop tests.
    pub(crate) interop: bool,
    /// A JDK and Maven.
    pub(crate) jvm: bool,
    /// Python, and what builds and checks its package.
    pub(crate) python: bool,
    /// Python, and what checks the OpenAPI document.
    pub(crate) openapi: bool,
}

impl Needs {
    /// What `cargo build` needs.
    pub(crate) const BUILD: Self = Self {
        build: true,
        wasm: false,
        web: false,
        chromium: false,
        deny: false,
        interop: false,
        jvm: false,
        python: false,
        openapi: false,
    };
    /// What `cargo xtask web` needs.
    pub(crate) const WEB: Self = Self {
        build: true,
        wasm: true,
        web: true,
        chromium: false,
        deny: false,
        interop: false,
        jvm: false,
        python: false,
        openapi: false,
    };
    /// What the peers of the interop tests need.
    pub(crate) const INTEROP: Self = Self {
        interop: true,
        ..Self::BUILD
    };
    const ALL: Self = Self {
        build: true,
        wasm: true,
        web: true,
        chromium: true,
        deny: true,
        interop: true,
        jvm: true,
        python: true,
        openapi: true,
    };
}

/// A command that only root may run.
struct AsRoot {
    why: &'static str,
    commands: Vec<Command>,
}

pub(crate) fn main(_: &Args) -> Result<(), Error> {
    install(Needs::ALL)?;
    println!("setup: all there");
    Ok(())
}

/// Looks for everything in `needs` and installs what is missing.
///
/// Without root, the commands that need it are named all at once and nothing of them is done.
pub(crate) fn install(needs: Needs) -> Result<(), Error> {
    let mut as_root = Vec::new();
    if needs.build {
        as_root.extend(packages::missing());
    }
    if needs.wasm {
        as_root.extend(wasm::missing()?);
    }
    if needs.jvm {
        as_root.extend(jvm::missing());
    }
    if needs.chromium {
        as_root.extend(chromium::missing());
    }
    if needs.python || needs.openapi || needs.interop {
        as_root.extend(python::missing());
    }
    run_as_root(as_root)?;
    if needs.wasm {
        wasm::link()?;
    }
    if needs.deny {
        deny::install()?;
    }
    if needs.interop {
        node::install("tests/interop", "the interop tests")?;
        python::INTEROP.install()?;
    }
    if needs.web {
        node::install("wasm", "the web build")?;
        node::install("bindings/web", "the npm package")?;
        node::install("examples/web-chat", "the web chat")?;
    }
    if needs.python {
        python::PACKAGE.install()?;
    }
    if needs.openapi {
        python::OPENAPI.install()?;
    }
    Ok(())
}

fn run_as_root(work: Vec<AsRoot>) -> Result<(), Error> {
    if work.is_empty() {
        return Ok(());
    }
    let user = output("id", &["-u"]).unwrap_or_default();
    if user.trim() != "0" {
        let lines: Vec<_> = work
            .iter()
            .flat_map(|work| &work.commands)
            .map(|command| format!("  sudo {}", shown(command)))
            .collect();
        return Err(Error::Told(format!(
            "these need root; run them, then this again:\n{}",
            lines.join("\n")
        )));
    }
    for AsRoot { why, commands } in work {
        for mut command in commands {
            say("install", &format!("{} ({why})", shown(&command)));
            run(command.env("DEBIAN_FRONTEND", "noninteractive"))?;
        }
    }
    Ok(())
}

/// One line for one step.
fn say(what: &str, about: &str) {
    println!("setup: {what:7} {about}");
}
