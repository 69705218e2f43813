//! The suite `together`: one conversation of devices in Rust, on the JVM, in Python and in a browser.

use super::{kotlin, python, web};
use crate::run::{Error, built, cargo, run};
use crate::setup::python::PACKAGE;
use crate::steps::{Done, Steps};

/// Which packages the suites before this one have built.
#[derive(Clone, Copy)]
pub(super) struct Built {
    pub(super) kotlin: bool,
    pub(super) python: bool,
    pub(super) web: bool,
}

pub(super) fn steps(steps: &mut Steps, built: Built) -> Result<(), Error> {
    steps.step("together: the relay and the tools", programs)?;
    if !built.kotlin {
        steps.step("together: the library", kotlin::library)?;
        steps.step("together: the Kotlin package", kotlin::classes)?;
    }
    if !built.python {
        steps.step("together: the wheel", python::wheel)?;
    }
    if !built.web {
        steps.step("together: the npm package", web::package)?;
        steps.step("together: the page", web::tests)?;
    }
    steps.step("everybody in one conversation", conversation)
}

/// Built with the whole workspace: `-p` would choose other features for the dependencies and build them again.
fn programs() -> Result<Done, Error> {
    run(&mut cargo(["build", "--locked", "--workspace"])).map(|()| Done::Passed)
}

fn conversation() -> Result<Done, Error> {
    let mut test = cargo(["test", "--locked", "--workspace", "--test", "together"]);
    test.args(["--", "--ignored"]);
    test.env("SEALWIRE_RELAY", built("sealwire-relay")?);
    test.env("SEALWIRE_PYTHON", PACKAGE.program("python"));
    run(&mut test).map(|()| Done::Passed)
}
