//! What was scanned from another device's screen.
//!
//! Comparing holds at most 128 bytes beside the input's own length; what is longer than any code is not looked at. A code matches only if
//! both halves stand in it.

use std::sync::LazyLock;

use sealwire_crypto::keys::AccountKeyPair;
use sealwire_crypto::safety_number::{SafetyNumber, ScanError};

use crate::memory::peak_of;
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "safety_number",
    bound: Bound::new(256, 2),
    run,
    seeds,
};

/// As each of the two has it.
static BOTH: LazyLock<(SafetyNumber, SafetyNumber)> = LazyLock::new(|| {
    let key = |secret| AccountKeyPair::from_secret_bytes(&[secret; 32]).public();
    let (alice, bob) = (key(1), key(2));
    let (alice, bob) = ((&alice, "alice"), (&bob, "bob"));
    (SafetyNumber::new(alice, bob), SafetyNumber::new(bob, alice))
});

fn run(input: &[u8]) -> usize {
    let (ours, theirs) = &*BOTH;
    let (compared, peak) = peak_of(|| ours.compare(input));
    let shown = theirs.to_scannable();
    // Tag and length of the outer and the inner field stand in front of each half: 2 + 4, and 2 + 2 before the second.
    let halves = [&shown[6..38], &shown[42..74]];
    let holds = |half: &[u8]| input.windows(32).any(|window| window == half);
    match compared {
        Ok(()) => assert!(halves.into_iter().all(holds)),
        Err(error) => {
            assert!(input != shown);
            assert!(error != ScanError::Version(1));
        }
    }
    peak
}

fn seeds() -> Vec<Vec<u8>> {
    let (ours, theirs) = &*BOTH;
    vec![theirs.to_scannable(), ours.to_scannable()]
}
