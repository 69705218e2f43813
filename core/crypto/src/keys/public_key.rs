//! The public half that all roles share: a canonical Curve25519 u-coordinate and its 33-byte form.

use crate::primitives::edwards::Point;

/// The type byte in front of every Curve25519 key (the only curve there is).
const CURVE25519: u8 = 0x05;

/// Bytes that are no public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// A public key is 33 bytes, a secret 32.
    #[error("a key of {0} bytes is no key")]
    Length(usize),
    /// The first byte names another kind of key.
    #[error("key type {0:#04x} is not known")]
    Type(u8),
    /// The coordinate is not below 2^255 - 19: a second spelling of some other key.
    #[error("the key is not written canonically")]
    NotCanonical,
    /// The point has a small order: it agrees on nothing secret, and anybody can sign under it. No honest key is one.
    #[error("the key has a small order")]
    LowOrder,
}

/// A public key without a role. Two equal keys have equal bytes: other spellings of a coordinate are refused.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// How many bytes [`PublicKey::to_bytes`] gives.
    pub const LENGTH: usize = 33;

    /// Reads `0x05 ‖ u`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let Ok([kind, u @ ..]) = <[u8; Self::LENGTH]>::try_from(bytes) else {
            return Err(KeyError::Length(bytes.len()));
        };
        if kind != CURVE25519 {
            return Err(KeyError::Type(kind));
        }
        if !is_canonical(&u) {
            return Err(KeyError::NotCanonical);
        }
        if has_low_order(&u) {
            return Err(KeyError::LowOrder);
        }
        Ok(Self(u))
    }

    /// `0x05 ‖ u`.
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        Self::spelled_out(self.0)
    }

    /// `0x05 ‖ u` of a coordinate that may or may not be canonical.
    pub(crate) fn spelled_out(u: [u8; 32]) -> [u8; Self::LENGTH] {
        let mut bytes = [CURVE25519; Self::LENGTH];
        bytes[1..].copy_from_slice(&u);
        bytes
    }

    /// The u-coordinate alone, as X25519 takes it.
    pub fn u_coordinate(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether the key lies in the prime-order subgroup of the curve, as every honestly made key does.
    ///
    /// A key plus a point of small order is another key with the same shared secrets. Where a key is a name (the base key of
    /// a session) only this check keeps one session from having eight names.
    pub fn is_torsion_free(&self) -> bool {
        Point::from_montgomery(&self.0, false).is_some_and(|point| point.is_torsion_free())
    }

    pub(super) fn from_u_coordinate(u: [u8; 32]) -> Self {
        Self(u)
    }
}

/// Public keys may be printed: hexadecimal of the 33 bytes.
impl core::fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        self.to_bytes()
            .iter()
            .try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// Below 2^255 - 19, the order of the field (RFC 7748, section 4.1).
fn is_canonical(u: &[u8; 32]) -> bool {
    let top_is_full = u[31] == 0x7f && u[1..31].iter().all(|byte| *byte == 0xff);
    u[31] < 0x80 && !(top_is_full && u[0] >= 0xed)
}

/// The coordinates of the points of order eight of the curve.
const ORDER_EIGHT: [[u8; 32]; 2] = [
    [
        0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3, 0xfa, 0xf1, 0x9f, 0xc4,
        0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32, 0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49,
        0xb8, 0x00,
    ],
    [
        0x5f, 0x9c, 0x95, 0xbc, 0xa3, 0x50, 0x8c, 0x24, 0xb1, 0xd0, 0xb1, 0x55, 0x9c, 0x83, 0xef,
        0x5b, 0x04, 0x44, 0x5c, 0xc4, 0x58, 0x1c, 0x8e, 0x86, 0xd8, 0x22, 0x4e, 0xdd, 0xd0, 0x9f,
        0x11, 0x57,
    ],
];

