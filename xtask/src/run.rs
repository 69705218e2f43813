//! Running other programs in the project's folder.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// Why a command, or the step it belongs to, did not do its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// The program is not installed or may not be started.
    #[error("`{program}` could not be started: {cause}")]
    NotStarted { program: String, cause: io::Error },
    /// The program ran and said no.
    #[error("`{command}` failed ({status})")]
    Failed { command: String, status: ExitStatus },
    /// The program was ended because it took too long.
    #[error("`{command}` was ended after {} s", limit.as_secs())]
    TooSlow { command: String, limit: Duration },
    /// A file could not be read or written.
    #[error("{path}: {cause}", path = path.display())]
    File { path: PathBuf, cause: io::Error },
    /// Anything that a person has to do or put right.
    #[error("{0}")]
    Told(String),
}

/// The folder of the workspace.
pub(crate) fn root() -> &'static Path {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest)
}

/// A command in the workspace's folder, without what `cargo run` put into our environment about this crate.
pub(crate) fn command(program: &str) -> Command {
    let mut command = Command::new(program);
    command.current_dir(root());
    let ours = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"];
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy();
        if ours.iter().any(|prefix| name.starts_with(prefix)) {
            command.env_remove(name.as_ref());
        }
    }
    command
}

/// `cargo` with arguments, of the toolchain in use.
pub(crate) fn cargo<'a>(args: impl IntoIterator<Item = &'a str>) -> Command {
    let mut cargo = command("cargo");
    cargo.args(args);
    cargo
}

/// Runs to the end; output goes to the terminal.
pub(crate) fn run(command: &mut Command) -> Result<(), Error> {
    let status = spawn(command)?.wait();
    judged(command, status)
}

/// As [`run`], but ends the program when `limit` has passed.
pub(crate) fn run_within(command: &mut Command, limit: Duration) -> Result<(), Error> {
    let begun = Instant::now();
    let mut child = spawn(command)?;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return judged(command, Ok(status)),
            Ok(None) if begun.elapsed() < limit => {
                std::thread::sleep(Duration::from_millis(100));
            }
            Ok(None) => {
                // It may have ended by itself in this moment; then there is nothing to kill or to wait for.
                let _ = child.kill();
                let _ = child.wait();
                let command = shown(command);
                return Err(Error::TooSlow { command, limit });
            }
            Err(cause) => return judged(command, Err(cause)),
        }
    }
}

/// What cargo has just built, in the folder beside our own binary.
pub(crate) fn built(name: &str) -> Result<PathBuf, Error> {
    let ours = std::env::current_exe().map_err(|cause| Error::NotStarted {
        program: name.to_owned(),
        cause,
    })?;
    Ok(ours.parent().unwrap_or(Path::new(".")).join(name))
}

/// Whether the program is there and succeeds; silent.
pub(crate) fn succeeds(program: &str, args: &[&str]) -> bool {
    let mut silent = command(program);
    silent
        .args(args)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    silent.status().is_ok_and(|status| status.success())
}

/// What the program prints, if it is there and succeeds; its errors are not shown.
pub(crate) fn output(program: &str, args: &[&str]) -> Option<String> {
    let mut quiet = command(program);
    quiet.args(args).stderr(Stdio::null());
    let output = quiet.output().ok().filter(|out| out.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The command as a person would type it.
pub(crate) fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    words.join(" ")
}

fn spawn(command: &mut Command) -> Result<Child, Error> {
    command.spawn().map_err(|cause| Error::NotStarted {
        program: command.get_program().to_string_lossy().into_owned(),
        cause,
    })
}

fn judged(command: &Command, status: io::Result<ExitStatus>) -> Result<(), Error> {
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Failed {
            command: shown(command),
            status,
        }),
        Err(cause) => Err(Error::NotStarted {
            program: shown(command),
            cause,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_hangs_is_ended_at_its_limit() {
        let begun = Instant::now();
        let ended = run_within(command("sleep").arg("30"), Duration::from_millis(200));
        assert!(matches!(ended, Err(Error::TooSlow { .. })));
        assert!(begun.elapsed() < Duration::from_secs(10));
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let missing = run(&mut command("no-such-program-here")).unwrap_err();
        assert!(missing.to_string().contains("no-such-program-here"));
    }

    #[test]
    fn a_failure_shows_the_command_as_typed() {
        let failed = run(command("sh").args(["-c", "exit 3"])).unwrap_err();
        assert!(failed.to_string().contains("sh -c exit 3"));
    }
}
