//! The ordinary message of a session, as the relay hands it over.
//!
//! Parsing holds at most twice the input and 256 bytes. What parses is opened in a session: only the peer's own messages open,
//! and nothing else changes it.

use std::sync::LazyLock;

use sealwire_crypto::ratchet::{RatchetMessage, SealedMessage, open};

use crate::device::{Device, OLD_TALKING, TALKING, row};
use crate::memory::peak_of;
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "message",
    bound: Bound::new(256, 2),
    run,
    seeds,
};

/// Receivers, each with what its peer has sent and it has not opened.
static WAITING: LazyLock<[(Device, Vec<SealedMessage>); 2]> =
    LazyLock::new(|| [waiting(&TALKING), waiting(&OLD_TALKING)]);

fn waiting((alice, bob): &(Device, Device)) -> (Device, Vec<SealedMessage>) {
    let (mut alice, mut bob) = (alice.clone(), bob.clone());
    let mut messages: Vec<_> = [b"".as_slice(), b"one", &[7; 100]]
        .into_iter()
        .map(|plaintext| alice.send(plaintext).unwrap())
        .collect();
    // The second arrives first: its forerunner's key is kept as a row.
    let second = messages.remove(1);
    bob.receive(&alice.as_sender(), &second).unwrap();
    (bob, messages)
}

fn run(input: &[u8]) -> usize {
    let (parsed, peak) = peak_of(|| RatchetMessage::parse(input));
    let Ok(message) = parsed else { return peak };
    assert_eq!(message.as_bytes(), input);
    for (receiver, messages) in &*WAITING {
        let Some(record) = &receiver.record else {
            continue;
        };
        let before = record.to_bytes();
        let row = row(message.ratchet_key(), message.counter());
        let kept = receiver.rows.get(&row).cloned();
        let opened = open(record, &message, kept, &mut receiver.rng.clone());
        let honest = messages.iter().any(|sent| sent.body == input);
        assert_eq!(opened.is_ok(), honest);
        assert!(record.to_bytes() == before);
    }
    peak
}

fn seeds() -> Vec<Vec<u8>> {
    let all = WAITING.iter().flat_map(|(_, messages)| messages);
    all.map(|message| message.body.clone()).collect()
}
