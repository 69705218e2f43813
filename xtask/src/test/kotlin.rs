//! The suite `kotlin`: the package of the JVM, built by Maven and tested against the real relay.

use crate::run::{Error, built, cargo, command, root, run};
use crate::size;
use crate::steps::{Done, Steps};

pub(super) fn steps(steps: &mut Steps) -> Result<(), Error> {
    steps.step("Kotlin: the library", library)?;
    steps.step("Kotlin: the scenario against the relay", maven)?;
    steps.step("size of the library", || {
        size::check().map(|()| Done::Passed)
    })
}

/// The library and the relay, built with the whole workspace so that no dependency is built twice; out of the library the
/// generated Kotlin, and a stripped copy for the jar.
pub(super) fn library() -> Result<Done, Error> {
    run(&mut cargo(["build", "--locked", "--workspace"]))?;
    let library = built("libsealwire_ffi.so")?;
    let package = root().join("bindings/kotlin/target");
    let generated = package.join("generated-sources/uniffi");
    // What was removed from the library is not to stay behind.
    let _ = std::fs::remove_dir_all(&generated);
    let mut generate = command(&built("uniffi-bindgen")?.to_string_lossy());
    generate.current_dir(root().join("ffi"));
    generate.arg("generate").arg(&library);
    generate.args(["--language", "kotlin", "--no-format", "--out-dir"]);
    run(generate.arg(&generated))?;
    // Only now: without its symbols it no longer says what it exports.
    let native = package.join("native/linux-x86-64");
    std::fs::create_dir_all(&native).map_err(|cause| Error::File {
        path: native.clone(),
        cause,
    })?;
    let mut strip = command("strip");
    strip.arg("--strip-unneeded").arg("-o");
    run(strip.arg(native.join("libsealwire_ffi.so")).arg(&library)).map(|()| Done::Passed)
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
    maven.current_dir(root().join("bindings/kotlin"));
    maven.args(["--batch-mode", "--no-transfer-progress", "verify"]);
    run(maven.arg(format!("-Dsealwire.relay={}", relay.display()))).map(|()| Done::Passed)
}
