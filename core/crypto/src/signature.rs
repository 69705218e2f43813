//! XEdDSA: signatures with the same X25519 keys that agree on secrets.
//!
//! "The XEdDSA and VXEdDSA Signature Schemes", revision 1, section 3, with one difference that the deployed protocol has: the
//! key is not normalised to a positive Edwards point; its sign travels in the top bit of the signature. Signatures of the
//! published form (sign 0) verify here too.

use rand_core::CryptoRng;
use zeroize::Zeroizing;

use crate::keys::{AccountKey, AccountKeyPair, IdentityKey, IdentityKeyPair, KeyPair, PublicKey};
use crate::primitives::edwards::{Point, Scalar};
use crate::primitives::{constant_time_eq, sha512};

/// The signature is not this key's over these bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not belong to this key and text")]
pub struct BadSignature;

/// The 64 bytes `R ‖ s`, with the sign of the signer's Edwards point in the top bit.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature([u8; 64]);

impl Signature {
    /// How many bytes a signature has.
    pub const LENGTH: usize = 64;

    /// Takes 64 bytes; whether they sign anything is seen on verifying.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadSignature> {
        bytes.try_into().map(Self).map_err(|_| BadSignature)
    }

    /// The 64 bytes.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        self.0
    }
}

impl core::fmt::Debug for Signature {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.0
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

impl IdentityKeyPair {
    /// Signs as this device.
    pub fn sign(&self, rng: &mut impl CryptoRng, message: &[u8]) -> Signature {
        sign(self.pair(), rng, message)
    }
}

impl IdentityKey {
    /// Checks that this device signed these bytes.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        verify(self.as_public_key(), message, signature)
    }
}

impl AccountKeyPair {
    /// Signs as this account.
    pub fn sign(&self, rng: &mut impl CryptoRng, message: &[u8]) -> Signature {
        sign(self.pair(), rng, message)
    }
}

impl AccountKey {
    /// Checks that this account signed these bytes.
    pub fn verify(&self, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
        verify(self.as_public_key(), message, signature)
    }
}

/// `hash_1` of XEdDSA, section 2.5: the prefix that keeps nonces apart from every other hash, 2^256 - 2 little-endian.
const NONCE_PREFIX: [u8; 32] = {
    let mut prefix = [0xff; 32];
    prefix[0] = 0xfe;
    prefix
};

/// The bits of s that are zero for every number below 2^253; the top one carries the sign instead.
const SIGN_BIT: u8 = 0x80;
const EXCESS_BITS: u8 = 0xe0;

fn sign(pair: &KeyPair, rng: &mut impl CryptoRng, message: &[u8]) -> Signature {
    let mut random = Zeroizing::new([0; 64]);
    rng.fill_bytes(&mut *random);

    let k = Scalar::reduce(pair.secret_bytes());
    let a = Point::base_times(&k).encoding();
    let r = Scalar::reduce_wide(&Zeroizing::new(sha512(&[
        &NONCE_PREFIX,
        pair.secret_bytes(),
        message,
        &*random,
    ])));
    let big_r = Point::base_times(&r).encoding();
    let h = Scalar::reduce_wide(&sha512(&[&big_r, &a, message]));
    let s = h.multiply_add(&k, &r);

    let mut signature = [0; Signature::LENGTH];
    signature[..32].copy_from_slice(&big_r);
    signature[32..].copy_from_slice(&s.to_bytes());
    signature[63] |= a[31] & SIGN_BIT;
    Signature(signature)
}

