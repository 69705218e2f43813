//! Writes the inputs that the corpus began with, one folder a target: `seeds FOLDER`.
#![allow(
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a tool's own output"
)]

use std::path::Path;
use std::process::ExitCode;

use sealwire_fuzz_targets::ALL;

fn main() -> ExitCode {
    let Some(folder) = std::env::args().nth(1) else {
        eprintln!("seeds FOLDER");
        return ExitCode::FAILURE;
    };
    for target in ALL {
        let folder = Path::new(&folder).join(target.name);
        std::fs::create_dir_all(&folder).unwrap();
        for (number, seed) in (target.seeds)().iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:02}")), seed).unwrap();
        }
    }
    ExitCode::SUCCESS
}
