//! schemathesis against `/openapi.json`: made-up requests, right and wrong, to every route; `cargo xtask test --full` runs it.

use crate::openapi::tool;
use crate::world::*;
use sealwire_relay::Timings;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::process::Command;

/// What schemathesis is told, beside this file.
fn settings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemathesis.toml")
}

#[tokio::test]
#[ignore = "needs schemathesis: cargo xtask test --full"]
async fn schemathesis_finds_no_failure() {
    let timings = Timings {
        token_lifetime: Duration::from_secs(60 * 60),
        ..Timings::default()
    };
    let relay = relay_with(|config| config.timings(timings).without_limits()).await;
    let Pair {
        alice, bob, thread, ..
    } = pair(&relay).await;
    let sent = alice.sent(thread, 1, &[&bob]).await;
    let folder = tempfile::tempdir().unwrap();
    // Where made-up ids lead nowhere, true ones too.
    let known = [
        ("^/v1/threads/", thread.to_string()),
        ("^/v1/messages/", sent.id.to_string()),
        ("^/v1/users/", bob.name.user_id.to_string()),
    ];
    let operations = known.iter().map(|(path, id)| {
        format!(
            "\n[[operations]]\ninclude-path-regex = \"{path}\"\nparameters = {{ \"path.id\" = \"{id}\" }}\n"
        )
    });
    let usual = std::fs::read_to_string(settings()).unwrap();
    let with_ids = folder.path().join("with-ids.toml");
    std::fs::write(&with_ids, usual + &operations.collect::<String>()).unwrap();
    // An id that is set is never a wrong one: only requests that fit the document.
    let by_ids = [
        "--mode",
        "positive",
        "--include-path-regex",
        "^/v1/(threads|messages|users)/",
    ];
    let runs = [
        (settings(), vec!["--exclude-method", "DELETE"]),
        (with_ids, by_ids.to_vec()),
        // Last: it may end the very device that asks.
        (settings(), vec!["--include-method", "DELETE"]),
    ];
    for (settings, chosen) in runs {
        let status = Command::new(tool("schemathesis"))
            .arg("--config-file")
            .arg(settings)
            .args(["run", &format!("{}/openapi.json", relay.url())])
            .args(&chosen)
            .args([
                "--header",
                &format!("Authorization: Bearer {}", alice.token),
            ])
            // Where it keeps examples.
            .current_dir(folder.path())
            .status()
            .await
            .unwrap();
        assert!(status.success(), "schemathesis {chosen:?}: {status}");
    }
}
