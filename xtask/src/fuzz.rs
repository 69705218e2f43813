//! `cargo xtask fuzz`: every fuzzer for a while, one after another, and a table of how far each came.
//!
//! The project's own toolchain builds them: what libFuzzer steers by is a pass of LLVM that a stable compiler has too, so that neither a
//! nightly nor cargo-fuzz has to be there. (`cargo +nightly fuzz run NAME` finds everything where it looks for it, all the same.)

mod report;

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use self::report::Report;
use crate::run::{Error, command, output, root, run};
use crate::setup::{self, Needs};

/// What `cargo xtask fuzz` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The targets, by the names in fuzz/fuzz_targets [default: all].
    #[arg(value_name = "TARGET")]
    targets: Vec<String>,

    /// How long each runs.
    #[arg(long, default_value_t = 60)]
    seconds: u64,

    /// Afterwards put into fuzz/corpus the fewest inputs that reach everything that was reached.
    #[arg(long)]
    keep: bool,
}

/// What cargo-fuzz sets too: counters for every edge, and the operands of comparisons.
const INSTRUMENTED: &str = "-Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    --cfg fuzzing -Ccodegen-units=1";

/// Longer inputs reach nothing more: of the others a bundle in JSON is the longest. A list and a content may be as long as there are any, and a
/// little longer; a program of the session's fuzzer has no need of so much.
const MAX_INPUT_BYTES: u32 = 6_144;
const MAX_LIST_BYTES: u32 = 33 * 1024;
const MAX_CONTENT_BYTES: u32 = 64 * 1024;
const MAX_PROGRAM_BYTES: u32 = 768;
/// One input that takes longer, or a process that holds more, is a find.
const MAX_INPUT_SECONDS: u32 = 10;
const MAX_PROCESS_MIB: u32 = 1_024;

pub(crate) fn main(args: &Args) -> Result<(), Error> {
    let all = targets()?;
    if let Some(unknown) = args.targets.iter().find(|name| !all.contains(name)) {
        let all = all.join(", ");
        return Err(Error::Told(format!(
            "there is no target {unknown}; there are: {all}"
        )));
    }
    let chosen = if args.targets.is_empty() {
        &all
    } else {
        &args.targets
    };
    setup::install(Needs::BUILD)?;
    let fuzzers = build(chosen)?;

    let mut reports = Vec::new();
    let mut finds = Vec::new();
    for name in chosen {
        println!("=== {name}: {} s", args.seconds);
        let report = fuzz(&fuzzers, name, args.seconds)?;
        finds.extend(report.find.clone());
        reports.push(report);
        if args.keep && finds.is_empty() {
            keep(&fuzzers, name)?;
        }
    }
    println!("\n{}", report::table(&reports));
    if finds.is_empty() {
        return Ok(());
    }
    Err(Error::Told(format!(
        "found, each in the input named (run it again: the fuzzer with that path as its argument):\n  {}",
        finds.join("\n  ")
    )))
}

/// The names of the fuzzers, as the folder has them.
fn targets() -> Result<Vec<String>, Error> {
    let path = root().join("fuzz/fuzz_targets");
    let entries = path
        .read_dir()
        .map_err(|cause| Error::File { path, cause })?;
    let names = entries.flatten().filter_map(|entry| {
        let path = entry.path();
        Some(path.file_stem()?.to_string_lossy().into_owned())
    });
    let mut names: Vec<_> = names.collect();
    names.sort();
    Ok(names)
}

/// Builds these fuzzers; gives the folder that they lie in.
fn build(names: &[String]) -> Result<PathBuf, Error> {
    let host = output("rustc", &["-vV"]).and_then(|text| {
        let host = text.lines().find_map(|line| line.strip_prefix("host: "));
        host.map(str::to_owned)
    });
    let host = host.ok_or_else(|| Error::Told("rustc does not say what it runs on".to_owned()))?;
    let target = work().join("target");
    let mut build = command("cargo");
    build.current_dir(root().join("fuzz"));
    // With a target named, build scripts are not instrumented.
    build.args(["build", "--locked", "--release", "--target", &host]);
    for name in names {
        build.args(["--bin", name]);
    }
    build.env("CARGO_TARGET_DIR", &target);
    build.env("RUSTFLAGS", INSTRUMENTED);
    run(&mut build)?;
    Ok(target.join(host).join("release"))
}

