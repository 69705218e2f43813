//! Relays: inside the test, or as a process of its own that can be killed.

use crate::soon;
use sealwire_relay::{Relay, RelayConfig, RelayData};
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
        let listen = listen.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut child = Command::new(program)
            .args(["--listen", &listen.to_string(), "--data"])
            .arg(folder)
            .args(more)
            .env("RUST_LOG", "error")
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
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
