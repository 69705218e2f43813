//! The suite `openapi`: the relay's document under a validator, and the relay under made-up requests.

use crate::run::{Error, cargo, run};
use crate::setup::python::OPENAPI;
use crate::steps::{Done, Steps};

pub(super) fn steps(steps: &mut Steps) -> Result<(), Error> {
    steps.step("the OpenAPI document is valid", || {
        ignored_test("openapi::the_document_is_valid_openapi")
    })?;
    steps.step("schemathesis against the relay", || {
        ignored_test("fuzzed::schemathesis_finds_no_failure")
    })
}

/// A test of the relay that runs one of the Python programs. Built with the whole workspace: `-p` would choose other features for
/// the dependencies and build them again.
fn ignored_test(name: &str) -> Result<Done, Error> {
    let mut test = cargo(["test", "--locked", "--workspace", "--test", "relay", "--"]);
    test.args(["--ignored", "--exact", name]);
    run(test.env("OPENAPI_TOOLS", OPENAPI.bin())).map(|()| Done::Passed)
}