/// Runs one fuzzer. What it learns goes beside the corpus, not into it; what it says into a file.
fn fuzz(fuzzers: &Path, name: &str, seconds: u64) -> Result<Report, Error> {
    let (learnt, finds) = (work().join("corpus").join(name), work().join("finds"));
    for folder in [&learnt, &finds] {
        created(folder)?;
    }
    let log = work().join(name).with_extension("log");
    let mut fuzzer = limited(fuzzers, name);
    fuzzer.arg(format!("-max_total_time={seconds}"));
    fuzzer.arg("-print_final_stats=1");
    fuzzer.arg(format!("-artifact_prefix={}/{name}-", finds.display()));
    fuzzer
        .arg(&learnt)
        .arg(root().join("fuzz/corpus").join(name));
    let written = File::create(&log).map_err(|cause| file(&log, cause))?;
    fuzzer.stdout(written.try_clone().map_err(|cause| file(&log, cause))?);
    fuzzer.stderr(written);
    let ended = run(&mut fuzzer);
    let text = fs::read(&log).map_err(|cause| file(&log, cause))?;
    let mut report = Report::of(name, &String::from_utf8_lossy(&text));
    if let Err(error) = ended {
        report
            .find
            .get_or_insert_with(|| format!("{name}: {error}"));
        println!("    said in {}", log.display());
    }
    Ok(report)
}

/// Replaces the corpus of one target by the fewest inputs that reach what it and all that was learnt reach.
fn keep(fuzzers: &Path, name: &str) -> Result<(), Error> {
    let corpus = root().join("fuzz/corpus").join(name);
    let fewest = work().join("fewest").join(name);
    if fewest.exists() {
        fs::remove_dir_all(&fewest).map_err(|cause| file(&fewest, cause))?;
    }
    created(&fewest)?;
    let mut merge = limited(fuzzers, name);
    // Edges alone: how often each was taken would keep ten times as many.
    merge.args(["-set_cover_merge=1", "-use_counters=0", "-verbosity=0"]);
    merge
        .arg(&fewest)
        .arg(&corpus)
        .arg(work().join("corpus").join(name));
    run(&mut merge)?;
    fs::remove_dir_all(&corpus).map_err(|cause| file(&corpus, cause))?;
    created(&corpus)?;
    let entries = fewest.read_dir().map_err(|cause| file(&fewest, cause))?;
    for entry in entries.flatten() {
        let kept = corpus.join(entry.file_name());
        fs::copy(entry.path(), &kept).map_err(|cause| file(&kept, cause))?;
    }
    Ok(())
}

fn limited(fuzzers: &Path, name: &str) -> Command {
    let longest = match name {
        "session" => MAX_PROGRAM_BYTES,
        "device_list" => MAX_LIST_BYTES,
        "content" => MAX_CONTENT_BYTES,
        _ => MAX_INPUT_BYTES,
    };
    let mut fuzzer = command(&fuzzers.join(name).to_string_lossy());
    fuzzer.arg(format!("-max_len={longest}"));
    fuzzer.arg(format!("-timeout={MAX_INPUT_SECONDS}"));
    fuzzer.arg(format!("-rss_limit_mb={MAX_PROCESS_MIB}"));
    fuzzer
}

/// All that fuzzing writes, save for a corpus that is kept.
fn work() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    target.unwrap_or_else(|| root().join("target")).join("fuzz")
}

fn created(folder: &Path) -> Result<(), Error> {
    fs::create_dir_all(folder).map_err(|cause| file(folder, cause))
}

fn file(path: &Path, cause: std::io::Error) -> Error {
    let path = path.to_owned();
    Error::File { path, cause }
}
