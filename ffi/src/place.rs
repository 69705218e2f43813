//! The place of a fault, as errors and log lines tell it. The crate for the web includes this file too.

use std::panic::Location;

/// `engine/src/receive.rs:12`: without the folders in which it was built.
pub(crate) fn shown(place: &Location<'_>) -> String {
    let file = place.file().replace('\\', "/");
    let short = match file.rsplit_once("/src/") {
        Some((before, after)) => {
            let name = before.rsplit('/').next().unwrap_or_default();
            format!("{name}/src/{after}")
        }
        None => file.rsplit('/').next().unwrap_or_default().to_owned(),
    };
    format!("{short}:{}", place.line())
}
