//! Python programs, each set in a folder of its own below target.

use std::fs;
use std::path::{Path, PathBuf};

use super::packages::apt;
use super::{AsRoot, say};
use crate::run::{Error, command, root, run, succeeds};

/// A set of programs, as pip lists them.
pub(crate) struct Programs {
    /// Below target.
    folder: &'static str,
    /// From the workspace's folder.
    list: &'static str,
    about: &'static str,
}

/// What checks the relay's OpenAPI document.
pub(crate) const OPENAPI: Programs = Programs {
    folder: "openapi-tools",
    list: "xtask/openapi-tools.txt",
    about: "openapi-spec-validator, schemathesis",
};

/// What builds and checks the Python package, which is installed beside it.
pub(crate) const PACKAGE: Programs = Programs {
    folder: "python",
    list: "xtask/python-tools.txt",
    about: "maturin, mypy, pytest, ruff",
};

/// The independent libraries that the interop tests speak with.
pub(crate) const INTEROP: Programs = Programs {
    folder: "interop-python",
    list: "tests/interop/requirements.txt",
    about: "x3dh, doubleratchet, xeddsa",
};

/// Debian's python3 comes without what makes such folders.
pub(super) fn missing() -> Option<AsRoot> {
    let there = succeeds("python3", &["-c", "import ensurepip, venv"]);
    let packages: &[&str] = if there { &[] } else { &["python3-venv"] };
    apt(packages, "Python")
}

impl Programs {
    /// Where they are.
    pub(crate) fn bin(&self) -> PathBuf {
        self.folder().join("bin")
    }

    /// One of them.
    pub(crate) fn program(&self, name: &str) -> String {
        self.bin().join(name).to_string_lossy().into_owned()
    }

    /// The folder of all that belongs to them.
    pub(crate) fn folder(&self) -> PathBuf {
        root().join("target").join(self.folder)
    }

    /// What the list names, if it is not there.
    pub(super) fn install(&self) -> Result<(), Error> {
        let list = root().join(self.list);
        let installed = self.folder().join("installed.txt");
        let wanted = read(&list)?;
        if fs::read_to_string(&installed).is_ok_and(|there| there == wanted) {
            say("have", self.about);
            return Ok(());
        }
        say("install", &format!("pip install -r {}", self.list));
        run(command("python3")
            .args(["-m", "venv", "--clear"])
            .arg(self.folder()))?;
        let mut pip = command(&self.program("pip"));
        pip.args(["install", "--quiet", "--disable-pip-version-check", "-r"]);
        run(pip.arg(&list))?;
        fs::write(&installed, wanted).map_err(|cause| Error::File {
            path: installed,
            cause,
        })
    }
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|cause| Error::File {
        path: path.to_owned(),
        cause,
    })
}
