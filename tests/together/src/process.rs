//! A program that speaks in lines, and everything that it started: gone when the test is, however that ends. A driver whose
//! test was killed hears that its requests have ended.

use crate::LAST_PATIENCE;
use std::future::Future;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A process in a group of its own.
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    requests: Option<ChildStdin>,
    lines: Lines<BufReader<ChildStdout>>,
    /// The group has the id of its first process, and is emptied by it.
    group: Option<u32>,
}

impl Process {
    /// Starts the program.
    pub(crate) fn start(name: &'static str, mut command: Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let started = command.kill_on_drop(true).process_group(0).spawn();
        let mut child = started.unwrap_or_else(|error| panic!("{name}: {command:?}: {error}"));
        Self {
            name,
            requests: child.stdin.take(),
            lines: BufReader::new(child.stdout.take().unwrap()).lines(),
            group: child.id(),
            child,
        }
    }

    /// Says a line to it.
    pub(crate) async fn say(&mut self, line: &str) {
        let requests = self.requests.as_mut().unwrap();
        let said = async {
            requests.write_all(line.as_bytes()).await?;
            requests.write_all(b"\n").await?;
            requests.flush().await
        };
        soon(self.name, line, said)
            .await
            .unwrap_or_else(|error| panic!("{} does not listen to {line}: {error}", self.name));
    }

    /// The next line that it says.
    pub(crate) async fn next_line(&mut self, what: &str) -> String {
        let line = soon(self.name, what, self.lines.next_line()).await.unwrap();
        line.unwrap_or_else(|| panic!("{} ended before: {what}", self.name))
    }

    /// Says nothing more to it, and waits until it has ended well.
    pub(crate) async fn end(mut self) {
        self.requests = None;
        let status = soon(self.name, "its end", self.child.wait()).await.unwrap();
        assert!(status.success(), "{} ended with {status}", self.name);
        self.group = None;
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let Some(group) = self.group else { return };
        // A browser outlives the driver that started it.
        let kill = format!("kill -s KILL -- -{group}");
        let _ = std::process::Command::new("sh")
            .args(["-c", &kill])
            .stderr(Stdio::null())
            .status();
    }
}

async fn soon<T>(name: &str, what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(LAST_PATIENCE, future).await {
        Ok(done) => done,
        Err(_) => panic!("{name}: nothing within {LAST_PATIENCE:?} for {what}"),
    }
}
