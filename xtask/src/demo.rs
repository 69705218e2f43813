//! `cargo xtask demo`: builds the relay and the demo for release, then runs the demo.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::run::{Error, cargo, run};
use crate::setup::{self, Needs};
use crate::web_chat;

/// What `cargo xtask demo` takes: handed on to the demo.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The text whose lines are sent, UTF-8 [default: the shipped conversation].
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// The picture that is sent as an attachment [default: the shipped photograph].
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Keep the relay's folder and the devices' stores here to look at; the folder must be empty or new.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
    /// Instead: start a relay, serve the web chat, and say where.
    #[arg(long, conflicts_with_all = ["text", "image", "keep"])]
    web: bool,
}

/// Both are built in one go into one folder: the demo starts the relay's binary that lies beside its own.
pub(crate) fn main(args: &Args) -> Result<(), Error> {
    if args.web {
        return web_chat::main();
    }
    setup::install(Needs::BUILD)?;
    run(&mut cargo([
        "build",
        "--locked",
        "--release",
        "-p",
        "sealwire-relay",
        "-p",
        "sealwire-demo",
    ]))?;

    let mut demo = Command::new(release_folder()?.join("sealwire-demo"));
    let files = [
        ("--text", &args.text),
        ("--image", &args.image),
        ("--keep", &args.keep),
    ];
    for (flag, path) in files {
        if let Some(path) = path {
            demo.arg(flag).arg(path);
        }
    }
    run(&mut demo)
}

/// Where cargo puts release builds, whatever target folder it was told: beside the folder of our own binary.
pub(crate) fn release_folder() -> Result<PathBuf, Error> {
    let ours = std::env::current_exe().map_err(|cause| Error::NotStarted {
        program: "the release build".to_owned(),
        cause,
    })?;
    let target = ours.ancestors().nth(2).map(Path::to_owned);
    Ok(target.unwrap_or_default().join("release"))
}
