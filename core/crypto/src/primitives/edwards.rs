//! The arithmetic on the twisted Edwards form of Curve25519 that XEdDSA is made of.

use curve25519_dalek::edwards::EdwardsPoint;
use curve25519_dalek::montgomery::MontgomeryPoint;
use zeroize::ZeroizeOnDrop;

/// A number modulo the order of the base point.
#[derive(ZeroizeOnDrop)]
pub struct Scalar(curve25519_dalek::Scalar);

/// A point of the Edwards curve.
pub struct Point(EdwardsPoint);

impl Scalar {
    /// Thirty-two little-endian bytes, reduced.
    pub fn reduce(bytes: &[u8; 32]) -> Self {
        Self(curve25519_dalek::Scalar::from_bytes_mod_order(*bytes))
    }

    /// Sixty-four little-endian bytes (a hash), reduced.
    pub fn reduce_wide(bytes: &[u8; 64]) -> Self {
        Self(curve25519_dalek::Scalar::from_bytes_mod_order_wide(bytes))
    }

    /// `self * factor + addend`.
    pub fn multiply_add(&self, factor: &Self, addend: &Self) -> Self {
        Self(self.0 * factor.0 + addend.0)
    }

    /// The 32 little-endian bytes.
    pub fn to_bytes(&self) -> [u8; 32] {
        self.0.to_bytes()
    }
}

impl Point {
    /// The base point times a secret number, in constant time.
    pub fn base_times(scalar: &Scalar) -> Self {
        Self(EdwardsPoint::mul_base(&scalar.0))
    }

    /// The point with this Montgomery u-coordinate and sign; `None` if u lies on the twist.
    pub fn from_montgomery(u: &[u8; 32], negative: bool) -> Option<Self> {
        MontgomeryPoint(*u).to_edwards(negative.into()).map(Self)
    }

    /// `s * B - h * self`, in variable time: for public values only.
    pub fn base_times_minus_self_times(&self, s: &Scalar, h: &Scalar) -> Self {
        Self(EdwardsPoint::vartime_double_scalar_mul_basepoint(
            &h.0, &-self.0, &s.0,
        ))
    }

    /// Whether the point lies in the prime-order subgroup, where every honest key lies.
    pub fn is_torsion_free(&self) -> bool {
        self.0.is_torsion_free()
    }

    /// The 32 bytes of RFC 8032, section 5.1.2: y, with the sign of x in the last bit.
    pub fn encoding(&self) -> [u8; 32] {
        self.0.compress().to_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8032, section 7.1, test 1: the public key is the base point times the clamped first half of SHA-512(seed).
    #[test]
    fn rfc_8032_public_key() {
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
            .unwrap();
        let hash = super::super::sha512(&[&seed]);
        let mut half = [0; 32];
        half.copy_from_slice(&hash[..32]);
        assert_eq!(
            hex::encode(Point::base_times(&Scalar::reduce(&super::super::clamp(half))).encoding()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
    }

    #[test]
    fn a_montgomery_key_converts_with_the_sign_asked_for() {
        let u = super::super::X25519Secret::new(&[5; 32]).public();
        for negative in [false, true] {
            let point = Point::from_montgomery(&u, negative).unwrap();
            assert_eq!(point.encoding()[31] >> 7 == 1, negative);
            assert!(point.is_torsion_free());
        }
    }
}
