//! The suite `rust`. The whole workspace and one profile, so that no dependency is built twice; crypto once more, with the other
//! backend of its primitives.

use std::time::Duration;

use crate::api;
use crate::readme;
use crate::run::{Error, cargo, command, run, run_within};
use crate::setup::wasm;
use crate::soak;
use crate::steps::{Done, Steps};

/// The crates that a web app is made of.
const CORE: [&str; 6] = [
    "sealwire-crypto",
    "sealwire-wire",
    "sealwire-store",
    "sealwire-engine",
    "sealwire",
    "sealwire-wasm",
];

/// The database of advisories is small: slower than this is a network that is not there.
const FETCH_LIMIT: Duration = Duration::from_secs(90);

pub(super) fn steps(steps: &mut Steps, full: bool) -> Result<(), Error> {
    steps.step("format", || passes(["fmt", "--all", "--check"]))?;
    steps.step("README's code", readme_code)?;
    steps.step("one API in every language", || {
        api::check().map(|()| Done::Passed)
    })?;
    steps.step("licences, bans, sources", || {
        passes([
            "deny",
            "--log-level",
            "error",
            "check",
            "bans",
            "licenses",
            "sources",
        ])
    })?;
    steps.step("advisories", advisories)?;
    steps.step("clippy", || {
        let lint = ["clippy", "--locked", "--workspace", "--all-targets"];
        run(cargo(lint).args(["--", "-D", "warnings"])).map(|()| Done::Passed)
    })?;
    steps.step("rustdoc", || {
        let mut doc = cargo(["doc", "--locked", "--workspace", "--no-deps"]);
        run(doc.env("RUSTDOCFLAGS", "-D warnings")).map(|()| Done::Passed)
    })?;
    steps.step("tests", || passes(["test", "--locked", "--workspace"]))?;
    if full {
        steps.step("the simulation in both builds", || {
            soak::same_in_both_builds().map(|()| Done::Passed)
        })?;
    }
    // The workspace's own build has the native one: the SDK asks for it.
    steps.step("tests of crypto, portable backend", || {
        passes([
            "test",
            "--locked",
            "-p",
            "sealwire-crypto",
            "-p",
            "sealwire-interop",
        ])
    })?;
    steps.step("quickstart runs", quickstart)?;
    steps.step("wasm32 compiles", wasm32)?;
    steps.step("clippy for wasm32", clippy_wasm32)
}

fn readme_code() -> Result<Done, Error> {
    readme::check().map(|()| Done::Passed)
}

/// The example that newcomers copy, as the tests just built it: in the folder beside our own binary.
fn quickstart() -> Result<Done, Error> {
    let ours = std::env::current_exe().map_err(|cause| Error::NotStarted {
        program: "quickstart".to_owned(),
        cause,
    })?;
    let built = ours.with_file_name("examples").join("quickstart");
    run(&mut command(&built.to_string_lossy())).map(|()| Done::Passed)
}

/// The same core, for the web.
fn wasm32() -> Result<Done, Error> {
    let mut check = wasm::cargo_for_wasm()?;
    check.args(["check", "--locked", "--target", wasm::TARGET]);
    for package in CORE {
        check.args(["-p", package]);
    }
    run(&mut check).map(|()| Done::Passed)
}

/// The facade under clippy, where the toolchain of the target has one.
fn clippy_wasm32() -> Result<Done, Error> {
    if !wasm::has_clippy() {
        return Ok(Done::Skipped("no clippy for the target".to_owned()));
    }
    let mut lint = wasm::cargo_for_wasm()?;
    lint.args(["clippy", "--locked", "--target", wasm::TARGET]);
    lint.args(["-p", "sealwire-wasm", "--", "-D", "warnings"]);
    // The seams are `Arc`s in every build, and a lock that is a file elsewhere is nothing here.
    lint.args(["-A", "clippy::arc_with_non_send_sync"]);
    lint.args(["-A", "clippy::drop_non_drop"]);
    run(&mut lint).map(|()| Done::Passed)
}

/// Known holes in dependencies, if the database of them can be had.
fn advisories() -> Result<Done, Error> {
    if run_within(&mut cargo(["deny", "fetch", "db"]), FETCH_LIMIT).is_err() {
        return Ok(Done::Skipped("no database".to_owned()));
    }
    passes(["deny", "--offline", "check", "advisories"])
}

fn passes<const N: usize>(args: [&str; N]) -> Result<Done, Error> {
    run(&mut cargo(args)).map(|()| Done::Passed)
}
