//! X25519 (RFC 7748): the one Diffie-Hellman of the protocol.

use zeroize::Zeroizing;

/// The other side's key has a small order: the result would be a constant that everybody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the public key gives no shared secret")]
pub struct NoSharedSecret;

/// The shared secret of a private and a public key. An all-zero result is an error (RFC 7748, section 6.1).
pub fn x25519(secret: &[u8; 32], public: &[u8; 32]) -> Result<Zeroizing<[u8; 32]>, NoSharedSecret> {
    let shared = Zeroizing::new(x25519_dalek::x25519(*secret, *public));
    if super::constant_time_eq(&*shared, &[0; 32]) {
        return Err(NoSharedSecret);
    }
    Ok(shared)
}

/// The public u-coordinate of a private key.
pub fn x25519_public(secret: &[u8; 32]) -> [u8; 32] {
    x25519_dalek::PublicKey::from(&x25519_dalek::StaticSecret::from(*secret)).to_bytes()
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
            assert_eq!(*x25519(&key(scalar), &key(point)).unwrap(), key(result));
        }
    }

    /// RFC 7748, section 6.1.
    #[test]
    fn rfc_7748_agreement() {
        let bob = key("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
        assert_eq!(
            x25519_public(&bob),
            key("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
        );
        let alice = key("8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a");
        assert_eq!(
            *x25519(&bob, &alice).unwrap(),
            key("4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")
        );
    }

    #[test]
    fn a_point_of_small_order_gives_no_secret() {
        let mut one = [0; 32];
        one[0] = 1;
        assert_eq!(x25519(&[9; 32], &[0; 32]), Err(NoSharedSecret));
        assert_eq!(x25519(&[9; 32], &one), Err(NoSharedSecret));
    }
}
