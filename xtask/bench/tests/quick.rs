//! The measurements run, and say what they measured.

use std::process::Command;

#[test]
fn the_client_is_measured_and_every_figure_is_written_with_its_goal() {
    let bench = std::path::Path::new(env!("CARGO_BIN_EXE_sealwire-bench"));
    let run = Command::new(bench)
        .args(["client", "--quick"])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&run.stdout);
    let failed = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{said}\n{failed}");

    let json = bench
        .ancestors()
        .nth(2)
        .unwrap()
        .join("bench/client-quick.json");
    let figures: Vec<serde_json::Value> =
        serde_json::from_slice(&std::fs::read(json).unwrap()).unwrap();
    let with_goal = |start: &str| {
        let mut all = figures.iter();
        all.any(|figure| {
            let name = figure["figure"].as_str().unwrap();
            name.starts_with(start) && !figure["goal"].is_null() && figure["holds"].is_boolean()
        })
    };
    for start in [
        "catch-up of 300 messages",
        "send to 19 devices",
        "the same at 10 × rows",
    ] {
        assert!(with_goal(start), "{start}: {figures:?}");
    }
    assert!(
        figures
            .iter()
            .all(|figure| figure["value"].as_f64().unwrap() > 0.0)
    );
}
