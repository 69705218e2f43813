//! The browser of the web tests: Debian's Chromium.

use super::packages::apt;
use super::{AsRoot, say};
use crate::run::succeeds;

pub(super) fn missing() -> Option<AsRoot> {
    if succeeds("chromium", &["--version"]) {
        say("have", "chromium");
        return None;
    }
    apt(
        // A page in eight scripts, and its pictures for the docs, want letters to draw them with.
        &["chromium", "fonts-noto-core", "fonts-noto-cjk"],
        "the browser of the web tests",
    )
}
