//! A client's process: what it says, and how it ends.

use crate::{Job, Place, Told};
use sealwire_tests::PATIENCE;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// The system's number of SIGKILL.
const KILL: i32 = 9;

/// A process that runs.
pub struct Running {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    told: Vec<Told>,
    what: String,
}

/// A process that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Everything that it said.
    pub told: Vec<Told>,
    /// How it ended.
    pub how: How,
    /// What it was to do.
    pub what: String,
}

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// It did what it was to do.
    Done,
    /// By SIGKILL.
    Killed,
    /// Any other way.
    Otherwise(ExitStatus),
}

impl Running {
    pub(crate) fn start(
        folder: &Path,
        relay: &str,
        job: &Job,
        dies: Option<(&Place, u32)>,
    ) -> Self {
        let mut command = Command::new(client());
        Self::prepare(&mut command, folder, relay, job, dies);
        Self::spawn(command, job, dies)
    }

    /// The arguments of a client.
    pub(crate) fn prepare(
        command: &mut Command,
        folder: &Path,
        relay: &str,
        job: &Job,
        dies: Option<(&Place, u32)>,
    ) {
        command.arg("--folder").arg(folder).args(["--relay", relay]);
        if let Some((place, nth)) = dies {
            command.args(["--die-at", &place.to_string(), "--nth", &nth.to_string()]);
        }
        command.args(job.arguments());
    }

    pub(crate) fn spawn(mut command: Command, job: &Job, dies: Option<(&Place, u32)>) -> Self {
        let started = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let what = match dies {
            None => format!("{job:?}"),
            Some((place, nth)) => format!("{job:?}, killed at {place} the {nth}. time"),
        };
        Self {
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
            told: Vec::new(),
            what,
        }
    }

    /// Its number.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// What it says next; none once it has ended.
    pub async fn next(&mut self) -> Option<Told> {
        let line = tokio::time::timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.unwrap_or_else(|_| {
            panic!("{}: nothing more after {:#?}", self.what, self.told);
        });
        let told: Told = serde_json::from_str(&line.unwrap()?).unwrap();
        self.told.push(told.clone());
        Some(told)
    }

    /// Waits until it says something of a kind; none if it ends before.
    pub async fn until<T>(&mut self, is: impl Fn(&Told) -> Option<T>) -> Option<T> {
        if let Some(found) = self.told.iter().find_map(&is) {
            return Some(found);
        }
        while let Some(told) = self.next().await {
            if let Some(found) = is(&told) {
                return Some(found);
            }
        }
        None
    }

    /// No file that it writes may grow beyond this from now on; `None`: any file may.
    pub fn limit_files(&self, bytes: Option<u64>) {
        limit_files(self.id(), bytes);
    }

    /// Kills it now.
    pub fn kill(&mut self) {
        // It may have ended by itself in this moment.
        let _ = self.child.start_kill();
    }

    /// Waits for its end.
    pub async fn ended(mut self) -> Ended {
        while self.next().await.is_some() {}
        let status = self.child.wait().await.unwrap();
        let harm = self.told.iter().find(|told| matches!(told, Told::Harm(_)));
        assert_eq!(harm, None, "{}: {:#?}", self.what, self.told);
        let how = match status.signal() {
            Some(KILL) => How::Killed,
            _ if status.success() => How::Done,
            _ => How::Otherwise(status),
        };
        Ended {
            told: self.told,
            how,
            what: self.what,
        }
    }

    /// Waits for its end, which has to be a good one.
    pub async fn done(self) -> Ended {
        let ended = self.ended().await;
        assert_eq!(ended.how, How::Done, "{}: {:#?}", ended.what, ended.told);
        ended
    }
}

impl Ended {
    /// The places that it passed, in order, each time.
    pub fn places(&self) -> Vec<Place> {
        let places = self.told.iter().filter_map(|told| match told {
            Told::At(place) => Some(place.clone()),
            _ => None,
        });
        places.collect()
    }
}

/// No file that this process writes may grow beyond this from now on; `None`: any file may.
pub fn limit_files(process: u32, bytes: Option<u64>) {
    let soft = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
    let limited = std::process::Command::new("prlimit")
        .args(["--pid", &process.to_string()])
        .arg(format!("--fsize={soft}:unlimited"))
        .status();
    assert!(limited.unwrap().success());
}

/// Beside the test itself, one folder up: `target/debug/deps/kill-…` and `target/debug/client-to-kill`.
fn client() -> PathBuf {
    beside("client-to-kill")
}

pub(crate) fn beside(name: &str) -> PathBuf {
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().unwrap();
    let folder = match folder.ends_with("deps") {
        true => folder.parent().unwrap(),
        false => folder,
    };
    folder.join(name)
}
