//! cargo-deny: licences, banned crates, sources, advisories.

use super::say;
use crate::run::{Error, cargo, run, succeeds};

/// Built from source into cargo's own bin folder, if it is not there: some four minutes of one core.
pub(super) fn install() -> Result<(), Error> {
    if succeeds("cargo", &["deny", "--version"]) {
        say("have", "cargo-deny");
        return Ok(());
    }
    say("install", "cargo install --locked cargo-deny");
    let mut install = cargo(["install", "--quiet", "--locked", "cargo-deny"]);
    // Its build is of no use to ours: not into our target folder.
    run(install.env_remove("CARGO_TARGET_DIR"))
}
