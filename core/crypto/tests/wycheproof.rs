//! Wycheproof (C2SP/wycheproof, Apache-2.0) on the backend that this build has: what implementations have got wrong before.
//!
//! `vectors/from_wycheproof.py` made the files and says from what.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use core::convert::Infallible;

use curve25519_dalek::edwards::CompressedEdwardsY;
use curve25519_dalek::scalar::Scalar;
use rand_core::{TryCryptoRng, TryRng};
use sealwire_crypto::keys::{IdentityKey, PublicKey};
use sealwire_crypto::primitives::{
    NoSharedSecret, X25519Secret, aes256_cbc_decrypt, aes256_cbc_encrypt, aes256_gcm_open,
    aes256_gcm_seal, hkdf_sha256, hmac_sha256, ml_kem_1024_check, ml_kem_1024_decapsulate,
    ml_kem_1024_encapsulate, ml_kem_1024_public, sha256,
};
use sealwire_crypto::signature::Signature;
use serde_json::Value;

/// One test of a file.
struct Vector(Value);

impl Vector {
    fn bytes(&self, name: &str) -> Vec<u8> {
        hex::decode(self.0[name].as_str().unwrap()).unwrap()
    }

    fn array<const N: usize>(&self, name: &str) -> [u8; N] {
        self.bytes(name).try_into().unwrap()
    }

    fn flagged(&self, flag: &str) -> bool {
        self.0["flags"]
            .as_array()
            .unwrap()
            .iter()
            .any(|own| own == flag)
    }

    fn valid(&self) -> bool {
        self.0["valid"].as_bool().unwrap()
    }

    fn id(&self) -> &Value {
        &self.0["id"]
    }
}

/// The tests of a file, as many as it says there.
fn vectors(file: &str, count: usize) -> impl Iterator<Item = Vector> {
    let all: Vec<Value> = serde_json::from_str(file).unwrap();
    assert_eq!(all.len(), count);
    all.into_iter().map(Vector)
}

#[test]
fn x25519() {
    let mut refused = 0;
    for vector in vectors(include_str!("vectors/wycheproof_x25519.json"), 518) {
        let secret = X25519Secret::new(&vector.array("private"));
        let agreed = secret.agree(&vector.array("public"));
        if vector.flagged("ZeroSharedSecret") {
            assert_eq!(agreed, Err(NoSharedSecret), "{}", vector.id());
            refused += 1;
        } else {
            assert_eq!(*agreed.unwrap(), vector.array("shared"), "{}", vector.id());
        }
    }
    assert_eq!(refused, 31);
}

/// A key that comes from outside passes [`PublicKey::from_bytes`] before it is agreed with: of two spellings one is refused there.
#[test]
fn an_x25519_key_that_is_not_canonical_is_refused_before_it_is_used() {
    let mut refused = 0;
    for vector in vectors(include_str!("vectors/wycheproof_x25519.json"), 518) {
        let bytes = [&[5][..], &vector.bytes("public")].concat();
        if vector.flagged("NonCanonicalPublic") {
            assert!(PublicKey::from_bytes(&bytes).is_err(), "{}", vector.id());
            refused += 1;
        }
        // Whatever passes is spelled in one way.
        if let Ok(key) = PublicKey::from_bytes(&bytes) {
            assert_eq!(key.to_bytes()[..], bytes);
        }
    }
    assert_eq!(refused, 19);
}

#[test]
fn aes_256_gcm() {
    for vector in vectors(include_str!("vectors/wycheproof_aes_256_gcm.json"), 66) {
        let (key, nonce) = (vector.array("key"), vector.array("iv"));
        let (aad, plaintext) = (vector.bytes("aad"), vector.bytes("msg"));
        let sealed = [vector.bytes("ct"), vector.bytes("tag")].concat();
        let opened = aes256_gcm_open(&key, &nonce, &aad, &sealed);
        if vector.valid() {
            assert_eq!(*opened.unwrap(), plaintext, "{}", vector.id());
            let again = aes256_gcm_seal(&key, &nonce, &aad, &plaintext);
            assert_eq!(again, Ok(sealed), "{}", vector.id());
        } else {
            assert!(opened.is_err(), "{}", vector.id());
        }
    }
}

#[test]
fn aes_256_cbc_with_its_padding() {
    for vector in vectors(include_str!("vectors/wycheproof_aes_256_cbc.json"), 72) {
        let (key, iv) = (vector.array("key"), vector.array("iv"));
        let opened = aes256_cbc_decrypt(&key, &iv, &vector.bytes("ct"));
        if vector.valid() {
            assert_eq!(*opened.unwrap(), vector.bytes("msg"), "{}", vector.id());
            let again = aes256_cbc_encrypt(&key, &iv, &vector.bytes("msg"));
            assert_eq!(again, vector.bytes("ct"), "{}", vector.id());
        } else {
            assert!(opened.is_err(), "{}", vector.id());
        }
    }
}

