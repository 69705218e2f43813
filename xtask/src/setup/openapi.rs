//! What checks the relay's OpenAPI document: Python programs in a folder of their own, below target.

use std::fs;
use std::path::{Path, PathBuf};

use super::packages::apt;
use super::{AsRoot, say};
use crate::run::{Error, command, root, run, succeeds};

/// Where the programs are.
pub(crate) fn programs() -> PathBuf {
    folder().join("bin")
}

/// Debian's python3 comes without what makes such folders.
pub(super) fn missing() -> Option<AsRoot> {
    let there = succeeds("python3", &["-c", "import ensurepip, venv"]);
    let packages: &[&str] = if there { &[] } else { &["python3-venv"] };
    apt(packages, "Python for the checks of the OpenAPI document")
}

/// The programs that xtask/openapi-tools.txt lists, if they are not there.
pub(super) fn install() -> Result<(), Error> {
    let list = root().join("xtask/openapi-tools.txt");
    let installed = folder().join("installed.txt");
    let wanted = read(&list)?;
    if fs::read_to_string(&installed).is_ok_and(|there| there == wanted) {
        say("have", "openapi-spec-validator, schemathesis");
        return Ok(());
    }
    say("install", "pip install -r xtask/openapi-tools.txt");
    run(command("python3")
        .args(["-m", "venv", "--clear"])
        .arg(folder()))?;
    let mut pip = command(&programs().join("pip").to_string_lossy());
    pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
    run(pip.arg(&list))?;
    fs::write(&installed, wanted).map_err(|cause| Error::File {
        path: installed,
        cause,
    })
}

fn folder() -> PathBuf {
    root().join("target/openapi-tools")
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|cause| Error::File {
        path: path.to_owned(),
        cause,
    })
}
