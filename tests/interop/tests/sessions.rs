//! Sessions with every peer, in the versions that it speaks.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "test code, of which clippy knows only the functions marked as tests"
)]

use rand_chacha::ChaCha20Rng;
use rand_core::SeedableRng;
use sealwire_crypto::signature::Signature;
use sealwire_interop::{KemRequest, Message, OurDevice, Peer, PeerKind, Refusal, identity_of_sign};

/// Each peer with what it can do: the last says whether there are KEM prekeys, which makes it version 4.
const PEERS: [(PeerKind, bool); 4] = [
    (PeerKind::Official072, false),
    (PeerKind::Official072, true),
    (PeerKind::Official090, true),
    (PeerKind::Python, false),
];

/// A device of each kind, whose identities have these signs.
fn devices(kind: PeerKind, signs: (bool, bool)) -> (OurDevice, Peer) {
    let seed = u64::from(signs.0) * 2 + u64::from(signs.1);
    sealwire_interop::devices(kind, signs, ChaCha20Rng::seed_from_u64(seed))
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A KEM prekey for one session, or one that stays.
fn kem(with_kem: bool, last_resort: bool) -> Option<KemRequest> {
    with_kem.then_some(KemRequest {
        id: 51,
        last_resort,
    })
}

/// The version byte of a message.
fn version(message: &Message) -> &str {
    &message.body[..1]
}

const SIGNS: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];

/// Forty turns of both sides: in order, out of order over up to three turns, some lost, some repeated.
fn talk(us: &mut OurDevice, peer: &mut Peer) {
    let (mut late_of_ours, mut late_of_peer) = (Vec::<(Vec<u8>, Message)>::new(), Vec::new());
    for turn in 0..40u32 {
        let texts: Vec<_> = (0..4)
            .map(|index| format!("turn {turn}, text {index}"))
            .collect();
        let texts: Vec<_> = texts.iter().map(String::as_bytes).collect();

        let sealed: Vec<_> = texts.iter().map(|text| us.seal(text).unwrap()).collect();
        for index in [2, 0] {
            assert_eq!(peer.open(&sealed[index]).unwrap(), texts[index]);
        }
        assert_eq!(peer.refuses(&sealed[0]).unwrap(), Refusal::UsedBefore);
        late_of_ours.push((texts[3].to_vec(), sealed[3].clone()));

        let sealed: Vec<_> = texts.iter().map(|text| peer.seal(text).unwrap()).collect();
        for index in [2, 0] {
            assert_eq!(us.open(&sealed[index]).unwrap(), texts[index]);
        }
        assert_eq!(us.refuses(&sealed[0]).unwrap(), Refusal::UsedBefore);
        late_of_peer.push((texts[3].to_vec(), sealed[3].clone()));

        // The last messages of chains that both sides have left three turns ago.
        if turn >= 3 {
            let (text, message) = late_of_ours.remove(0);
            assert_eq!(peer.open(&message).unwrap(), text);
            let (text, message) = late_of_peer.remove(0);
            assert_eq!(us.open(&message).unwrap(), text);
            assert_eq!(us.refuses(&message).unwrap(), Refusal::UsedBefore);
        }
    }
}

#[test]
fn a_session_that_we_begin() {
    for (kind, with_kem) in PEERS {
        for (signs, one_time) in SIGNS.into_iter().zip([Some(31), None, Some(31), None]) {
            let (mut us, mut peer) = devices(kind, signs);
            let kem = kem(with_kem, one_time.is_none());
            us.begin(&peer.bundle(7, one_time, kem).unwrap()).unwrap();
            let first = us.seal(b"first").unwrap();
            let second = us.seal(b"second").unwrap();
            assert_eq!((first.kind, second.kind), (3, 3));
            assert_eq!(version(&first), if with_kem { "4" } else { "3" });
            assert_eq!(peer.open(&second).unwrap(), b"second");
            assert_eq!(peer.open(&first).unwrap(), b"first");
            assert!(!peer.has_one_time_prekey(31).unwrap());
            assert_eq!(
                peer.has_kem_prekey(51).unwrap(),
                with_kem && one_time.is_none()
            );

            let reply = peer.seal(b"reply").unwrap();
            assert_eq!(reply.kind, 2);
            assert_eq!(us.open(&reply).unwrap(), b"reply");
            assert_eq!(us.seal(b"after the reply").unwrap().kind, 2);
            talk(&mut us, &mut peer);
        }
    }
}

#[test]
fn a_session_that_the_peer_begins() {
    for (kind, with_kem) in PEERS {
        for (signs, one_time) in SIGNS.into_iter().zip([Some(41), None, None, Some(41)]) {
            let (mut us, mut peer) = devices(kind, signs);
            let bundle = us.bundle(9, one_time, kem(with_kem, one_time.is_none()));
            peer.begin(&bundle).unwrap();
            let first = peer.seal(b"first").unwrap();
            let second = peer.seal(b"second").unwrap();
            assert_eq!((first.kind, second.kind), (3, 3));
            assert_eq!(version(&first), if with_kem { "4" } else { "3" });
            assert_eq!(us.open(&second).unwrap(), b"second");
            assert_eq!(us.skipped_keys(), 1);
            assert_eq!(us.open(&first).unwrap(), b"first");
            assert_eq!(us.skipped_keys(), 0);
            assert!(!us.has_one_time_prekey(41));
            assert_eq!(us.has_kem_prekey(51), with_kem && one_time.is_none());

            let reply = us.seal(b"reply").unwrap();
            assert_eq!(reply.kind, 2);
            assert_eq!(peer.open(&reply).unwrap(), b"reply");
            assert_eq!(peer.seal(b"after the reply").unwrap().kind, 2);
            talk(&mut us, &mut peer);
        }
    }
}

