//! Conversations that were had with every peer, from `vectors/`, had again without one: on the backend that this build has.
//!
//! `src/bin/record.rs` wrote them, through `peer.mjs` and `peer.py`.
#![allow(clippy::unwrap_used, reason = "tests")]

use sealwire_interop::{Recorded, Step};

fn conversations(file: &str, peer: &str) -> Vec<Recorded> {
    let recorded: Vec<Recorded> = serde_json::from_str(file).unwrap();
    assert_eq!(recorded.len(), 4);
    assert!(recorded.iter().all(|one| one.peer == peer));
    recorded
}

fn had_again(file: &str, peer: &str) {
    for conversation in conversations(file, peer) {
        conversation.replay().unwrap();
    }
}

#[test]
fn x3dh_with_the_official_build() {
    let file = include_str!("../vectors/official_0.72.1_x3dh.json");
    had_again(file, "official 0.72.1");
}

#[test]
fn x3dh_with_the_python_libraries() {
    had_again(include_str!("../vectors/python_x3dh.json"), "python");
}

/// With Kyber of round 3, which only the peers' feature has.
#[cfg(feature = "peers")]
#[test]
fn pqxdh_with_the_official_builds() {
    let file = include_str!("../vectors/official_0.72.1_pqxdh.json");
    had_again(file, "official 0.72.1");
    let file = include_str!("../vectors/official_0.90.0_pqxdh.json");
    had_again(file, "official 0.90.0");
}

#[test]
fn a_conversation_in_which_one_byte_is_another_does_not_come_out() {
    let file = include_str!("../vectors/official_0.72.1_x3dh.json");
    for mut conversation in conversations(file, "official 0.72.1") {
        let said = conversation
            .steps
            .iter_mut()
            .rev()
            .find_map(|step| match step {
                Step::Theirs(said) => Some(said),
                _ => None,
            });
        let body = &mut said.unwrap().message.body;
        let last = body.pop().unwrap();
        body.push(if last == '0' { '1' } else { '0' });
        let error = conversation.replay().unwrap_err();
        assert!(error.to_string().contains("not authentic"), "{error}");
    }
}
