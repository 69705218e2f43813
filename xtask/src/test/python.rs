//! The suite `python`: the wheel, built by maturin, installed, and tested against the real relay.

use std::path::{Path, PathBuf};

use crate::api;
use crate::run::{Error, cargo, command, root, run};
use crate::setup::python::PACKAGE;
use crate::steps::{Done, Steps};

/// From the package's folder: the package, and who uses it.
const LAYER: &str = "src";
const USERS: [&str; 2] = ["tests", "../../examples/echo_bot.py"];

pub(super) fn steps(steps: &mut Steps) -> Result<(), Error> {
    steps.step("Python: the relay", relay)?;
    steps.step("Python: the wheel", wheel)?;
    steps.step("Python: types and form", form)?;
    steps.step("Python: docs/api.md as the installed wheel has it", || {
        api::built::python(Path::new(&PACKAGE.program("python"))).map(|()| Done::Passed)
    })?;
    steps.step("Python: the scenario against the relay", pytest)?;
    steps.step("Python: figures", figures)
}

/// Built with the whole workspace, so that no dependency is built twice.
fn relay() -> Result<Done, Error> {
    run(&mut cargo(["build", "--locked", "--workspace"])).map(|()| Done::Passed)
}

pub(super) fn wheel() -> Result<Done, Error> {
    let built = fresh("built")?;
    let mut maturin = of_package(&PACKAGE.program("maturin"));
    maturin.args([
        "build",
        "--profile",
        "library",
        "--locked",
        "--auditwheel",
        "skip",
    ]);
    // The generator reads what the library exports out of its symbols: they go afterwards.
    run(maturin.arg("--out").arg(&built))?;
    let open = fresh("open")?;
    run(command(&PACKAGE.program("wheel"))
        .args(["unpack", "--dest"])
        .arg(&open)
        .arg(only(&built)?))?;
    let package = only(&open)?;
    let mut strip = command("strip");
    strip.arg("--strip-unneeded");
    run(strip.arg(package.join("sealwire/_native/libsealwire_ffi.so")))?;
    let packed = fresh("wheels")?;
    run(command(&PACKAGE.program("wheel"))
        .args(["pack", "--dest-dir"])
        .arg(&packed)
        .arg(&package))?;
    let wheel = only(&packed)?;
    let size = wheel.metadata().map_err(file(&wheel))?.len();
    println!("{}: {size} bytes", wheel.display());
    let mut pip = command(&PACKAGE.program("pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]);
    pip.args(["--no-index", "--force-reinstall"]);
    run(pip.arg(&wheel)).map(|()| Done::Passed)
}

fn form() -> Result<Done, Error> {
    for check in [&["format", "--check"][..], &["check"][..]] {
        let mut ruff = of_package(&PACKAGE.program("ruff"));
        ruff.args(check).arg("--config=pyproject.toml");
        run(ruff.arg(LAYER).args(USERS))?;
    }
    let mypy = || of_package(&PACKAGE.program("mypy"));
    run(mypy().args(["--strict", LAYER]))?;
    // As an app sees it: with the types that the installed wheel carries.
    run(mypy().arg("--strict").args(USERS)).map(|()| Done::Passed)
}

/// The wheel that was installed, not the sources.
fn pytest() -> Result<Done, Error> {
    let mut pytest = of_package(&PACKAGE.program("pytest"));
    pytest.args(["-W", "error", "--durations=5", "-p", "no:cacheprovider"]);
    run(pytest.env("SEALWIRE_RELAY", relay_program()?)).map(|()| Done::Passed)
}

fn figures() -> Result<Done, Error> {
    let mut python = of_package(&PACKAGE.program("python"));
    python.env("SEALWIRE_RELAY", relay_program()?);
    run(python.arg("tests/figures.py")).map(|()| Done::Passed)
}

/// A program in the package's folder, which leaves nothing behind there.
fn of_package(program: &str) -> std::process::Command {
    let mut command = command(program);
    command.current_dir(root().join("bindings/python"));
    command.env("PYTHONDONTWRITEBYTECODE", "1");
    let kept = PACKAGE.folder().join("kept");
    command.env("MYPY_CACHE_DIR", kept.join("mypy"));
    command.env("RUFF_CACHE_DIR", kept.join("ruff"));
    command
}

/// What cargo has just built, in the folder beside our own binary.
fn relay_program() -> Result<PathBuf, Error> {
    let ours = std::env::current_exe().map_err(|cause| Error::NotStarted {
        program: "sealwire-relay".to_owned(),
        cause,
    })?;
    Ok(ours
        .parent()
        .unwrap_or(Path::new("."))
        .join("sealwire-relay"))
}

/// An empty folder beside the programs.
fn fresh(name: &str) -> Result<PathBuf, Error> {
    let folder = PACKAGE.folder().join(name);
    // What was built before is not to be taken for what is built now.
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(file(&folder))?;
    Ok(folder)
}

/// The one thing in a folder.
fn only(folder: &Path) -> Result<PathBuf, Error> {
    let mut entries = folder.read_dir().map_err(file(folder))?.flatten();
    let entry = entries.next().map(|entry| entry.path());
    entry.ok_or_else(|| Error::Told(format!("nothing was put into {}", folder.display())))
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
    let path = path.to_owned();
    move |cause| Error::File { path, cause }
}