fn verify(key: &PublicKey, message: &[u8], signature: &Signature) -> Result<(), BadSignature> {
    let (big_r, rest) = signature.0.split_at(32);
    let mut s = [0; 32];
    s.copy_from_slice(rest);
    let negative = s[31] & SIGN_BIT != 0;
    s[31] &= !SIGN_BIT;
    if s[31] & EXCESS_BITS != 0 {
        return Err(BadSignature);
    }

    let point = Point::from_montgomery(key.u_coordinate(), negative).ok_or(BadSignature)?;
    let h = Scalar::reduce_wide(&sha512(&[big_r, &point.encoding(), message]));
    let check = point.base_times_minus_self_times(&Scalar::reduce(&s), &h);
    if constant_time_eq(&check.encoding(), big_r) {
        Ok(())
    } else {
        Err(BadSignature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    fn rng() -> ChaCha20Rng {
        ChaCha20Rng::seed_from_u64(7)
    }

    /// An identity whose Edwards point has the sign asked for.
    fn identity(negative: bool) -> IdentityKeyPair {
        (1..=255)
            .map(|seed| IdentityKeyPair::from_secret_bytes(&[seed; 32]))
            .find(|pair| {
                let k = Scalar::reduce(pair.pair().secret_bytes());
                (Point::base_times(&k).encoding()[31] & SIGN_BIT != 0) == negative
            })
            .unwrap()
    }

    #[test]
    fn a_signature_prints_its_bytes() {
        let signature = identity(true).sign(&mut rng(), b"text");
        assert_eq!(format!("{signature:?}"), hex::encode(signature.to_bytes()));
    }

    #[test]
    fn keys_of_either_sign_sign_and_verify() {
        for negative in [false, true] {
            let pair = identity(negative);
            let signature = pair.sign(&mut rng(), b"message");
            assert_eq!(signature.to_bytes()[63] & SIGN_BIT != 0, negative);
            assert_eq!(pair.public().verify(b"message", &signature), Ok(()));
        }
    }

    #[test]
    fn a_changed_bit_of_the_signature_is_refused() {
        for negative in [false, true] {
            let pair = identity(negative);
            let signature = pair.sign(&mut rng(), b"message").to_bytes();
            for bit in 0..512 {
                let mut tampered = signature;
                tampered[bit / 8] ^= 1 << (bit % 8);
                let tampered = Signature::from_bytes(&tampered).unwrap();
                assert_eq!(
                    pair.public().verify(b"message", &tampered),
                    Err(BadSignature),
                    "bit {bit}"
                );
            }
        }
    }

    #[test]
    fn another_text_or_another_key_is_refused() {
        let pair = identity(false);
        let signature = pair.sign(&mut rng(), b"message");
        assert!(pair.public().verify(b"massage", &signature).is_err());
        assert!(pair.public().verify(b"", &signature).is_err());
        assert!(
            identity(true)
                .public()
                .verify(b"message", &signature)
                .is_err()
        );
    }

    #[test]
    fn each_signature_takes_a_nonce_of_its_own() {
        let (pair, mut rng) = (identity(false), rng());
        assert_ne!(
            pair.sign(&mut rng, b"message"),
            pair.sign(&mut rng, b"message")
        );
    }

    /// XEdDSA, section 2.3, `calculate_key_pair`: the published scheme negates the scalar so that the sign is 0.
    #[test]
    fn a_signature_of_the_published_form_verifies_for_either_sign() {
        for negative in [false, true] {
            let pair = identity(negative);
            let k = if negative {
                let minus_one = Scalar::reduce(&L_MINUS_ONE);
                Scalar::reduce(pair.pair().secret_bytes())
                    .multiply_add(&minus_one, &Scalar::reduce(&[0; 32]))
            } else {
                Scalar::reduce(pair.pair().secret_bytes())
            };
            let a = Point::base_times(&k).encoding();
            assert_eq!(a[31] & SIGN_BIT, 0);
            let r = Scalar::reduce_wide(&sha512(&[&NONCE_PREFIX, &k.to_bytes(), b"m", &[9; 64]]));
            let big_r = Point::base_times(&r).encoding();
            let h = Scalar::reduce_wide(&sha512(&[&big_r, &a, b"m"]));
            let bytes = [big_r, h.multiply_add(&k, &r).to_bytes()].concat();
            let signature = Signature::from_bytes(&bytes).unwrap();
            assert_eq!(pair.public().verify(b"m", &signature), Ok(()));
        }
    }

    /// The order of the base point minus one, little-endian (RFC 8032, section 5.1).
    const L_MINUS_ONE: [u8; 32] = [
        0xec, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];

    #[test]
    fn a_signature_of_another_length_is_refused() {
        assert_eq!(Signature::from_bytes(&[0; 63]), Err(BadSignature));
        assert_eq!(Signature::from_bytes(&[0; 65]), Err(BadSignature));
    }

    #[test]
    fn account_keys_sign_too() {
        let account = AccountKeyPair::generate(&mut rng());
        let signature = account.sign(&mut rng(), b"list");
        assert_eq!(account.public().verify(b"list", &signature), Ok(()));
        assert!(account.public().verify(b"lost", &signature).is_err());
    }
}
