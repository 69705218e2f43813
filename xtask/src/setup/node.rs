//! Node, and the npm packages of a folder.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::say;
use crate::run::{Error, command, output, root, run};

/// The official builds load their prebuilt binary without a build step from this version on.
const OLDEST_NODE: u32 = 20;

/// Where the packages of a folder lie.
pub(crate) fn installed_folder(folder: &str) -> PathBuf {
    root().join(folder).join("node_modules")
}

/// `npm ci` in this folder of the workspace, if it is there and its packages are not.
pub(super) fn install(folder: &str, what_for: &str) -> Result<(), Error> {
    let place = root().join(folder);
    if !place.join("package-lock.json").exists() {
        return Ok(());
    }
    let version = output("node", &["--version"]).unwrap_or_default();
    if major(&version).is_none_or(|major| major < OLDEST_NODE) {
        return Err(Error::Told(format!(
            "{what_for} needs Node {OLDEST_NODE} or newer with npm, and found {}: \
             install it from https://nodejs.org or your system's packages",
            if version.is_empty() {
                "none"
            } else {
                version.trim()
            }
        )));
    }
    say("have", &format!("node {}", version.trim()));
    if installed(&place) {
        say("have", &format!("npm packages of {folder}"));
        return Ok(());
    }
    say("install", &format!("npm ci in {folder}"));
    let mut npm = command("npm");
    npm.args(["ci", "--no-audit", "--no-fund"]);
    run(npm.current_dir(place))
}

/// npm writes its own copy of the lock after an install; one older than ours is of another install.
fn installed(place: &Path) -> bool {
    let wanted = changed(&place.join("package-lock.json"));
    let there = changed(&place.join("node_modules/.package-lock.json"));
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
