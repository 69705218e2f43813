//! Relays: inside the test, or as a process of its own that can be killed.

use crate::soon;
use sealwire_relay::{Relay, RelayConfig, RelayData};
use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

/// Where cargo put the relay's program. It tells test files alone.
#[macro_export]
macro_rules! relay_program {
    () => {
        env!("CARGO_BIN_EXE_relay-to-kill")
    };
}

/// A relay inside the test, whose data is gone with it.
pub async fn start_relay() -> Relay {
    Relay::start(RelayConfig::new(RelayData::Memory))
        .await
        .unwrap()
}

/// The program that an operator runs.
pub struct RelayProcess {
    child: Child,
    /// Where it listens.
    pub url: String,
}

impl RelayProcess {
    /// Starts it on this folder, on this port or a free one. `program` is [`relay_program!`](crate::relay_program).
    pub async fn start(program: &str, folder: &Path, listen: Option<SocketAddr>) -> Self {
        Self::start_with(program, folder, listen, &[]).await
    }

    /// Starts it with more arguments.
    pub async fn start_with(
        program: &str,
        folder: &Path,
        listen: Option<SocketAddr>,
        more: &[&str],
    ) -> Self {
        let mut command = Self::command(program, folder, listen, more);
        command.env("RUST_LOG", "error");
        Self::listening(command).await
    }

    /// Starts it without limits; what it logs from warnings on goes into this file.
    pub async fn start_logged(
        program: &Path,
        folder: &Path,
        listen: Option<SocketAddr>,
        log: File,
    ) -> Self {
        let program = program.to_str().unwrap();
        let mut command = Self::command(program, folder, listen, &["--limits", "off"]);
        command.env("RUST_LOG", "warn").stderr(log);
        Self::listening(command).await
    }

    fn command(program: &str, folder: &Path, listen: Option<SocketAddr>, more: &[&str]) -> Command {
        let listen = listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut command = Command::new(program);
        command.args(["--listen", &listen.to_string(), "--data"]);
        command.arg(folder).args(more);
        command
    }

    async fn listening(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.as_mut().unwrap());
        let mut line = String::new();
        soon("the relay listens", lines.read_line(&mut line))
            .await
            .unwrap();
        let url = line.trim_end().strip_prefix("listening on ").unwrap();
        Self {
            url: url.to_owned(),
            child,
        }
    }

    /// The process, while it runs.
    pub fn id(&self) -> u32 {
        self.child.id().unwrap()
    }

    /// SIGTERM: it closes its sockets and ends by itself.
    pub async fn end(mut self) {
        let id = self.id().to_string();
        let told = Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(told.await.unwrap().success());
        let status = soon("the relay ends", self.child.wait()).await.unwrap();
        assert!(status.success(), "the relay ended with {status}");
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.url.strip_prefix("http://").unwrap().parse().unwrap()
    }

    /// No file that it writes may grow beyond this from now on; `None`: any file may.
    pub async fn limit_files(&self, bytes: Option<u64>) {
        let soft = bytes.map_or("unlimited".to_owned(), |bytes| bytes.to_string());
        let limited = Command::new("prlimit")
            .args(["--pid", &self.child.id().unwrap().to_string()])
            .arg(format!("--fsize={soft}:unlimited"))
            .status()
            .await;
        assert!(limited.unwrap().success());
    }

    /// SIGKILL, and gone when this returns.
    pub async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}
