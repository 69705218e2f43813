//! A session record as the store held it, in each of the formats that are read.
//!
//! Reading holds at most 16 times the input and 4 KiB. What is read is written back to the same state, and the record can be sent
//! on and receives a message without a panic, whatever its numbers are.

use sealwire_crypto::ratchet::{RatchetMessage, SessionRecord, open, seal};

use crate::device::{Device, OLD_TALKING, STRANGERS, TALKING};
use crate::memory::peak_of;
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "stored_session",
    bound: Bound::new(4 * 1024, 16),
    run,
    seeds,
};

/// The format that is written.
const NEWEST: u8 = 3;

fn run(input: &[u8]) -> usize {
    let (read, peak) = peak_of(|| SessionRecord::from_bytes(input));
    let Ok(record) = read else { return peak };
    let written = record.to_bytes();
    if input.first() == Some(&NEWEST) {
        // Secret keys are clamped on the way in: all else is what it was.
        assert_eq!(written.len(), input.len());
    }
    let again = SessionRecord::from_bytes(&written).unwrap();
    assert!(again.to_bytes() == written);

    let (alice, _) = &*TALKING;
    if let Ok((after, sealed)) = seal(&record, alice.now_ms, b"text") {
        assert!(after.to_bytes().len() <= written.len());
        if let Ok(message) = RatchetMessage::parse(&sealed.body) {
            // Its own message, as if the peer had sent it back.
            let _ = open(&after, &message, None, &mut alice.rng.clone());
        }
    }
    let hello = RatchetMessage::parse(&TALKING.1.clone().send(b"hello").unwrap().body);
    let _ = open(&record, &hello.unwrap(), None, &mut alice.rng.clone());
    assert!(record.to_bytes() == written);
    peak
}

fn seeds() -> Vec<Vec<u8>> {
    let (mut alice, mut bob) = STRANGERS.clone();
    alice.begin(&bob.bundle(Some(100)));
    let unanswered = alice.stored().record;
    // One session archived, chains of both sides, numbers that have moved.
    let mut both = TALKING.clone();
    both.0.begin(&both.1.bundle(None));
    let late = both.0.send(b"late").unwrap();
    let again = both.0.send(b"again").unwrap();
    both.1.receive(&both.0.as_sender(), &again).unwrap();
    both.1.receive(&both.0.as_sender(), &late).unwrap();
    let old = |device: &Device| device.stored().record;
    vec![
        unanswered,
        both.0.stored().record,
        both.1.stored().record,
        old(&OLD_TALKING.0),
        old(&OLD_TALKING.1),
    ]
}
