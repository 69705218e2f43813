//! The relay: the binary that an operator would run, as a process of its own.

use crate::trouble::{Done, Trouble, io};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long it may take to end when asked to.
const END_MAX: Duration = Duration::from_secs(20);

/// A relay that runs. Dropped, it is killed.
pub(crate) struct Relay {
    process: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

/// What the system says of a process.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    /// CPU time so far, of all its threads, in the kernel and outside.
    pub(crate) cpu: Duration,
    /// Memory that it holds now, in bytes.
    pub(crate) resident: u64,
}

impl Relay {
    /// On a free loopback port; `folder` holds its data, its log, and its temporary files.
    pub(crate) fn start(binary: &Path, folder: &Path) -> Done<Self> {
        fs::create_dir_all(folder).map_err(io("the relay's folder"))?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .map_err(io("the relay's log"))?;
        let mut process = Command::new(binary)
            .arg("--data")
            .arg(folder.join("data"))
            // Every client of the run is on this machine.
            .args(["--connections-per-address-max", "30000"])
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(io(&binary.display().to_string()))?;
        let mut line = String::new();
        if let Some(stdout) = process.stdout.take() {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(io("the relay's first line"))?;
        }
        let address = line.trim().rsplit_once("http://");
        match address.and_then(|(_, address)| address.parse().ok()) {
            Some(address) => Ok(Self { process, address }),
            None => {
                // Whatever state it is in, it is of no use.
                let _ = process.kill();
                let _ = process.wait();
                let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
                let why = format!("the relay did not say where it listens: {log}");
                Err(Trouble::Said(why))
            }
        }
    }

    /// Ended as an operator would: SIGTERM.
    pub(crate) fn stop(mut self) -> Done<()> {
        Command::new("kill")
            .arg("-TERM")
            .arg(self.process.id().to_string())
            .status()
            .map_err(io("SIGTERM"))?;
        let until = Instant::now() + END_MAX;
        while Instant::now() < until {
            if let Some(status) = self.process.try_wait().map_err(io("the relay's end"))? {
                return if status.success() {
                    Ok(())
                } else {
                    Err(Trouble::Said(format!("the relay ended with {status}")))
                };
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Err(Trouble::Said("the relay did not end when asked".to_owned()))
    }

    pub(crate) fn usage(&self) -> Done<Usage> {
        usage(&self.process.id().to_string())
    }
}

/// What this very process uses.
pub(crate) fn own_usage() -> Done<Usage> {
    usage("self")
}

fn usage(process: &str) -> Done<Usage> {
    let folder = Path::new("/proc").join(process);
    let mut nanoseconds = 0;
    // Each thread's time on a CPU; a thread that ended is missing, and the relay's threads do not end.
    for task in fs::read_dir(folder.join("task")).map_err(io("/proc"))? {
        let task = task.map_err(io("/proc"))?.path().join("schedstat");
        let text = fs::read_to_string(task).unwrap_or_default();
        nanoseconds += text
            .split(' ')
            .next()
            .and_then(|field| field.parse::<u64>().ok())
            .unwrap_or_default();
    }
    let status = fs::read_to_string(folder.join("status")).map_err(io("/proc"))?;
    let resident_kb = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().strip_suffix(" kB"))
        .and_then(|number| number.parse::<u64>().ok())
        .unwrap_or_default();
    Ok(Usage {
        cpu: Duration::from_nanos(nanoseconds),
        resident: resident_kb * 1024,
    })
}

impl Drop for Relay {
    fn drop(&mut self) {
        // An ended process cannot be killed again, and that is all that can go wrong here.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