#[test]
fn both_begin_at_once() {
    for (kind, with_kem) in PEERS {
        let (mut us, mut peer) = devices(kind, (false, true));
        let kem = kem(with_kem, false);
        us.begin(&peer.bundle(7, Some(31), kem).unwrap()).unwrap();
        peer.begin(&us.bundle(9, Some(41), kem)).unwrap();
        let (ours, theirs) = (us.seal(b"ours").unwrap(), peer.seal(b"theirs").unwrap());
        assert_eq!(peer.open(&ours).unwrap(), b"ours");
        assert_eq!(us.open(&theirs).unwrap(), b"theirs");
        // Still crossing, each on the session that the other began, and then one after the other.
        let (ours, theirs) = (us.seal(b"again").unwrap(), peer.seal(b"encore").unwrap());
        assert_eq!(peer.open(&ours).unwrap(), b"again");
        assert_eq!(us.open(&theirs).unwrap(), b"encore");
        talk(&mut us, &mut peer);
    }
}

#[test]
fn a_late_message_of_each_of_the_last_five_chains_opens_on_both_sides() {
    for (kind, with_kem) in PEERS {
        let (mut us, mut peer) = devices(kind, (true, true));
        us.begin(&peer.bundle(7, None, kem(with_kem, true)).unwrap())
            .unwrap();
        peer.open(&us.seal(b"hello").unwrap()).unwrap();
        let (mut late_of_ours, mut late_of_peer) = (Vec::new(), Vec::new());
        for turn in 0..5u8 {
            let (shown, late) = (peer.seal(b"?").unwrap(), peer.seal(&[turn]).unwrap());
            us.open(&shown).unwrap();
            late_of_peer.push(late);
            let (shown, late) = (us.seal(b"!").unwrap(), us.seal(&[turn]).unwrap());
            peer.open(&shown).unwrap();
            late_of_ours.push(late);
        }
        for (turn, (ours, theirs)) in late_of_ours.iter().zip(&late_of_peer).enumerate() {
            assert_eq!(peer.open(ours).unwrap(), [turn as u8]);
            assert_eq!(us.open(theirs).unwrap(), [turn as u8]);
        }
    }
}

#[test]
fn empty_and_long_plaintexts_pass_both_ways() {
    for (kind, with_kem) in PEERS {
        let (mut us, mut peer) = devices(kind, (true, false));
        us.begin(&peer.bundle(7, None, kem(with_kem, true)).unwrap())
            .unwrap();
        for length in [0, 1, 15, 16, 17, 65_536] {
            let text = vec![0x5a; length];
            assert_eq!(peer.open(&us.seal(&text).unwrap()).unwrap(), text);
            assert_eq!(us.open(&peer.seal(&text).unwrap()).unwrap(), text);
        }
    }
}

#[test]
fn an_altered_message_is_refused_by_either_side() {
    let (mut us, mut peer) = devices(PeerKind::Official072, (false, false));
    us.begin(&peer.bundle(7, None, None).unwrap()).unwrap();
    peer.open(&us.seal(b"hello").unwrap()).unwrap();
    us.open(&peer.seal(b"hello").unwrap()).unwrap();
    let alter = |message: &Message| {
        let mut body = hex::decode(&message.body).unwrap();
        let last = body.len() - 1;
        body[last] ^= 1;
        Message {
            body: hex::encode(body),
            ..message.clone()
        }
    };
    let (ours, theirs) = (us.seal(b"ours").unwrap(), peer.seal(b"theirs").unwrap());
    let unfit = Refusal::Undecipherable;
    assert_eq!(peer.refuses(&alter(&ours)).unwrap(), unfit);
    assert_eq!(us.refuses(&alter(&theirs)).unwrap(), unfit);
    assert_eq!(peer.open(&ours).unwrap(), b"ours");
    assert_eq!(us.open(&theirs).unwrap(), b"theirs");
}

#[test]
fn signatures_of_both_signs_verify_there() {
    let mut rng = ChaCha20Rng::seed_from_u64(5);
    for kind in [
        PeerKind::Official072,
        PeerKind::Official090,
        PeerKind::Python,
    ] {
        for sign in [false, true] {
            let identity = identity_of_sign(sign, &mut rng);
            let mut peer = Peer::start(kind, &identity, 1).unwrap();
            let signature = identity.sign(&mut rng, b"text");
            let key = identity.public();
            assert!(peer.verify(&key, b"text", &signature).unwrap());
            assert!(!peer.verify(&key, b"test", &signature).unwrap());
            let mut other_sign = signature.to_bytes();
            other_sign[63] ^= 0x80;
            let other_sign = Signature::from_bytes(&other_sign).unwrap();
            assert!(!peer.verify(&key, b"text", &other_sign).unwrap());
        }
    }
}
