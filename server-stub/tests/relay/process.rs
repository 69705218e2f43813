//! The binary: its one line, its signals, its refusals, and a kill in the middle.

use crate::world::*;
use reqwest::StatusCode;
use sealwire_wire::contract::{ClientFrame, ErrorCode};
use std::path::Path;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, BufReader};
use tokio::process::{Child, Command};

const BINARY: &str = env!("CARGO_BIN_EXE_sealwire-relay");

/// A relay as its own process.
struct Process {
    child: Child,
    url: String,
}

impl Process {
    async fn start(folder: &Path) -> Self {
        Self::start_logging(folder, "info", Stdio::piped()).await
    }

    async fn start_logging(folder: &Path, level: &str, log: Stdio) -> Self {
        let mut child = Command::new(BINARY)
            .args(["--listen", "127.0.0.1:0", "--log", "json", "--data"])
            .arg(folder)
            .env("RUST_LOG", level)
            .stdout(Stdio::piped())
            .stderr(log)
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdout = child.stdout.as_mut().unwrap();
        let mut line = String::new();
        let mut lines = BufReader::new(stdout);
        tokio::time::timeout(PATIENCE, lines.read_line(&mut line))
            .await
            .unwrap()
            .unwrap();
        let url = line
            .trim_end()
            .strip_prefix("listening on ")
            .unwrap()
            .to_owned();
        Self { child, url }
    }

    async fn signal(&self, name: &str) {
        let pid = self.child.id().unwrap().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().await;
        assert!(sent.unwrap().success());
    }

    /// Soft limit on the size of any file that the process writes.
    async fn limit_files(&self, bytes: &str) {
        let pid = self.child.id().unwrap().to_string();
        let set = Command::new("prlimit")
            .args(["--pid", &pid, &format!("--fsize={bytes}:unlimited")])
            .status()
            .await;
        assert!(set.unwrap().success());
    }

    async fn ended(mut self) -> (Option<i32>, String) {
        let status = tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .unwrap()
            .unwrap();
        let mut log = String::new();
        let stderr = self.child.stderr.as_mut().unwrap();
        stderr.read_to_string(&mut log).await.unwrap();
        (status.code(), log)
    }
}

#[tokio::test]
async fn a_kill_loses_no_message_that_was_answered() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Process::start(folder.path()).await;
    let (_, alice) = open_account(&relay.url, "alice").await;
    let (_, bob) = open_account(&relay.url, "bob").await;
    let thread = sealwire_wire::ThreadId::direct(&alice.name.user_id, &bob.name.user_id);
    let answered = std::cell::RefCell::new(Vec::new());
    let sending = async {
        for client_seq in 1.. {
            let message = message(client_seq, &[&bob]);
            let request = alice
                .post(&format!("/v1/threads/{thread}/messages"))
                .header("idempotency-key", format!("k{client_seq}"))
                .json(&message);
            match request.send().await {
                Ok(answer) if answer.status() == StatusCode::ACCEPTED => {
                    answered.borrow_mut().push(client_seq);
                }
                _ => return,
            }
        }
    };
    let killing = async {
        while answered.borrow().len() < 25 {
            tokio::time::sleep(std::time::Duration::from_millis(3)).await;
        }
        relay.signal("KILL").await;
    };
    tokio::join!(sending, killing);
    let answered = answered.into_inner();
    assert_eq!(relay.ended().await.0, None);

    let relay = Process::start(folder.path()).await;
    let bob = bob.moved_to(&relay.url);
    let (replayed, _) = bob.socket().await.catch_up().await;
    // One more may have been durable when the answer was lost.
    assert!(replayed.starts_with(&answered), "{answered:?} {replayed:?}");
    assert!(replayed.len() <= answered.len() + 1);
}

#[tokio::test]
async fn sigterm_and_sigint_end_it_with_0() {
    for signal in ["TERM", "INT"] {
        let folder = tempfile::tempdir().unwrap();
        let relay = Process::start(folder.path()).await;
        let (_, alice) = open_account(&relay.url, "alice").await;
        let mut socket = alice.socket().await;
        socket.catch_up().await;
        relay.signal(signal).await;
        assert_eq!(socket.close_code().await, 1001);
        assert_eq!(relay.ended().await.0, Some(0));
    }
}

