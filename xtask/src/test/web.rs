//! The suite `web`: the npm package and the web chat, in headless Chromium against the relay as a process.

use crate::api;
use crate::npm::{build_chat, build_package, node, pack};
use crate::run::{Error, cargo, root, run};
use crate::steps::{Done, Steps};
use crate::web;
use std::fs;
use std::path::PathBuf;

pub(super) fn steps(steps: &mut Steps) -> Result<(), Error> {
    steps.step("npm package", package)?;
    steps.step("npm: docs/api.md as the declarations have it", || {
        api::built::typescript().map(|()| Done::Passed)
    })?;
    steps.step("web chat", || build_chat().map(|()| Done::Passed))?;
    // Published without them: a way to make the module panic.
    steps.step("wasm with test doors", || {
        web::build(true).map(|_| Done::Passed)
    })?;
    steps.step("the store in Chromium", store)?;
    steps.step("the scenario, tabs and the chat in Chromium", in_chromium)
}

/// Built, with its sizes.
pub(super) fn package() -> Result<Done, Error> {
    let sizes = web::build(false)?;
    build_package()?;
    println!("{sizes}");
    println!("npm tarball: {} bytes", pack()?);
    Ok(Done::Passed)
}

/// The programs that test the package, in JavaScript.
pub(super) fn tests() -> Result<Done, Error> {
    let typescript = [
        "node_modules/typescript/bin/tsc",
        "-p",
        "test/tsconfig.json",
    ];
    run(&mut node("bindings/web", &typescript)).map(|()| Done::Passed)
}

/// The module's own tests, without the package.
fn store() -> Result<Done, Error> {
    build_relay()?;
    let mut test = node("wasm", &["--test", "--test-concurrency=1"]);
    test.args(module_tests()?);
    test.env("SEALWIRE_PKG", web::target().join("web/pkg-test"));
    test.env("SEALWIRE_RELAY", relay());
    run(&mut test).map(|()| Done::Passed)
}

/// Named one by one: a folder would run the files beside them too.
fn module_tests() -> Result<Vec<PathBuf>, Error> {
    let folder = root().join("wasm/tests");
    let listed = fs::read_dir(&folder).map_err(|cause| Error::File {
        path: folder,
        cause,
    })?;
    let mut tests: Vec<PathBuf> = listed
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    tests.sort();
    Ok(tests)
}

fn in_chromium() -> Result<Done, Error> {
    tests()?;
    let mut test = node("bindings/web", &["--test", "--test-concurrency=1"]);
    for name in [
        "calls",
        "journal",
        "leadership",
        "scenario",
        "sending",
        "sessions",
        "tabs",
        "faults",
        "web-chat",
        "figures",
    ] {
        test.arg(format!("build/{name}.test.js"));
    }
    test.env("SEALWIRE_RELAY", relay());
    test.env("SEALWIRE_WEB_PKG", web::target().join("web/pkg-test"));
    run(&mut test).map(|()| Done::Passed)
}

/// With the whole workspace: `-p` would choose other features for the dependencies and build them again.
fn build_relay() -> Result<(), Error> {
    let whole = [
        "build",
        "--locked",
        "--workspace",
        "--bin",
        "sealwire-relay",
    ];
    run(&mut cargo(whole))
}

fn relay() -> PathBuf {
    web::target().join("debug/sealwire-relay")
}
