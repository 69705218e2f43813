//! A JDK and Maven, for the Kotlin package. Maven gets the rest by itself.

use super::packages::apt;
use super::{AsRoot, say};
use crate::run::{output, succeeds};

pub(super) fn missing() -> Option<AsRoot> {
    let version = output("javac", &["-version"]).map(|text| text.trim().to_owned());
    let maven = succeeds("mvn", &["--version"]);
    match (&version, maven) {
        (Some(version), true) => {
            say("have", &format!("{version}, Maven"));
            None
        }
        _ => apt(
            &["default-jdk-headless", "maven"],
            "a JDK and Maven for Kotlin",
        ),
    }
}