#[tokio::test]
async fn the_log_holds_neither_tokens_nor_bodies() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Process::start(folder.path()).await;
    let (_, alice) = open_account(&relay.url, "alice").await;
    let thread = sealwire_wire::ThreadId::direct(&alice.name.user_id, &alice.name.user_id);
    let mut note = message(1, &[]);
    note.to = Some(alice.name.user_id.clone());
    note.ciphertext = b"ciphertext-marker-of-this-test".as_slice().into();
    alice.send_message(thread, &note).await;
    let spoiled = alice
        .post("/v1/threads")
        .header("content-type", "application/json");
    spoiled.body("{\"body-marker\":").send().await.unwrap();
    let with_query = alice.get("/v1/users/alice/devices?since=0&marker=query-marker");
    with_query.send().await.unwrap();
    relay.signal("TERM").await;
    let (_, log) = relay.ended().await;
    assert!(log.contains("/v1/threads/{id}/messages"), "{log}");
    let sealed = serde_json::to_value(&note.ciphertext).unwrap();
    let signature = alice.token.rsplit('.').next().unwrap();
    for secret in [
        signature,
        sealed.as_str().unwrap(),
        "ciphertext-marker",
        "body-marker",
        "query-marker",
    ] {
        assert!(!log.contains(secret), "{secret}");
    }
    for line in log.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[tokio::test]
async fn no_level_of_the_log_shows_what_is_in_requests_and_frames() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let to_file = std::fs::File::create(&log).unwrap().into();
    let relay = Process::start_logging(&folder.path().join("data"), "trace", to_file).await;
    let (_, alice) = open_account(&relay.url, "alice").await;
    let (_, bob) = open_account(&relay.url, "bob").await;
    let thread = sealwire_wire::ThreadId::direct(&alice.name.user_id, &bob.name.user_id);
    let mut socket = bob.socket().await;
    socket.catch_up().await;
    socket
        .say(&ClientFrame::Auth {
            token: bob.token.clone(),
        })
        .await;
    let sent = message(1, &[&bob]);
    alice.send_message(thread, &sent).await;
    socket.message().await;
    alice.get("/v1/users/b%2Fad/devices").send().await.unwrap();
    relay.signal("TERM").await;
    socket.close_code().await;
    let mut relay = relay;
    tokio::time::timeout(PATIENCE, relay.child.wait())
        .await
        .unwrap()
        .unwrap();
    let log = std::fs::read_to_string(log).unwrap();
    assert!(
        log.contains("socket opened"),
        "the level counts for our own lines"
    );
    let sealed = serde_json::to_value(&sent.ciphertext).unwrap();
    let signature = |device: &Device| device.token.rsplit('.').next().unwrap().to_owned();
    let secrets = [
        signature(&alice),
        signature(&bob),
        sealed.as_str().unwrap().to_owned(),
    ];
    for secret in secrets {
        let line = log.lines().find(|line| line.contains(&secret));
        assert_eq!(line, None);
    }
}

#[tokio::test]
async fn it_refuses_to_start_with_a_reason_and_exit_code_1() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let file = file.to_str().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let cases: [(&[&str], &str); 4] = [
        (&["--data", data, "--listen", "0.0.0.0:0"], "loopback"),
        (&["--data", file], "data folder"),
        (&["--data", data, "--platform-jwks", file], "keys"),
        (
            &["--data", data, "--public-origin", "relay.example"],
            "origin",
        ),
    ];
    for (arguments, reason) in cases {
        let output = Command::new(BINARY).args(arguments).output().await.unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(reason), "{arguments:?}: {said}");
        assert!(output.stdout.is_empty());
    }
}

#[tokio::test]
async fn help_names_every_option() {
    let output = Command::new(BINARY).arg("--help").output().await.unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    for option in [
        "--data",
        "--listen",
        "--public-origin",
        "--behind-proxy",
        "--platform-jwks",
        "--cors-origin",
        "--attachment-max",
        "--log",
        "--version",
    ] {
        assert!(help.contains(option), "{option}");
    }
    assert!(help.contains("dev mode") && help.contains("SIGTERM"));
}

#[cfg(target_os = "linux")]
async fn health(relay: &Process, path: &str) -> u16 {
    let answer = reqwest::get(format!("{}/{path}", relay.url)).await;
    answer.unwrap().status().as_u16()
}

#[tokio::test]
async fn a_disk_that_takes_no_more_refuses_sends_until_it_does_again() {
    let folder = tempfile::tempdir().unwrap();
    let relay = Process::start(folder.path()).await;
    let (_, alice) = open_account(&relay.url, "alice").await;
    let (_, bob) = open_account(&relay.url, "bob").await;
    let thread = sealwire_wire::ThreadId::direct(&alice.name.user_id, &bob.name.user_id);
    alice.sent(thread, 1, &[&bob]).await;
    relay.limit_files("1").await;
    let full = problem(alice.send(thread, 2, &[&bob]).await).await;
    assert_eq!((full.status, full.code), (503, ErrorCode::StorageFull));
    // It lives, but nobody should be sent to it.
    assert_eq!(health(&relay, "healthz").await, 200);
    assert_eq!(health(&relay, "readyz").await, 503);
    relay.limit_files("unlimited").await;
    // An answer is kept for a second.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(health(&relay, "readyz").await, 200);
    alice.sent(thread, 2, &[&bob]).await;
    let (replayed, _) = bob.socket().await.catch_up().await;
    assert_eq!(replayed, [1, 2]);
}
