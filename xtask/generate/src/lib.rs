//! What is made of the one table of errors: `docs/errors.md`, and the classes of the other languages.
//!
//! `cargo run -p sealwire-generate` writes them; a test holds that they are as they would be written. A further language is
//! a further file in `errors/` and a line in [`files`].

mod errors;

use std::path::{Path, PathBuf};

/// A file that is made, and never edited.
pub struct Generated {
    /// From the workspace's folder.
    pub path: &'static str,
    /// All of it.
    pub text: String,
}

/// Every file that is made of the table.
pub fn files() -> Vec<Generated> {
    vec![
        Generated {
            path: "bindings/kotlin/src/main/kotlin/io/github/sealwire/SealwireException.kt",
            text: errors::kotlin::text(),
        },
        Generated {
            path: "bindings/swift/Sources/Sealwire/SealwireError.swift",
            text: errors::swift::text(),
        },
        Generated {
            path: "docs/errors.md",
            text: errors::page::text(),
        },
        Generated {
            path: "bindings/python/src/sealwire/errors.py",
            text: errors::python::text(),
        },
        Generated {
            path: "bindings/web/src/error-table.ts",
            text: errors::typescript::text(),
        },
    ]
}

/// The workspace's folder.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
