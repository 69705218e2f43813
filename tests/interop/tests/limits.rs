//! How far ahead a message may be, and how many late ones still open, on both sides.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code, of which clippy knows only the functions marked as tests"
)]

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sealwire_interop::{KemRequest, Message, OurDevice, Peer, PeerKind, Refusal, devices};

const FORWARD_JUMP: u32 = 25_000;
const SKIPPED_KEYS: u32 = 2_000;

fn talking(kind: PeerKind, with_kem: bool) -> (OurDevice, Peer) {
    let (mut us, mut peer) = devices(kind, (false, true), ChaCha20Rng::seed_from_u64(1)).unwrap();
    let kem = with_kem.then_some(KemRequest {
        id: 51,
        last_resort: true,
    });
    us.begin(&peer.bundle(7, None, kem).unwrap()).unwrap();
    peer.open(&us.seal(b"hello").unwrap()).unwrap();
    us.open(&peer.seal(b"hello").unwrap()).unwrap();
    (us, peer)
}

/// The last messages of a chain, from the oldest whose key is kept: its last is one too far ahead, the one before is not.
fn tail(messages: &[Message]) -> (&Message, &Message, &Message, &Message) {
    let [let_go, kept, .., limit, beyond] = messages else {
        panic!("too few messages");
    };
    (let_go, kept, limit, beyond)
}

#[test]
fn the_peer_takes_our_jump_of_25_000_and_not_one_more() {
    for (kind, with_kem) in [
        (PeerKind::Official072, false),
        (PeerKind::Official090, true),
        (PeerKind::Python, false),
    ] {
        let (mut us, mut peer) = talking(kind, with_kem);
        let mut messages = Vec::new();
        for number in 0..FORWARD_JUMP + 2 {
            let message = us.seal(b"x").unwrap();
            if number + SKIPPED_KEYS + 1 >= FORWARD_JUMP {
                messages.push(message);
            }
        }
        let (let_go, kept, limit, beyond) = tail(&messages);
        // The official builds have no word of its own for it; that it opens later shows that nothing else is wrong with it.
        let too_far = match kind {
            PeerKind::Python => Refusal::TooFarAhead,
            PeerKind::Official072 | PeerKind::Official090 => Refusal::Undecipherable,
        };
        assert_eq!(peer.refuses(beyond).unwrap(), too_far);
        assert_eq!(peer.open(limit).unwrap(), b"x");
        assert_eq!(peer.open(beyond).unwrap(), b"x");
        assert_eq!(peer.open(kept).unwrap(), b"x");
        // The Python libraries keep all that they passed.
        match kind {
            PeerKind::Python => assert_eq!(peer.open(let_go).unwrap(), b"x"),
            PeerKind::Official072 | PeerKind::Official090 => {
                assert_eq!(peer.refuses(let_go).unwrap(), Refusal::UsedBefore);
            }
        }
    }
}

#[test]
fn we_take_a_jump_of_the_peer_of_25_000_and_not_one_more() {
    for (kind, with_kem) in [
        (PeerKind::Official072, true),
        (PeerKind::Official090, true),
        (PeerKind::Python, false),
    ] {
        let (mut us, mut peer) = talking(kind, with_kem);
        let messages = peer
            .seal_many(FORWARD_JUMP + 2, SKIPPED_KEYS + 3, b"x")
            .unwrap();
        let (let_go, kept, limit, beyond) = tail(&messages);
        // The peer has one message of this chain behind it.
        assert_eq!(us.refuses(beyond).unwrap(), Refusal::TooFarAhead);
        assert_eq!(us.open(limit).unwrap(), b"x");
        assert_eq!(us.skipped_keys(), SKIPPED_KEYS as usize);
        assert_eq!(us.open(kept).unwrap(), b"x");
        assert_eq!(us.refuses(let_go).unwrap(), Refusal::UsedBefore);
        assert_eq!(us.open(beyond).unwrap(), b"x");
    }
}
