//! Node and the npm packages that the interop tests speak with.

use std::path::Path;
use std::time::SystemTime;

use super::say;
use crate::run::{Error, command, output, root, run};

/// The official builds load their prebuilt binary without a build step from this version on.
const OLDEST_NODE: u32 = 20;

/// `npm ci` in tests/interop, if the folder is there and its packages are not.
pub(super) fn install() -> Result<(), Error> {
    let interop = root().join("tests/interop");
    if !interop.join("package-lock.json").exists() {
        return Ok(());
    }
    let version = output("node", &["--version"]).unwrap_or_default();
    if major(&version).is_none_or(|major| major < OLDEST_NODE) {
        return Err(Error::Told(format!(
            "the interop tests need Node {OLDEST_NODE} or newer with npm, and found {}: \
             install it from https://nodejs.org or your system's packages",
            if version.is_empty() {
                "none"
            } else {
                version.trim()
            }
        )));
    }
    say("have", &format!("node {}", version.trim()));
    if installed(&interop) {
        say("have", "npm packages of tests/interop");
        return Ok(());
    }
    say("install", "npm ci in tests/interop");
    let mut npm = command("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]);
    run(npm.current_dir(interop))
}

/// npm writes its own copy of the lock after an install; one older than ours is of another install.
fn installed(interop: &Path) -> bool {
    let wanted = changed(&interop.join("package-lock.json"));
    let there = changed(&interop.join("node_modules/.package-lock.json"));
    there.is_some() && there >= wanted
}

fn changed(path: &Path) -> Option<SystemTime> {
    path.metadata().ok()?.modified().ok()
}

/// The 20 of `v20.1.0`.
fn major(version: &str) -> Option<u32> {
    version.strip_prefix('v')?.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_major_version_is_read_from_what_node_prints() {
        assert_eq!(major("v20.20.2\n"), Some(20));
        assert_eq!(major(""), None);
        assert_eq!(major("command not found"), None);
    }
}
