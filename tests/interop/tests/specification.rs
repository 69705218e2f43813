//! The pages of docs/protocol are enough to make the worked examples from: a program in Python that was written from them does.

#![allow(
    clippy::unwrap_used,
    reason = "test code, of which clippy knows only the functions marked as tests"
)]

use std::path::Path;
use std::process::Command;

#[test]
fn a_program_written_from_the_pages_makes_the_worked_examples() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = folder.join("../../target/interop-python/bin/python");
    assert!(
        python.exists(),
        "the packages of the peers are not installed: run `cargo xtask setup`"
    );
    let made = Command::new(python)
        .arg("spec.py")
        .current_dir(folder)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{told}");
}
