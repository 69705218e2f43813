//! The whole run, small: on the relay's binary that `cargo test --workspace` builds beside it.

use std::path::Path;
use std::process::Command;

#[test]
fn every_figure_of_the_relay_is_measured_and_written() {
    let bench = Path::new(env!("CARGO_BIN_EXE_sealwire-bench-relay"));
    assert!(
        bench.with_file_name("sealwire-relay").exists(),
        "build the relay first: cargo build -p sealwire-relay"
    );
    let folder = tempfile::tempdir().unwrap();
    let [json, page] = ["relay.json", "page.md"].map(|name| folder.path().join(name));
    let book = "# Figures\n<!-- bench relay: begin -->\n<!-- bench relay: end -->\nafter";
    std::fs::write(&page, book).unwrap();
    let run = Command::new(bench)
        .arg("--quick")
        .arg("--json")
        .arg(&json)
        .arg("--page")
        .arg(&page)
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stderr)
    );

    let text = std::fs::read_to_string(&json).unwrap();
    let figures: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let names: Vec<_> = figures
        .iter()
        .map(|figure| figure["figure"].as_str().unwrap())
        .collect();
    for name in [
        "1:1 messages",
        "202",
        "received frame",
        "growing",
        "last socket",
        "idle",
        "replay",
    ] {
        let found = names.iter().any(|figure| figure.contains(name));
        assert!(found, "no figure of {name}: {names:?}");
    }
    for figure in &figures {
        assert!(figure["value"].as_f64().unwrap() > 0.0, "{figure}");
        assert!(figure["unit"].is_string() && figure["holds"].is_boolean());
    }
    let book = std::fs::read_to_string(&page).unwrap();
    assert!(book.starts_with("# Figures") && book.ends_with("after"));
    assert!(book.contains("durable 1:1 messages"), "{book}");
}
