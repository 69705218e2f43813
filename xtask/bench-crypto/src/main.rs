//! `sealwire-bench-crypto`: what `cargo xtask bench crypto` runs, once for each backend of the primitives.
//!
//! A runner of its own and not criterion: what stands beside a figure has to run by turns with it, since on a shared machine two
//! measurements one after another do not compare.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command's output"
)]

mod attachments;
mod floor;
mod leaks;
#[path = "../../bench/src/machine.rs"]
#[allow(dead_code, reason = "shared with a bench that reads more")]
mod machine;
mod olm;
mod ours;
#[path = "../../bench/src/report.rs"]
#[allow(dead_code, reason = "shared with a bench that writes more")]
mod report;
mod sessions;
mod timing;
#[path = "../../bench/src/trouble.rs"]
mod trouble;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

use floor::Costs;
use report::{Goal, table};
use timing::Effort;
use trouble::{Done, io};

/// Measures sessions and attachments.
#[derive(Parser)]
#[command(name = "sealwire-bench-crypto")]
struct Arguments {
    /// Where the figures are written as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Keep the figures that stand there: the other backend's
    #[arg(long, requires = "json")]
    append: bool,

    /// The page of the book whose section is written
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,

    /// Not how fast: whether times depend on secrets
    #[arg(long, conflicts_with_all = ["json", "append"])]
    leaks: bool,

    /// A second: shows that everything works, not how fast it is
    #[arg(long)]
    quick: bool,
}

const BACKEND: &str = if cfg!(feature = "native") {
    "native"
} else {
    "portable"
};

/// What the figures have to be, over vodozemac's where a unit is missing.
pub(crate) struct Goals {
    encrypt: f64,
    decrypt: f64,
    ping_pong: f64,
    establish: f64,
    /// Milliseconds.
    skipped: f64,
    /// Bytes.
    stored: f64,
    /// Over single messages.
    envelopes: f64,
    /// Of AWS-LC's own speed: nothing is promised of another's code.
    attachments: Goal,
}

const GOALS: Goals = if cfg!(feature = "native") {
    Goals {
        encrypt: 0.2,
        decrypt: 1.0,
        ping_pong: 0.65,
        establish: 1.0,
        skipped: 3.0,
        stored: 600.0,
        envelopes: 1.2,
        attachments: Goal::AtLeast(0.85),
    }
} else {
    Goals {
        encrypt: 0.25,
        decrypt: 1.2,
        ping_pong: 1.0,
        establish: 1.5,
        skipped: 4.0,
        stored: 600.0,
        envelopes: 1.2,
        attachments: Goal::None,
    }
};

/// The figure's name, which says what it was measured with.
pub(crate) fn named(figure: &str) -> String {
    format!("{figure} ({BACKEND})")
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("sealwire-bench-crypto: {trouble}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Done<()> {
    if arguments.leaks {
        return leaks(arguments);
    }
    let effort = if arguments.quick {
        Effort::QUICK
    } else {
        Effort::FULL
    };
    // First, while nothing else has taken memory.
    let attachments = attachments::measure(effort, &GOALS)?;
    let costs = Costs::measure(effort)?;
    let mut figures = sessions::measure(effort, &GOALS, &costs)?;
    figures.extend(attachments);
    let text = format!(
        "{}\n\n{}\nOne of each on this backend: {}.",
        machine::line(),
        table(&figures),
        costs.described()
    );
    println!("{text}");
    if let Some(path) = &arguments.json {
        let mut all = Vec::new();
        if arguments.append {
            let text = std::fs::read_to_string(path).map_err(io("the other backend's figures"))?;
            all = serde_json::from_str::<Vec<serde_json::Value>>(&text)?;
        }
        for figure in &figures {
            all.push(serde_json::to_value(figure)?);
        }
        write(path, &all)?;
    }
    if let Some(page) = &arguments.page {
        report::write_section(page, &format!("bench crypto {BACKEND}"), &text)?;
    }
    Ok(())
}

fn leaks(arguments: &Arguments) -> Done<()> {
    let count = if arguments.quick {
        leaks::QUICK
    } else {
        leaks::FULL
    };
    let text = format!("{}\n\n{}", machine::line(), leaks::report(count)?);
    println!("{text}");
    match &arguments.page {
        Some(page) => report::write_section(page, &format!("bench timing {BACKEND}"), &text),
        None => Ok(()),
    }
}

fn write(path: &std::path::Path, figures: &[serde_json::Value]) -> Done<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(io("the folder of the figures"))?;
    }
    let text = serde_json::to_string_pretty(figures)?;
    std::fs::write(path, format!("{text}\n")).map_err(io("the figures"))
}
