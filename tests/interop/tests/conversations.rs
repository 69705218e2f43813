//! Conversations that seeds make. A failure names its seed: `SEALWIRE_INTEROP_SEED=… SEALWIRE_INTEROP_CONVERSATIONS=1` plays it
//! again, `SEALWIRE_INTEROP_CONVERSATIONS=50` as many as there are to be.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "test code, of which clippy knows only the functions marked as tests"
)]

use sealwire_interop::{Conversation, PeerKind, Seeds};

fn play(kind: PeerKind, with_kem: bool) {
    let seeds = Seeds::from_environment();
    println!("{kind:?}: {seeds:?}");
    for seed in seeds {
        if let Err(error) = Conversation::play(kind, with_kem, seed) {
            panic!("{kind:?}, seed {seed}: {error}");
        }
    }
}

#[test]
fn with_the_official_build_0_72_1_in_version_3() {
    play(PeerKind::Official072, false);
}

#[test]
fn with_the_official_build_0_72_1_in_version_4() {
    play(PeerKind::Official072, true);
}

#[test]
fn with_the_official_build_0_90_0_in_version_4() {
    play(PeerKind::Official090, true);
}

#[test]
fn with_the_python_libraries_in_version_3() {
    play(PeerKind::Python, false);
}
