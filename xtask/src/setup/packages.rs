//! The system's packages: a C compiler, pkg-config and OpenSSL's libcrypto, which SQLCipher is built with.

use super::{AsRoot, say};
use crate::run::{command, output, succeeds};

const PACKAGES: [&str; 3] = ["build-essential", "pkg-config", "libssl-dev"];

/// The packages that dpkg does not know as installed, as one apt-get.
///
/// Where there is no dpkg, the same things are looked for by what they do, and a person is told what is not there.
pub(super) fn missing() -> Option<AsRoot> {
    if !succeeds("dpkg-query", &["--version"]) {
        look_without_dpkg();
        return None;
    }
    let (there, missing): (Vec<_>, Vec<_>) = PACKAGES.into_iter().partition(|name| installed(name));
    if !there.is_empty() {
        say("have", &there.join(", "));
    }
    apt(&missing, "C compiler and libcrypto for SQLCipher")
}

/// `apt-get install` of these, if there are any.
pub(super) fn apt(packages: &[&str], why: &'static str) -> Option<AsRoot> {
    if packages.is_empty() {
        return None;
    }
    let mut update = command("apt-get");
    update.args(["update", "-qq"]);
    let mut install = command("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends"]);
    install.args(packages);
    let commands = vec![update, install];
    Some(AsRoot { why, commands })
}

fn installed(package: &str) -> bool {
    output("dpkg-query", &["-W", "-f", "${Status}", package])
        .is_some_and(|status| status == "install ok installed")
}

fn look_without_dpkg() {
    let things: [(&str, &str, &[&str]); 2] = [
        ("a C compiler", "cc", &["--version"]),
        ("libcrypto", "pkg-config", &["--exists", "libcrypto"]),
    ];
    for (thing, program, args) in things {
        let there = succeeds(program, args);
        let missing = "not found: install it with your system's package manager";
        say(
            if there { "have" } else { "MISSING" },
            &if there {
                thing.to_owned()
            } else {
                format!("{thing}: {missing}")
            },
        );
    }
}
