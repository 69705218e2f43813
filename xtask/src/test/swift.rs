//! The suite `swift`: the generated sources are current; where a Swift compiler is, the package passes the scenario.

use crate::api;
use crate::run::{Error, built, command, root, run, succeeds};
use crate::steps::{Done, Steps};
use crate::swift;

pub(super) fn steps(steps: &mut Steps) -> Result<(), Error> {
    steps.step("Swift: the generated sources", || {
        swift::check().map(|()| Done::Passed)
    })?;
    steps.step(
        "Swift: docs/api.md as the generated sources have it",
        || api::built::swift().map(|()| Done::Passed),
    )?;
    steps.step("Swift: the C header", header)?;
    steps.step("Swift: the scenario against the relay", scenario)
}

/// The notes on nullability are clang's alone.
fn header() -> Result<Done, Error> {
    let folder = root().join("bindings/swift/Sources/SealwireFFI");
    let mut compile = command("cc");
    compile.args(["-fsyntax-only", "-std=c11", "-Wall", "-Werror"]);
    compile.args(["-D_Nullable=", "-D_Nonnull=", "-x", "c", "-include"]);
    run(compile.arg(folder.join("SealwireFFI.h")).arg("/dev/null")).map(|()| Done::Passed)
}

fn scenario() -> Result<Done, Error> {
    if !succeeds("swift", &["--version"]) {
        return Ok(Done::Skipped("no Swift compiler here".to_owned()));
    }
    let relay = built("sealwire-relay")?;
    let folder = relay.parent().unwrap_or(root());
    let mut swift = command("swift");
    swift.current_dir(root().join("bindings/swift"));
    swift.arg("test");
    swift.env("SEALWIRE_LIBRARY_DIR", folder);
    swift.env("SEALWIRE_RELAY", &relay);
    run(&mut swift).map(|()| Done::Passed)
}
