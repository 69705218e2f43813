//! Two people, five devices, one relay that can read nothing. Started by `cargo xtask demo`.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command's output"
)]

mod cold;
mod conversation;
mod devices;
mod episodes;
mod leaks;
mod probes;
mod relay;
mod report;
mod script;

use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Send a conversation and a picture between five devices of two people, with faults in between, and prove what arrived.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask demo")]
struct Demo {
    /// The text whose lines are sent, UTF-8 [default: the shipped conversation].
    #[arg(long, value_name = "FILE")]
    text: Option<PathBuf>,
    /// The picture that is sent as an attachment [default: the shipped photograph].
    #[arg(long, value_name = "FILE")]
    image: Option<PathBuf>,
    /// Keep the relay's folder and the devices' stores here to look at; the folder must be empty or new.
    #[arg(long, value_name = "DIR")]
    keep: Option<PathBuf>,
}

/// Why the demo could not go on.
#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("{what}: {cause}")]
    File { what: String, cause: std::io::Error },
    #[error("{0}")]
    Said(String),
    #[error("{doing}: {cause} (code {})", cause.code())]
    Client {
        doing: String,
        cause: sealwire::Error,
    },
}

type Done<T> = Result<T, Trouble>;

#[tokio::main]
async fn main() -> ExitCode {
    let demo = Demo::parse();
    let began = Instant::now();
    match run(&demo).await {
        Ok(0) => {
            println!(
                "\nEverything held, in {:.1} s.",
                began.elapsed().as_secs_f64()
            );
            ExitCode::SUCCESS
        }
        Ok(failed) => {
            eprintln!("\n{failed} expectation(s) FAILED.");
            ExitCode::FAILURE
        }
        Err(trouble) => {
            eprintln!("\nThe demo could not go on: {trouble}");
            ExitCode::FAILURE
        }
    }
}

/// How many expectations failed.
async fn run(demo: &Demo) -> Done<usize> {
    let conversation = conversation::Conversation::read(demo.text.as_deref())?;
    let picture = conversation::Picture::read(demo.image.as_deref())?;
    let temporary;
    let folder = match &demo.keep {
        Some(folder) => kept_folder(folder)?,
        None => {
            temporary = tempfile::tempdir().map_err(|cause| file("a temporary folder", cause))?;
            temporary.path()
        }
    };
    let mut expectations = report::Expectations::default();

    let mut played = script::play(folder, &conversation, &picture, &mut expectations).await?;
    let cold = cold::reopen(
        &mut played.devices,
        &conversation,
        &picture,
        &mut expectations,
    )
    .await?;
    leaks::look(
        folder,
        "at the end",
        &conversation,
        &picture,
        &mut expectations,
    )?;
    let relay_bytes = report::folder_bytes(&folder.join("relay"));
    report::print_table(&played, &cold, relay_bytes);
    if let Some(folder) = &demo.keep {
        println!(
            "\nKept in {}: the relay's folder and log, five stores with their keys.",
            folder.display()
        );
    }
    Ok(expectations.conclude())
}

fn kept_folder(folder: &Path) -> Done<&Path> {
    std::fs::create_dir_all(folder).map_err(|cause| file(&folder.display().to_string(), cause))?;
    let mut entries = std::fs::read_dir(folder).map_err(|cause| file("--keep", cause))?;
    match entries.next() {
        None => Ok(folder),
        Some(_) => Err(Trouble::Said(format!(
            "--keep {}: the folder is not empty",
            folder.display()
        ))),
    }
}

fn file(what: &str, cause: std::io::Error) -> Trouble {
    Trouble::File {
        what: what.to_owned(),
        cause,
    }
}

fn client(doing: &str) -> impl FnOnce(sealwire::Error) -> Trouble {
    let doing = doing.to_owned();
    |cause| Trouble::Client { doing, cause }
}
