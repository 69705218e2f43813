//! The relay: the program that an operator runs.

use crate::process::Process;
use std::path::Path;
use tokio::process::Command;

/// A relay as a process of its own.
pub struct Relay {
    // Ends with this.
    _process: Process,
    /// Where it listens.
    pub url: String,
}

impl Relay {
    /// Starts the program that `SEALWIRE_RELAY` names, on this folder.
    pub async fn start(folder: &Path) -> Self {
        // It listens to nobody: it would not hear that the test was killed.
        let mut program = Command::new("setpriv");
        program.args(["--pdeathsig", "KILL"]);
        program.arg(crate::door::named_by("SEALWIRE_RELAY"));
        program.arg("--data").arg(folder);
        program.args(["--listen", "127.0.0.1:0", "--limits", "off"]);
        program.env("RUST_LOG", "error");
        let mut process = Process::start("the relay", program);
        let line = process.next_line("its address").await;
        let url = line.trim().strip_prefix("listening on ").unwrap();
        Self {
            url: url.to_owned(),
            _process: process,
        }
    }
}
