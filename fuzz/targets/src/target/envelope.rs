//! The plaintext of an envelope: what a peer's session decrypted to.
//!
//! Decoding holds at most 4 times the input and 256 bytes; what is longer than an envelope can be is not looked at. What decodes
//! is written back to the same meaning, and opens no ciphertext but the one that it was made for.

use std::sync::LazyLock;

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sealwire_crypto::content::{ContentKind, Position, SealedContent, seal};
use sealwire_crypto::envelope::EnvelopePlaintext;

use crate::memory::peak_of;
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "envelope",
    bound: Bound::new(256, 4),
    run,
    seeds,
};

const HERE: Position<'static> = Position {
    thread_id: &[3; 16],
    sender: "alice",
    device: 2,
    client_seq: 7,
    kind: ContentKind::Message,
};

static SEALED: LazyLock<SealedContent> = LazyLock::new(|| {
    let sealed = seal(HERE, b"hello", &mut ChaCha20Rng::seed_from_u64(1));
    sealed.ok().unwrap()
});

fn run(input: &[u8]) -> usize {
    let (decoded, peak) = peak_of(|| EnvelopePlaintext::decode(input));
    let Ok(envelope) = decoded else { return peak };
    let again = EnvelopePlaintext::decode(&envelope.encode());
    assert!(again.is_ok_and(|again| again == envelope));
    let row = Position {
        client_seq: envelope.client_seq,
        ..HERE
    };
    let opened = envelope.open(
        row,
        envelope.revision,
        &SEALED.commitment,
        &SEALED.ciphertext,
    );
    let made_for_it = envelope.key == SEALED.key
        && envelope.digest == SEALED.digest
        && envelope.commitment == SEALED.commitment
        && envelope.thread_id == *HERE.thread_id
        && envelope.client_seq == HERE.client_seq;
    assert_eq!(opened.is_ok(), made_for_it);
    peak
}

fn seeds() -> Vec<Vec<u8>> {
    let mut envelope = EnvelopePlaintext {
        key: SEALED.key.clone(),
        digest: SEALED.digest,
        commitment: SEALED.commitment,
        thread_id: *HERE.thread_id,
        client_seq: HERE.client_seq,
        revision: 0,
        device_list_version: 4,
    };
    let first = envelope.encode().to_vec();
    envelope.revision = u32::MAX;
    envelope.client_seq = u64::MAX;
    vec![first, envelope.encode().to_vec()]
}
