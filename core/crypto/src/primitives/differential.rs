//! One backend held against the other, over what the vectors do not reach.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{NotAuthentic, X25519Secret, native, portable};

type Prepared = native::PreparedSecret;

/// The public keys whose shared secret is zero: small order, in every spelling (RFC 7748, section 6.1, and
/// <https://cr.yp.to/ecdh.html>, "contributory behavior").
const SMALL_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn agreed(secret: &[u8; 32], public: &[u8; 32]) -> [Option<[u8; 32]>; 2] {
    [
        native::x25519(secret, &Prepared::default(), public),
        portable::x25519(secret, &portable::PreparedSecret::default(), public),
    ]
    .map(|shared| shared.ok().map(|shared| *shared))
}

#[test]
fn both_refuse_every_key_of_small_order() {
    for key in SMALL_ORDER {
        let mut public: [u8; 32] = hex::decode(key).unwrap().try_into().unwrap();
        for top in [0, 0x80] {
            public[31] |= top;
            assert_eq!(agreed(&[7; 32], &public), [None, None], "{key}");
        }
    }
}

proptest! {
    /// Any 32 bytes are a public key: half of them on the twist, some not canonical, half with the top bit set.
    #[test]
    fn x25519_agrees(secret: [u8; 32], public: [u8; 32]) {
        let clamped = *X25519Secret::new(&secret).as_bytes();
        for secret in [secret, clamped] {
            let [native, portable] = agreed(&secret, &public);
            prop_assert!(native.is_some());
            prop_assert_eq!(native, portable);
        }
    }

    #[test]
    fn public_keys_are_the_same(secret: [u8; 32]) {
        let native = native::x25519_public(&secret, &Prepared::default());
        let portable = portable::x25519_public(&secret, &portable::PreparedSecret::default());
        prop_assert_eq!(native, portable);
    }

    #[test]
    fn what_one_seals_the_other_opens(
        key: [u8; 32], nonce: [u8; 12], aad in vec(any::<u8>(), 0..100), plaintext in vec(any::<u8>(), 0..2_000),
    ) {
        let (mut native, mut portable) = (plaintext.clone(), plaintext.clone());
        native::aes256_gcm_seal(&key, &nonce, &aad, &mut native).unwrap();
        portable::aes256_gcm_seal(&key, &nonce, &aad, &mut portable).unwrap();
        prop_assert_eq!(&native, &portable);
        native::aes256_gcm_open(&key, &nonce, &aad, &mut native).unwrap();
        portable::aes256_gcm_open(&key, &nonce, &aad, &mut portable).unwrap();
        prop_assert_eq!(&native, &plaintext);
        prop_assert_eq!(&portable, &plaintext);
    }

    #[test]
    fn both_refuse_what_neither_sealed(
        key: [u8; 32], nonce: [u8; 12], aad in vec(any::<u8>(), 0..40), ciphertext in vec(any::<u8>(), 0..200),
    ) {
        let (mut native, mut portable) = (ciphertext.clone(), ciphertext);
        prop_assert_eq!(native::aes256_gcm_open(&key, &nonce, &aad, &mut native), Err(NotAuthentic));
        prop_assert_eq!(portable::aes256_gcm_open(&key, &nonce, &aad, &mut portable), Err(NotAuthentic));
    }
}
