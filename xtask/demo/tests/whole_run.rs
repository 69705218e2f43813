//! The demo as a person runs it, on the relay's binary that `cargo test --workspace` builds beside it.

use std::path::Path;
use std::process::Command;

fn demo() -> Command {
    let demo = Path::new(env!("CARGO_BIN_EXE_sealwire-demo"));
    let relay = demo.with_file_name("sealwire-relay");
    assert!(
        relay.exists(),
        "build the relay first: cargo build -p sealwire-relay"
    );
    Command::new(demo)
}

#[test]
fn everything_that_the_demo_claims_holds() {
    let run = demo().output().unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success(),
        "{said}\n{}",
        String::from_utf8_lossy(&run.stderr)
    );
    assert!(said.contains("0 failed"), "{said}");
    assert!(said.contains("killed     the relay"), "{said}");
}

#[test]
fn a_text_and_a_picture_of_ones_own_are_kept_where_asked() {
    let folder = tempfile::tempdir().unwrap();
    let [text, image, keep] =
        ["text.txt", "image.jpg", "keep"].map(|name| folder.path().join(name));
    let lines: Vec<_> = (0..24)
        .map(|n| format!("line {n} of a conversation about wanderlust{n}"))
        .collect();
    std::fs::write(&text, lines.join("\n")).unwrap();
    std::fs::write(
        &image,
        (0..90_000u32)
            .flat_map(u32::to_le_bytes)
            .collect::<Vec<_>>(),
    )
    .unwrap();
    let run = demo()
        .args([
            Path::new("--text"),
            &text,
            Path::new("--image"),
            &image,
            Path::new("--keep"),
            &keep,
        ])
        .output()
        .unwrap();
    assert!(
        run.status.success(),
        "{}",
        String::from_utf8_lossy(&run.stdout)
    );
    for kept in ["alice-1.db", "bob-3.db", "relay/data", "relay/log"] {
        assert!(keep.join(kept).exists(), "{kept}");
    }
}

#[test]
fn what_cannot_be_sent_is_named_before_anything_starts() {
    let run = demo()
        .args(["--text", "no-such-file.txt"])
        .output()
        .unwrap();
    assert!(!run.status.success());
    assert!(String::from_utf8_lossy(&run.stderr).contains("no-such-file.txt"));
}
