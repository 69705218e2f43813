//! X25519 (RFC 7748): the one Diffie-Hellman of the protocol.

use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::backend;

/// The other side's key has a small order: the result would be a constant that everybody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the public key gives no shared secret")]
pub struct NoSharedSecret;

/// A private key, with the bits fixed that RFC 7748, section 5, fixes.
#[derive(Clone, ZeroizeOnDrop)]
pub struct X25519Secret {
    bytes: [u8; 32],
    /// What the backend makes of the bytes before it can use them, kept for the next time. It wipes itself.
    #[zeroize(skip)]
    prepared: backend::PreparedSecret,
}

impl X25519Secret {
    /// The key of 32 bytes, clamped. Nothing is worked out yet.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self {
            bytes: clamp(*bytes),
            prepared: backend::PreparedSecret::default(),
        }
    }

    /// The clamped bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.bytes
    }

    /// The public u-coordinate.
    pub fn public(&self) -> [u8; 32] {
        backend::x25519_public(&self.bytes, &self.prepared)
    }

    /// The secret shared with the holder of a public key. An all-zero result is an error (RFC 7748, section 6.1).
    pub fn agree(&self, public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, NoSharedSecret> {
        backend::x25519(&self.bytes, &self.prepared, public)
    }
}

/// A private key with the bits fixed that RFC 7748, section 5, fixes.
pub fn clamp(secret: [u8; 32]) -> [u8; 32] {
    curve25519_dalek::scalar::clamp_integer(secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> [u8; 32] {
        hex::decode(text).unwrap().try_into().unwrap()
    }

    fn secret(text: &str) -> X25519Secret {
        X25519Secret::new(&key(text))
    }

    /// RFC 7748, section 5.2.
    #[test]
    fn rfc_7748_scalar_multiplication() {
        let vectors = [
            (
                "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
                "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
                "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
            ),
            (
                "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
                "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
                "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
            ),
        ];
        for (scalar, point, result) in vectors {
            assert_eq!(*secret(scalar).agree(&key(point)).unwrap(), key(result));
        }
    }

    /// RFC 7748, section 5.2: the output is the next scalar, the scalar the next point.
    #[test]
    fn rfc_7748_a_thousand_times() {
        let mut nine = [0; 32];
        nine[0] = 9;
        let (k, _) = (0..1_000).fold((nine, nine), |(k, u), _| {
            (*X25519Secret::new(&k).agree(&u).unwrap(), k)
        });
        assert_eq!(
            k,
            key("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51")
        );
    }

    /// RFC 7748, section 6.1.
    #[test]
    fn rfc_7748_agreement() {
        let bob = secret("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        assert_eq!(
            bob.public(),
            key("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
        );
        let alice = key("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        assert_eq!(
            *bob.agree(&alice).unwrap(),
            key("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
        );
    }

    #[test]
    fn a_key_that_was_used_agrees_and_publishes_as_a_fresh_one() {
        let theirs = X25519Secret::new(&[8; 32]).public();
        let used = X25519Secret::new(&[9; 32]);
        let first = used.agree(&theirs).unwrap();
        assert_eq!(used.public(), X25519Secret::new(&[9; 32]).public());
        assert_eq!(used.agree(&theirs).unwrap(), first);
        assert_eq!(used.clone().agree(&theirs).unwrap(), first);
        assert_eq!(
            X25519Secret::new(&[8; 32]).agree(&used.public()).unwrap(),
            first
        );
    }

    #[test]
    fn a_point_of_small_order_gives_no_secret() {
        let secret = X25519Secret::new(&[9; 32]);
        let mut one = [0; 32];
        one[0] = 1;
        assert_eq!(secret.agree(&[0; 32]), Err(NoSharedSecret));
        assert_eq!(secret.agree(&one), Err(NoSharedSecret));
    }
}