#[test]
fn hmac() {
    for vector in vectors(include_str!("vectors/wycheproof_hmac_sha256.json"), 174) {
        let mac = hmac_sha256(&vector.bytes("key"), &vector.bytes("msg"));
        // Some are cut to half.
        let tag = vector.bytes("tag");
        assert_eq!(mac[..tag.len()] == tag, vector.valid(), "{}", vector.id());
    }
}

/// The output of HKDF begins with every shorter one: the longest there is holds all.
#[test]
fn hkdf() {
    const LONGEST: usize = 255 * 32;
    for vector in vectors(include_str!("vectors/wycheproof_hkdf_sha256.json"), 86) {
        let size = usize::try_from(vector.0["size"].as_u64().unwrap()).unwrap();
        if !vector.valid() {
            // Such a length does not compile here.
            assert!(size > LONGEST);
            continue;
        }
        let (salt, ikm) = (vector.bytes("salt"), vector.bytes("ikm"));
        let salt = (!salt.is_empty()).then_some(&salt[..]);
        let okm = hkdf_sha256::<LONGEST>(salt, &ikm, &vector.bytes("info"));
        assert_eq!(okm[..size], vector.bytes("okm"), "{}", vector.id());
    }
}

/// Ed25519 (RFC 8032) signatures as XEdDSA's, whose verification is that of the Edwards point behind the Montgomery key: the sign of the
/// point goes into the signature's last bit.
///
/// XEdDSA, section 3.2, asks that s be below 2^253 where Ed25519 asks that it be below the order: an s that grew by the order once may pass.
#[test]
fn ed25519_signatures_as_xeddsa() {
    let (mut judged, mut grown) = (0, Vec::new());
    for vector in vectors(include_str!("vectors/wycheproof_ed25519.json"), 151) {
        let point = vector.array::<32>("key");
        let u = CompressedEdwardsY(point)
            .decompress()
            .unwrap()
            .to_montgomery();
        let key = [&[5][..], &u.to_bytes()].concat();
        let key = IdentityKey::from_bytes(&key).unwrap();
        let mut bytes = vector.bytes("sig");
        let Ok(as_sent) = <[u8; 64]>::try_from(&bytes[..]) else {
            assert!(!vector.valid());
            assert!(Signature::from_bytes(&bytes).is_err());
            continue;
        };
        if as_sent[63] & 0x80 != 0 {
            // Ed25519 refuses that bit; XEdDSA has another use for it.
            assert!(!vector.valid());
            continue;
        }
        bytes[63] |= point[31] & 0x80;
        let signature = Signature::from_bytes(&bytes).unwrap();
        let verified = key.verify(&vector.bytes("msg"), &signature).is_ok();
        if verified && !vector.valid() {
            let below_the_order = Scalar::from_canonical_bytes(as_sent[32..].try_into().unwrap());
            assert!(bool::from(below_the_order.is_none()), "{}", vector.id());
            grown.push(vector.id().as_u64().unwrap());
        }
        assert!(verified || !vector.valid(), "{}", vector.id());
        judged += 1;
    }
    assert!(judged > 120, "{judged}");
    assert_eq!(grown, [63, 85]);
}

#[test]
fn ml_kem_1024_key_generation() {
    for vector in vectors(
        include_str!("vectors/wycheproof_ml_kem_1024_keygen.json"),
        100,
    ) {
        let public = ml_kem_1024_public(&vector.array("seed"));
        assert_eq!(
            sha256(&public),
            vector.array("ek_sha256"),
            "{}",
            vector.id()
        );
    }
}

#[test]
fn ml_kem_1024_encapsulation_and_the_modulus_check() {
    let mut refused = 0;
    for vector in vectors(
        include_str!("vectors/wycheproof_ml_kem_1024_encaps.json"),
        32,
    ) {
        let Ok(public) = vector.bytes("ek").try_into() else {
            assert!(!vector.valid(), "{}", vector.id());
            continue;
        };
        let made = ml_kem_1024_encapsulate(&public, &mut Fixed(vector.array("m")));
        if vector.valid() {
            let (ciphertext, secret) = made.unwrap();
            assert_eq!(
                sha256(&ciphertext),
                vector.array("c_sha256"),
                "{}",
                vector.id()
            );
            assert_eq!(*secret, vector.array("k"), "{}", vector.id());
        } else {
            assert!(ml_kem_1024_check(&public).is_err(), "{}", vector.id());
            assert!(made.is_err(), "{}", vector.id());
            refused += 1;
        }
    }
    assert!(refused >= 16, "{refused}");
}

/// Among them ciphertexts that were altered, whose secret is that of implicit rejection, and one whose rejection shows only at the last byte.
#[test]
fn ml_kem_1024_decapsulation() {
    for vector in vectors(
        include_str!("vectors/wycheproof_ml_kem_1024_decaps.json"),
        22,
    ) {
        let secret = ml_kem_1024_decapsulate(&vector.array("seed"), &vector.array("c"));
        assert_eq!(*secret, vector.array("k"), "{}", vector.id());
    }
}

/// The m of a vector as the randomness of an encapsulation.
struct Fixed([u8; 32]);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        panic!("encapsulation takes 32 bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        panic!("encapsulation takes 32 bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}
