//! The suite `interop`: our sessions against the official builds and the Python libraries.

use crate::run::{Error, cargo, root, run};
use crate::steps::{Done, Steps};

/// How many conversations each peer is to have when everything is asked for; else a few.
const ALL_CONVERSATIONS: &str = "50";

pub(super) fn steps(steps: &mut Steps, full: bool) -> Result<(), Error> {
    steps.step("interop: Kyber of round 3", kyber)?;
    steps.step("interop with other implementations", || peers(full))
}

/// The tests of the crypto crate that its feature for the peers opens.
fn kyber() -> Result<Done, Error> {
    let mut test = cargo(["test", "--locked", "-p", "sealwire-crypto", "--lib"]);
    run(test.args(["--features", "kyber-round3", "kem"])).map(|()| Done::Passed)
}

/// The tests of sealwire-interop alone, but built with the whole workspace: `-p` would choose other features for the
/// dependencies and build them again.
fn peers(full: bool) -> Result<Done, Error> {
    let tests = test_names()?;
    if tests.is_empty() {
        return Ok(Done::Skipped("no tests/interop".to_owned()));
    }
    let mut test = cargo(["test", "--locked", "--workspace"]);
    test.args(["--features", "sealwire-interop/peers"]);
    if full {
        test.env("SEALWIRE_INTEROP_CONVERSATIONS", ALL_CONVERSATIONS);
    }
    for name in tests {
        test.args(["--test", &name]);
    }
    run(&mut test).map(|()| Done::Passed)
}

/// Each file in tests/interop/tests is one test binary of its name.
fn test_names() -> Result<Vec<String>, Error> {
    let path = root().join("tests/interop/tests");
    if !path.exists() {
        return Ok(Vec::new());
    }
    let entries = path
        .read_dir()
        .map_err(|cause| Error::File { path, cause })?;
    let files = entries.flatten().map(|entry| entry.path());
    let sources = files.filter(|file| file.extension().is_some_and(|kind| kind == "rs"));
    let names = sources.filter_map(|file| Some(file.file_stem()?.to_string_lossy().into_owned()));
    Ok(names.collect())
}
