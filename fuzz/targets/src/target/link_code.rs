//! The text of a linking code, scanned or pasted.
//!
//! Reading holds at most 4 KiB: what is longer than any code is not looked at. What is read is shown again as a code that reads the same.

use sealwire_crypto::keys::IdentityKeyPair;
use sealwire_crypto::linking::{LinkCode, LinkKey};

use crate::memory::peak_of;
use crate::{Bound, Target};

pub(super) const TARGET: Target = Target {
    name: "link_code",
    bound: Bound::new(4 * 1024, 0),
    run,
    seeds,
};

fn run(input: &[u8]) -> usize {
    let Ok(text) = std::str::from_utf8(input) else {
        return 0;
    };
    let (read, peak) = peak_of(|| text.parse::<LinkCode>());
    if let Ok(code) = read {
        assert!(code.to_string().parse() == Ok(code));
    }
    peak
}

fn seeds() -> Vec<Vec<u8>> {
    let key = IdentityKeyPair::from_secret_bytes(&[7; 32]).public();
    let code = LinkCode {
        mailbox_id: [9; 16],
        key: LinkKey::from_bytes(&key.to_bytes()).unwrap(),
    };
    let newer = code.to_string().replace("v=1", "x=%20&v=2");
    vec![code.to_string().into_bytes(), newer.into_bytes()]
}
