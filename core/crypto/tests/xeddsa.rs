//! XEdDSA by another implementation of the published scheme: PyPI XEdDSA 1.2.0. `vectors/from_python_xeddsa.py` made the file.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use core::convert::Infallible;

use rand_core::{TryCryptoRng, TryRng};
use sealwire_crypto::keys::IdentityKeyPair;
use sealwire_crypto::signature::Signature;
use serde_json::Value;

const VECTORS: &str = include_str!("vectors/xeddsa_python.json");

/// Half of all keys have a negative point; there the published scheme signs with another scalar, so that only its verification is the same.
#[test]
fn signatures_are_those_of_the_published_scheme() {
    let vectors: Vec<Value> = serde_json::from_str(VECTORS).unwrap();
    assert_eq!(vectors.len(), 40);
    let mut made = 0;
    for vector in vectors {
        let bytes = |name: &str| hex::decode(vector[name].as_str().unwrap()).unwrap();
        let pair = IdentityKeyPair::from_secret_bytes(&bytes("secret").try_into().unwrap());
        assert_eq!(pair.public().to_bytes()[1..], bytes("public"));
        let text = bytes("text");
        let theirs = Signature::from_bytes(&bytes("signature")).unwrap();
        assert_eq!(pair.public().verify(&text, &theirs), Ok(()));

        let mut nonce = Nonce(bytes("nonce").try_into().unwrap());
        let ours = pair.sign(&mut nonce, &text);
        assert_eq!(pair.public().verify(&text, &ours), Ok(()));
        let negative = vector["negative"].as_bool().unwrap();
        assert_eq!(ours.to_bytes()[63] & 0x80 != 0, negative);
        assert_eq!(ours == theirs, !negative);
        made += usize::from(!negative);
    }
    assert!((10..30).contains(&made), "{made} of one sign");
}

/// The Z of a vector as the randomness of a signature.
struct Nonce([u8; 64]);

impl TryRng for Nonce {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("a signature takes 64 bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("a signature takes 64 bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Nonce {}
