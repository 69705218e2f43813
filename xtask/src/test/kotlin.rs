//! The suite `kotlin`: the package of the JVM, built by Maven and tested against the real relay.

use super::aar;
use crate::api;
use crate::run::{Error, built, cargo, command, root, run};
use crate::size::{self, Library};
use crate::steps::{Done, Steps};

const PACKAGE: &str = "bindings/kotlin";

pub(super) fn steps(steps: &mut Steps) -> Result<(), Error> {
    steps.step("Kotlin: the library", library)?;
    steps.step("Kotlin: the scenario against the relay", maven)?;
    steps.step("Kotlin: the form of the AAR", || {
        aar::check().map(|()| Done::Passed)
    })?;
    steps.step("Kotlin: docs/api.md as the compiler sees it", || {
        api::built::kotlin().map(|()| Done::Passed)
    })?;
    steps.step("size of the library", || {
        size::check().map(|()| Done::Passed)
    })
}

/// The library as apps carry it: optimised, its generated Kotlin, and the stripped copy in the jar. Its build is the one that
/// the gate on the size and the wheel need too.
pub(super) fn library() -> Result<Done, Error> {
    programs()?;
    let library = Library::built()?;
    let package = root().join(PACKAGE).join("target");
    let generated = package.join("generated-sources/uniffi");
    // What was removed from the library is not to stay behind.
    let _ = std::fs::remove_dir_all(&generated);
    let mut generate = command(&built("uniffi-bindgen")?.to_string_lossy());
    generate.current_dir(root().join("ffi"));
    // Out of the library with its symbols: without them it no longer says what it exports.
    generate.arg("generate").arg(&library.whole);
    generate.args(["--language", "kotlin", "--no-format", "--out-dir"]);
    run(generate.arg(&generated))?;
    let native = package.join("native/linux-x86-64");
    let copied = std::fs::create_dir_all(&native)
        .and_then(|()| std::fs::copy(&library.stripped, native.join("libsealwire_ffi.so")));
    copied.map(|_| Done::Passed).map_err(|cause| Error::File {
        path: native,
        cause,
    })
}

/// The relay and the generator, built with the whole workspace so that no dependency is built twice.
fn programs() -> Result<(), Error> {
    run(&mut cargo(["build", "--locked", "--workspace"]))
}

/// The classes of the package and of its tests.
pub(super) fn classes() -> Result<Done, Error> {
    let mut maven = command("mvn");
    maven.current_dir(root().join("bindings/kotlin"));
    maven.args(["--batch-mode", "--no-transfer-progress", "test-compile"]);
    run(&mut maven).map(|()| Done::Passed)
}

fn maven() -> Result<Done, Error> {
    let relay = built("sealwire-relay")?;
    let mut maven = command("mvn");
    maven.current_dir(root().join(PACKAGE));
    maven.args(["--batch-mode", "--no-transfer-progress", "verify"]);
    run(maven.arg(format!("-Dsealwire.relay={}", relay.display())))?;
    let jar = root().join(PACKAGE).join("target/sealwire-0.1.0.jar");
    let there = jar.metadata().map_err(|cause| Error::File {
        path: jar.clone(),
        cause,
    })?;
    println!("{}: {} bytes", jar.display(), there.len());
    Ok(Done::Passed)
}
