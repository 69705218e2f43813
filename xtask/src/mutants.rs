//! `cargo xtask mutants`: changes core/crypto in every way that cargo-mutants knows, and asks the tests of each change.
//!
//! Twice: first without the few tests that take most of the time, then what those let pass, with all. Hours on one core.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::run::{Error, cargo, command, output, root, run};

/// The same for everybody: another version makes other mutants.
const VERSION: &str = "27.1.0";
/// Where the survivors are explained, one by one.
const PAGE: &str = "docs/mutation.md";
const SOURCES: &str = "core/crypto/src/";
/// Of the mutants that compile, how many have to be caught.
const GOAL_PERCENT: usize = 90;
/// By their names; together they take four fifths of the time.
const SLOW_TESTS: [&str; 6] = [
    "of_a_first_message",
    "crash_at_any_point",
    "opens_exactly_once",
    "at_every_moment",
    "the_fullest_record",
    "a_jump_of_the_limit",
];

/// What `cargo xtask mutants` takes.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Only mutants of these files, as `ratchet/*.rs`; the figures are theirs then.
    files: Vec<String>,
    /// How many are built at once.
    #[arg(long, default_value_t = 1)]
    jobs: u8,
}

pub(crate) fn main(args: &Args) -> Result<(), Error> {
    let program = installed()?;
    let folder = root().join("target/mutants-report");
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(file(&folder))?;
    }
    std::fs::create_dir_all(&folder).map_err(file(&folder))?;
    let skipped = SLOW_TESTS.iter().flat_map(|name| ["--skip", name]);
    asked(&program, args, &folder, skipped)?;
    let quickly = Outcomes::read(&folder)?;
    let survivors = quickly.missed.len();
    println!("\n{survivors} pass the quick tests: all tests for those\n");
    asked(&program, args, &folder, [].into_iter())?;
    let slowly = Outcomes::read(&folder)?;
    judged(quickly.caught + slowly.caught, &slowly.missed)
}

/// One run: of what an earlier one caught, nothing is tried again.
fn asked<'a>(
    program: &Path,
    args: &Args,
    folder: &Path,
    of_tests: impl Iterator<Item = &'a str>,
) -> Result<(), Error> {
    let mut mutants = command(&program.to_string_lossy());
    mutants.args(["mutants", "--package", "sealwire-crypto", "--iterate"]);
    mutants.args(["--jobs", &args.jobs.to_string()]);
    mutants.arg("--output").arg(folder);
    if args.files.is_empty() {
        mutants.args(["--file", &format!("{SOURCES}**/*.rs")]);
    }
    for files in &args.files {
        mutants.args(["--file", &format!("{SOURCES}{files}")]);
    }
    mutants.args(["--", "--lib", "--"]).args(of_tests);
    // Few cases, and none of a mutant kept for the next one.
    mutants.env("PROPTEST_CASES", "8");
    mutants.env("PROPTEST_DISABLE_FAILURE_PERSISTENCE", "1");
    // It copies the project and builds there: not into the folder of our own builds.
    mutants.env_remove("CARGO_TARGET_DIR");
    match run(&mut mutants) {
        // Some were missed, or took too long: that is judged at the end.
        Err(Error::Failed { status, .. }) if matches!(status.code(), Some(2 | 3)) => Ok(()),
        done => done,
    }
}

/// What one run found.
struct Outcomes {
    caught: usize,
    missed: BTreeSet<String>,
}

impl Outcomes {
    fn read(folder: &Path) -> Result<Self, Error> {
        let lines = |name: &str| {
            let path = folder.join("mutants.out").join(name);
            let text = std::fs::read_to_string(&path).map_err(file(&path))?;
            Ok(text.lines().map(named).collect::<Vec<_>>())
        };
        // One that makes the tests hang does not pass them.
        let caught = lines("caught.txt")?.len() + lines("timeout.txt")?.len();
        let missed = lines("missed.txt")?.into_iter().collect();
        Ok(Self { caught, missed })
    }
}

/// Without the place in the file, which every edit moves.
fn named(line: &str) -> String {
    let line = line.strip_prefix(SOURCES).unwrap_or(line);
    match line.splitn(4, ':').collect::<Vec<_>>()[..] {
        [file, _, _, change] => format!("{file}:{change}"),
        _ => line.to_owned(),
    }
}

fn judged(caught: usize, missed: &BTreeSet<String>) -> Result<(), Error> {
    let path = root().join(PAGE);
    let page = std::fs::read_to_string(&path).map_err(file(&path))?;
    let viable = caught + missed.len();
    let percent = caught * 100 / viable.max(1);
    println!("\n{caught} of {viable} mutants that compile are caught: {percent} %");
    let unexplained = unexplained(missed, &page);
    for name in &unexplained {
        println!("  not explained in {PAGE}: {name}");
    }
    match (unexplained.len(), percent >= GOAL_PERCENT) {
        (0, true) => Ok(()),
        (0, false) => Err(Error::Told(format!("fewer than {GOAL_PERCENT} % caught"))),
        (count, _) => Err(Error::Told(format!(
            "{count} mutants pass all tests: write the test that each asks for, or say in {PAGE} why there is none"
        ))),
    }
}

fn unexplained<'a>(missed: &'a BTreeSet<String>, page: &str) -> Vec<&'a String> {
    let explained = |name: &&String| !page.contains(&format!("`{name}`"));
    missed.iter().filter(explained).collect()
}

/// Built from source into a folder of the project's own, if it is not there: two minutes of one core.
fn installed() -> Result<PathBuf, Error> {
    let folder = root().join(".cache/cargo-mutants");
    let program = folder.join("bin/cargo-mutants");
    let version = output(&program.to_string_lossy(), &["mutants", "--version"]);
    if version.is_some_and(|text| text.contains(VERSION)) {
        return Ok(program);
    }
    println!("install cargo-mutants {VERSION}");
    let mut install = cargo(["install", "--quiet", "--locked", "--root"]);
    install.arg(&folder);
    install.args(["--version", VERSION, "cargo-mutants"]);
    // Its build is of no use to ours: not into our target folder.
    run(install.env_remove("CARGO_TARGET_DIR"))?;
    Ok(program)
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> Error + use<> {
    let path = path.to_owned();
    move |cause| Error::File { path, cause }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mutant_keeps_its_name_when_its_line_moves() {
        let names = ["84:9", "90:13"].map(|place| {
            named(&format!(
                "core/crypto/src/ratchet/open.rs:{place}: replace Session::a -> u32 with 1"
            ))
        });
        assert_eq!(names[0], names[1]);
        assert_eq!(
            names[0],
            "ratchet/open.rs: replace Session::a -> u32 with 1"
        );
    }

    #[test]
    fn a_survivor_that_the_page_does_not_name_is_told() {
        let missed = ["a.rs: replace b with c", "a.rs: replace b with cd"];
        let missed = missed.map(str::to_owned).into();
        let page = "- `a.rs: replace b with cd`: the same thing, longer.";
        assert_eq!(unexplained(&missed, page), ["a.rs: replace b with c"]);
    }
}
