//! Safety numbers of random pairs of accounts, as the official builds make them.

#![allow(
    clippy::unwrap_used,
    reason = "test code, of which clippy knows only the functions marked as tests"
)]

use rand_chacha::ChaCha20Rng;
use rand_core::{Rng, SeedableRng};
use sealwire_crypto::keys::{AccountKeyPair, IdentityKeyPair};
use sealwire_crypto::safety_number::SafetyNumber;
use sealwire_interop::{Peer, PeerKind};

#[test]
fn a_hundred_pairs_have_the_digits_and_codes_of_the_official_builds() {
    for kind in [PeerKind::Official072, PeerKind::Official090] {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let mut peer = Peer::start(kind, &IdentityKeyPair::generate(&mut rng), 1).unwrap();
        for pair in 0..100 {
            let (ours, theirs) = (
                AccountKeyPair::generate(&mut rng).public(),
                AccountKeyPair::generate(&mut rng).public(),
            );
            let (our_id, their_id) = (format!("user{}", rng.next_u64()), format!("u{pair}"));
            let number = SafetyNumber::new((&ours, &our_id), (&theirs, &their_id));
            let (digits, code) = peer
                .safety_number(
                    5_200,
                    (&ours, our_id.as_bytes()),
                    (&theirs, their_id.as_bytes()),
                )
                .unwrap();
            assert_eq!(number.digits(), digits);
            assert_eq!(number.to_scannable(), code);
            let other_side = SafetyNumber::new((&theirs, &their_id), (&ours, &our_id));
            assert_eq!(other_side.compare(&code), Ok(()));
        }
    }
}
