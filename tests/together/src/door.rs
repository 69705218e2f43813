//! The languages, and how a peer of each is started.

use std::path::{Path, PathBuf};
use tokio::process::Command;

/// A language in which Sealwire is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Door {
    /// In the test itself.
    Rust,
    /// The Kotlin package.
    Jvm,
    /// The wheel's package.
    Python,
    /// The npm package on a page in headless Chromium.
    Browser,
}

impl Door {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rust => "Rust",
            Self::Jvm => "the JVM",
            Self::Python => "Python",
            Self::Browser => "the browser",
        }
    }

    /// What starts the driver; none in Rust. `cargo xtask test together` builds what they run, and says where it lies.
    pub(crate) fn command(self) -> Option<Command> {
        let bindings = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bindings");
        match self {
            Self::Rust => None,
            Self::Jvm => {
                let built = bindings.join("kotlin/target");
                let libraries = built.join("test-classpath.txt");
                let libraries = std::fs::read_to_string(&libraries)
                    .unwrap_or_else(|error| panic!("{libraries:?}: {error}"));
                let (classes, tests) = (built.join("classes"), built.join("test-classes"));
                let path = format!("{}:{}:{libraries}", classes.display(), tests.display());
                let mut java = Command::new("java");
                java.args(["-Xmx256m", "-cp", path.trim()]);
                java.arg("io.github.sealwire.together.PeerKt");
                Some(java)
            }
            Self::Python => {
                let mut python = Command::new(named_by("SEALWIRE_PYTHON"));
                python.arg(bindings.join("python/tests/together.py"));
                Some(python)
            }
            Self::Browser => {
                let mut node = Command::new("node");
                node.arg(bindings.join("web/build/together.js"));
                Some(node)
            }
        }
    }
}

/// A program that stands in the environment.
pub(crate) fn named_by(variable: &str) -> PathBuf {
    let Some(path) = std::env::var_os(variable) else {
        panic!("{variable} is not set: run `cargo xtask test together`");
    };
    path.into()
}
