//! The whole run, small.

use std::path::Path;
use std::process::Command;

/// The rows that are promised, by how their names begin.
const PROMISED: [&str; 9] = [
    "encrypt 100 B",
    "decrypt 100 B",
    "ping-pong round",
    "establish, X3DH",
    "open a message after 1,000 skipped ones",
    "serialised session after 10 ping-pong rounds",
    "wrap one content key for 750 devices",
    "attachments, 64 MiB sealed",
    "the same, memory above idle",
];

#[test]
fn every_promised_figure_is_measured_and_added_to_those_of_the_other_backend() {
    let folder = std::env::temp_dir().join(format!("bench-crypto-{}", std::process::id()));
    let json = folder.join("crypto.json");
    let run = |more: &[&str]| {
        let run = Command::new(Path::new(env!("CARGO_BIN_EXE_sealwire-bench-crypto")))
            .args(["--quick", "--json"])
            .arg(&json)
            .args(more)
            .output()
            .unwrap();
        let failed = String::from_utf8_lossy(&run.stderr);
        assert!(run.status.success(), "{failed}");
        let text = std::fs::read_to_string(&json).unwrap();
        serde_json::from_str::<Vec<serde_json::Value>>(&text).unwrap()
    };
    let once = run(&[]);
    for promised in PROMISED {
        let mut names = once.iter().map(|figure| figure["figure"].as_str().unwrap());
        assert!(names.any(|name| name.starts_with(promised)), "{promised}");
    }
    let stored = |figure: &&serde_json::Value| figure["unit"] == "bytes";
    assert!(
        once.iter().find(stored).unwrap()["holds"]
            .as_bool()
            .unwrap()
    );
    assert_eq!(run(&["--append"]).len(), 2 * once.len());
    std::fs::remove_dir_all(folder).unwrap();
}

#[test]
fn every_comparison_of_times_is_made() {
    let run = Command::new(Path::new(env!("CARGO_BIN_EXE_sealwire-bench-crypto")))
        .args(["--quick", "--leaks"])
        .output()
        .unwrap();
    assert!(run.status.success());
    let text = String::from_utf8_lossy(&run.stdout);
    for operation in [
        "comparing a MAC",
        "refusing a message",
        "AES-256-GCM",
        "XEdDSA",
        "for control",
    ] {
        assert!(text.contains(&format!("\n| {operation}")), "{operation}");
    }
}
