//! NIST ACVP's vectors of ML-KEM-1024 (FIPS 203): all of key generation, encapsulation and decapsulation.
//!
//! `tests/vectors/from_acvp.py` made the file and says from what. With the feature `kyber-round3` the second implementation that it brings is held
//! to the same vectors.

use core::convert::Infallible;

use ml_kem::ml_kem_1024;
use rand_core::{TryCryptoRng, TryRng};
use serde_json::Value;

use super::kem::decapsulate;
use super::{
    KEM_CIPHERTEXT_LENGTH, KEM_PUBLIC_LENGTH, KEM_SEED_LENGTH, ml_kem_1024_decapsulate,
    ml_kem_1024_encapsulate, ml_kem_1024_public, sha256,
};

/// FIPS 203, table 3: 768 k + 96 bytes.
const EXPANDED_LENGTH: usize = 3_168;

fn file() -> Value {
    let file = include_str!("../../tests/vectors/acvp_ml_kem_1024.json");
    serde_json::from_str(file).unwrap()
}

fn tests<'a>(file: &'a Value, function: &str, count: usize) -> &'a [Value] {
    let tests = file[function].as_array().unwrap();
    assert_eq!(tests.len(), count, "{function}");
    tests
}

fn array<const N: usize>(test: &Value, name: &str) -> [u8; N] {
    let bytes = hex::decode(test[name].as_str().unwrap()).unwrap();
    bytes.try_into().unwrap()
}

#[allow(deprecated, reason = "ACVP gives no seed")]
fn expanded(bytes: [u8; EXPANDED_LENGTH]) -> ml_kem_1024::DecapsulationKey {
    ml_kem_1024::DecapsulationKey::from_expanded(&bytes.into()).unwrap()
}

#[test]
fn key_generation() {
    for test in tests(&file(), "keygen", 25) {
        let (d, z) = (array::<32>(test, "d"), array::<32>(test, "z"));
        let seed: [u8; KEM_SEED_LENGTH] = [d, z].concat().try_into().unwrap();
        let id = &test["id"];
        let public = ml_kem_1024_public(&seed);
        assert_eq!(sha256(&public), array(test, "ek_sha256"), "{id}");
        assert_eq!(sha256(&expansion(seed)), array(test, "dk_sha256"), "{id}");
        #[cfg(feature = "kyber-round3")]
        {
            let pair = libcrux_ml_kem::mlkem1024::portable::generate_key_pair(seed);
            assert_eq!(pair.pk(), &public, "{id}");
            assert_eq!(pair.sk(), &expansion(seed), "{id}");
        }
    }
}

/// What decapsulation works with, of a seed.
#[allow(deprecated, reason = "ACVP's form")]
fn expansion(seed: [u8; KEM_SEED_LENGTH]) -> [u8; EXPANDED_LENGTH] {
    use ml_kem::ExpandedKeyEncoding;
    let pair = ml_kem_1024::DecapsulationKey::from_seed(seed.into());
    pair.to_expanded_bytes().into()
}

#[test]
fn encapsulation() {
    for test in tests(&file(), "encaps", 25) {
        let public: [u8; KEM_PUBLIC_LENGTH] = array(test, "ek");
        let random = array(test, "m");
        let (ciphertext, secret) = ml_kem_1024_encapsulate(&public, &mut Fixed(random)).unwrap();
        let id = &test["id"];
        assert_eq!(sha256(&ciphertext), array(test, "c_sha256"), "{id}");
        assert_eq!(*secret, array(test, "k"), "{id}");
        #[cfg(feature = "kyber-round3")]
        {
            use libcrux_ml_kem::mlkem1024::portable;
            let (theirs, their_secret) = portable::encapsulate(&public.into(), random);
            assert_eq!(theirs.as_ref(), ciphertext, "{id}");
            assert_eq!(their_secret, *secret, "{id}");
        }
    }
}

/// Half of the ciphertexts were altered: their secrets are those of implicit rejection.
#[test]
fn decapsulation() {
    let file = file();
    let key: [u8; EXPANDED_LENGTH] = array(&file, "dk");
    let pair = expanded(key);
    let public: [u8; KEM_PUBLIC_LENGTH] =
        ml_kem::KeyExport::to_bytes(pair.encapsulation_key()).into();
    assert_eq!(sha256(&public), array(&file, "ek_sha256"));
    let mut altered = 0;
    for test in tests(&file, "decaps", 10) {
        let ciphertext: [u8; KEM_CIPHERTEXT_LENGTH] = array(test, "c");
        let id = &test["id"];
        assert_eq!(*decapsulate(&pair, &ciphertext), array(test, "k"), "{id}");
        #[cfg(feature = "kyber-round3")]
        {
            use libcrux_ml_kem::mlkem1024::portable;
            let secret = portable::decapsulate(&key.into(), &ciphertext.into());
            assert_eq!(secret, array(test, "k"), "{id}");
        }
        altered += usize::from(test["reason"] == "modify ciphertext");
    }
    assert_eq!(altered, 5);
}

/// A key of ours is its seed: of the keys that ACVP generates, what is sealed for one opens with it, however it is given.
#[test]
fn a_seed_and_its_expansion_open_the_same() {
    for test in tests(&file(), "keygen", 25) {
        let (d, z) = (array::<32>(test, "d"), array::<32>(test, "z"));
        let seed: [u8; KEM_SEED_LENGTH] = [d, z].concat().try_into().unwrap();
        let public = ml_kem_1024_public(&seed);
        let (mut ciphertext, secret) =
            ml_kem_1024_encapsulate(&public, &mut Fixed([3; 32])).unwrap();
        let pair = expanded(expansion(seed));
        assert_eq!(decapsulate(&pair, &ciphertext), secret);
        assert_eq!(ml_kem_1024_decapsulate(&seed, &ciphertext), secret);
        ciphertext[9] ^= 1;
        let rejected = ml_kem_1024_decapsulate(&seed, &ciphertext);
        assert_ne!(rejected, secret);
        assert_eq!(decapsulate(&pair, &ciphertext), rejected);
    }
}

/// The m of a vector as the randomness of an encapsulation.
struct Fixed([u8; 32]);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        unreachable!("encapsulation takes 32 bytes")
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        unreachable!("encapsulation takes 32 bytes")
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.copy_from_slice(&self.0);
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}
