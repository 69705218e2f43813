//! `sealwire-bench-relay`: what `cargo xtask bench relay` runs. The relay is a process of its own, on loopback and with a data
//! folder of its own; this one registers people, replays requests that were prepared before, and reads the clock.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command's output"
)]

mod figures;
mod floor;
mod http;
mod load;
mod people;
mod prepared;
mod relay;
#[path = "../../bench/src/report.rs"]
mod report;
mod socket;
mod trouble;

use clap::Parser;
use figures::{Ground, Size};
use report::Figure;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;
use trouble::{Done, io};

/// Measures the relay.
#[derive(Parser)]
#[command(name = "sealwire-bench-relay")]
struct Arguments {
    /// The relay's binary [default: the one beside this]
    #[arg(long, value_name = "FILE")]
    relay: Option<PathBuf>,

    /// Where the figures are written as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// The page of the book whose section is written
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,

    /// Where the relay's data lies meanwhile [default: the system's temporary folder]
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,

    /// Only these: sending, fan-out, idle, replay [default: all]
    #[arg(long, value_name = "NAME")]
    only: Vec<String>,

    /// A few seconds: shows that everything works, not how fast it is
    #[arg(long)]
    quick: bool,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(trouble) => {
            eprintln!("sealwire-bench-relay: {trouble}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Done<()> {
    let begun = Instant::now();
    // Before the run, so that the load is what others put on the machine.
    let machine = machine();
    let binary = match &arguments.relay {
        Some(binary) => binary.clone(),
        None => std::env::current_exe()
            .map_err(io("this binary"))?
            .with_file_name("sealwire-relay"),
    };
    let parent = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::Builder::new()
        .prefix("sealwire-bench-")
        .tempdir_in(parent)
        .map_err(io("a temporary folder"))?;
    let ground = Ground {
        binary,
        folder: folder.path().to_owned(),
        size: if arguments.quick {
            Size::QUICK
        } else {
            Size::FULL
        },
    };
    let wanted =
        |name: &str| arguments.only.is_empty() || arguments.only.iter().any(|only| only == name);
    let floor = floor::measure(&folder.path().join("floor"), ground.size.floor)?;
    let mut figures = vec![
        Figure::new(
            "bare durable commits of one row",
            floor.commits_per_second,
            "/s",
            report::Goal::None,
        )
        .note("SQLite alone, WAL at synchronous=FULL, on the same disk: the disk's own pace"),
    ];
    if wanted("sending") {
        figures.extend(figures::sending(&ground, &floor)?);
    }
    if wanted("fan-out") {
        figures.extend(figures::fan_out(&ground)?);
    }
    if wanted("idle") {
        figures.extend(figures::idle(&ground)?);
    }
    if wanted("replay") {
        figures.extend(figures::replay(&ground)?);
    }
    let table = report::table(&figures);
    println!("{table}\n{:.0} s in all", begun.elapsed().as_secs_f64());
    if let Some(json) = &arguments.json {
        report::write_json(json, &figures)?;
    }
    if let Some(page) = &arguments.page {
        report::write_section(page, "bench relay", &format!("{machine}\n\n{table}"))?;
    }
    Ok(())
}

/// What it was measured on.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(Path::new(path)).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map_or("an unknown processor", |(_, name)| name.trim());
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let (kernel, load) = (read("/proc/sys/kernel/osrelease"), read("/proc/loadavg"));
    format!(
        "Measured on {cores} cores of {model} at a load of {}, Linux {}, with SQLite {} and relay {}.",
        load.split(' ').next().unwrap_or("?"),
        kernel.trim(),
        rusqlite::version(),
        env!("CARGO_PKG_VERSION")
    )
}