/// Of the canonical coordinates those whose shared secrets are all zero, on the curve or on its twist: 0, 1, p - 1, and the two of
/// order eight (RFC 7748, section 6.1, and the list in section 7 of <https://cr.yp.to/ecdh.html>).
fn has_low_order(u: &[u8; 32]) -> bool {
    let between = &u[1..31];
    match (u[0], u[31]) {
        (0 | 1, 0) => between.iter().all(|byte| *byte == 0),
        (0xec, 0x7f) => between.iter().all(|byte| *byte == 0xff),
        _ => ORDER_EIGHT.contains(u),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoding(first: u8, last: u8, between: u8) -> [u8; 33] {
        let mut bytes = [between; 33];
        (bytes[0], bytes[1], bytes[32]) = (0x05, first, last);
        bytes
    }

    #[test]
    fn bytes_come_back_as_they_went_in() {
        let bytes = encoding(9, 0, 0);
        let key = PublicKey::from_bytes(&bytes).unwrap();
        assert_eq!(key.to_bytes(), bytes);
        assert_eq!(format!("{key:?}"), hex::encode(bytes));
    }

    #[test]
    fn another_length_or_type_is_refused() {
        let bytes = encoding(9, 0, 0);
        assert_eq!(
            PublicKey::from_bytes(&bytes[..32]),
            Err(KeyError::Length(32))
        );
        assert_eq!(PublicKey::from_bytes(&[5; 34]), Err(KeyError::Length(34)));
        assert_eq!(PublicKey::from_bytes(&[8; 33]), Err(KeyError::Type(8)));
    }

    #[test]
    fn a_second_spelling_of_a_key_is_refused() {
        assert!(PublicKey::from_bytes(&encoding(0xeb, 0x7f, 0xff)).is_ok());
        for (first, last) in [(0xed, 0x7f), (0xff, 0x7f), (9, 0x80), (9, 0xff)] {
            assert_eq!(
                PublicKey::from_bytes(&encoding(first, last, 0xff)),
                Err(KeyError::NotCanonical)
            );
        }
    }

    /// The bytes of p alone make a coordinate too large, not one of them.
    #[test]
    fn a_coordinate_below_the_order_of_the_field_is_a_key() {
        for (first, last, between) in [
            (0xed, 0x7f, 0),
            (0xff, 0x7f, 0xfe),
            (0xff, 0x7e, 0xff),
            (0xff, 0, 0xff),
        ] {
            let bytes = encoding(first, last, between);
            assert_eq!(PublicKey::from_bytes(&bytes).unwrap().to_bytes(), bytes);
        }
    }

    #[test]
    fn a_key_with_a_small_order_part_is_seen() {
        let honest = crate::primitives::X25519Secret::new(&[7; 32]).public();
        assert!(PublicKey::from_u_coordinate(honest).is_torsion_free());
        // u = 0 is the point of order two; u = 2 lies on the twist.
        assert!(!PublicKey::from_u_coordinate([0; 32]).is_torsion_free());
        assert!(
            !PublicKey::from_bytes(&encoding(2, 0, 0))
                .unwrap()
                .is_torsion_free()
        );
    }

    #[test]
    fn a_point_of_low_order_is_no_key_and_its_neighbours_are() {
        let secret = crate::primitives::X25519Secret::new(&[7; 32]);
        let mut points = vec![[0; 32], ORDER_EIGHT[0], ORDER_EIGHT[1]];
        for (first, rest, last) in [(1, 0, 0), (0xec, 0xff, 0x7f)] {
            let mut u = [rest; 32];
            (u[0], u[31]) = (first, last);
            points.push(u);
        }
        for u in points {
            let read = |u| PublicKey::from_bytes(&PublicKey::spelled_out(u));
            assert!(secret.agree(&u).is_err(), "{u:?}");
            assert_eq!(read(u), Err(KeyError::LowOrder));
            for at in [0, 1, 15, 30, 31] {
                let mut other = u;
                other[at] ^= 0x04;
                assert!(secret.agree(&other).is_ok());
                assert_eq!(read(other).map(|key| *key.u_coordinate()), Ok(other));
            }
        }
    }
}
