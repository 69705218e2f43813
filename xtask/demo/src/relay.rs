//! The relay: the binary that an operator would run, as a process of its own.

use crate::{Done, Trouble, file};
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A relay that runs. Dropped, it is killed.
pub(crate) struct Relay {
    process: Child,
    folder: PathBuf,
    address: String,
}

impl Relay {
    /// On a free loopback port and a fresh data folder.
    pub(crate) fn start(folder: &Path) -> Done<Self> {
        for part in ["data", "tmp"] {
            std::fs::create_dir_all(folder.join(part))
                .map_err(|cause| file("the relay's folder", cause))?;
        }
        Self::start_at(folder, "127.0.0.1:0")
    }

    /// Killed in the middle of whatever it does, and started again on its folder and address.
    pub(crate) fn kill_and_start_again(mut self) -> Done<Self> {
        self.process
            .kill()
            .map_err(|cause| file("SIGKILL", cause))?;
        self.process
            .wait()
            .map_err(|cause| file("the killed relay", cause))?;
        let (folder, address) = (self.folder.clone(), self.address.clone());
        drop(self);
        Self::start_at(&folder, &address)
    }

    /// Ended as an operator would: SIGTERM, then it has ten seconds.
    pub(crate) fn stop(mut self) -> Done<bool> {
        let asked = Command::new("kill")
            .arg("-TERM")
            .arg(self.process.id().to_string())
            .status();
        asked.map_err(|cause| file("SIGTERM", cause))?;
        let until = Instant::now() + Duration::from_secs(10);
        while Instant::now() < until {
            if let Some(status) = self
                .process
                .try_wait()
                .map_err(|cause| file("the relay's end", cause))?
            {
                return Ok(status.success());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(false)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn start_at(folder: &Path, listen: &str) -> Done<Self> {
        let binary = std::env::current_exe()
            .map(|ours| ours.with_file_name("sealwire-relay"))
            .map_err(|cause| file("the relay's binary", cause))?;
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .map_err(|cause| file("the relay's log", cause))?;
        let mut process = Command::new(&binary)
            .arg("--data")
            .arg(folder.join("data"))
            .args(["--listen", listen])
            .env("TMPDIR", folder.join("tmp"))
            .env("RUST_LOG", "debug")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .map_err(|cause| file(&binary.display().to_string(), cause))?;
        let stdout = process.stdout.take();
        let mut line = String::new();
        if let Some(stdout) = stdout {
            BufReader::new(stdout)
                .read_line(&mut line)
                .map_err(|cause| file("the relay's first line", cause))?;
        }
        match line.trim().rsplit_once("http://") {
            Some((_, address)) => Ok(Self {
                process,
                folder: folder.to_owned(),
                address: address.to_owned(),
            }),
            None => {
                // Whatever state it is in, it is of no use.
                let _ = process.kill();
                let _ = process.wait();
                Err(Trouble::Said(format!(
                    "the relay did not say where it listens; see {}",
                    folder.join("log").display()
                )))
            }
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        // An ended process cannot be killed again, and that is all that can go wrong here.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
