//! Which crate may depend on which: docs/architecture.md as a test.
//!
//! An unwrap that fails here is the test failing.
#![allow(clippy::unwrap_used)]

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};

/// Every crate that ships, and all of ours that it may build on. Layers import only from above.
const MAY_DEPEND_ON: [(&str, &[&str]); 10] = [
    ("sealwire-exit", &[]),
    ("sealwire-crypto", &[]),
    ("sealwire-wire", &["sealwire-crypto"]),
    (
        "sealwire-store",
        &["sealwire-exit", "sealwire-crypto", "sealwire-wire"],
    ),
    (
        "sealwire-engine",
        &["sealwire-crypto", "sealwire-wire", "sealwire-store"],
    ),
    (
        "sealwire",
        &[
            "sealwire-crypto",
            "sealwire-wire",
            "sealwire-store",
            "sealwire-engine",
        ],
    ),
    ("sealwire-ffi", &["sealwire"]),
    ("sealwire-uniffi-bindgen", &[]),
    ("sealwire-wasm", &["sealwire"]),
    ("sealwire-relay", &["sealwire-crypto", "sealwire-wire"]),
];

/// Crates that do no I/O, and what would be I/O. The engine reaches its database through the store alone.
const PURE: [&str; 3] = ["sealwire-crypto", "sealwire-wire", "sealwire-engine"];
const IO: [&str; 9] = [
    "tokio",
    "async-std",
    "smol",
    "reqwest",
    "hyper",
    "tokio-tungstenite",
    "rusqlite",
    "libsqlite3-sys",
    "getrandom",
];

/// Folders whose crates ship; what lies elsewhere is for tests and this project's own commands.
const SHIPPED: [&str; 5] = ["core", "exit", "ffi", "server-stub", "wasm"];

fn workspace() -> Metadata {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let mut command = MetadataCommand::new();
    command.manifest_path(manifest).no_deps();
    command.exec().unwrap()
}

/// What the package's library is built with; what its tests use is another matter.
fn built_with(package: &Package) -> impl Iterator<Item = &str> {
    let dependencies = package.dependencies.iter();
    dependencies
        .filter(|dependency| dependency.kind != DependencyKind::Development)
        .map(|dependency| dependency.name.as_str())
}

fn package<'a>(workspace: &'a Metadata, name: &str) -> &'a Package {
    let mut packages = workspace.packages.iter();
    packages.find(|package| package.name == name).unwrap()
}

#[test]
fn every_crate_builds_only_on_the_layers_it_may_see() {
    let workspace = workspace();
    let ours: Vec<&str> = workspace.packages.iter().map(|p| p.name.as_str()).collect();
    for (name, allowed) in MAY_DEPEND_ON {
        let forbidden: Vec<_> = built_with(package(&workspace, name))
            .filter(|on| ours.contains(on) && !allowed.contains(on))
            .collect();
        assert!(forbidden.is_empty(), "{name} builds on {forbidden:?}");
    }
}

#[test]
fn every_shipped_crate_has_its_place_in_the_layers() {
    let workspace = workspace();
    for package in &workspace.packages {
        let folder = package
            .manifest_path
            .strip_prefix(&workspace.workspace_root);
        let first = folder.unwrap().components().next().unwrap();
        if SHIPPED.contains(&first.as_str()) {
            let placed = MAY_DEPEND_ON.iter().any(|(name, _)| package.name == name);
            assert!(placed, "{} is in no layer of this test", package.name);
        }
    }
}

#[test]
fn crypto_wire_and_engine_do_no_io() {
    let workspace = workspace();
    for name in PURE {
        let io: Vec<_> = built_with(package(&workspace, name))
            .filter(|on| IO.contains(on))
            .collect();
        assert!(io.is_empty(), "{name} builds on {io:?}");
    }
}
