//! HMAC-SHA256 (RFC 2104) and HKDF-SHA256 (RFC 5869).

use std::sync::LazyLock;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// A key of HMAC-SHA256 for several messages: taking it in is half of the work for a short one.
pub struct HmacSha256(Hmac<Sha256>);

impl HmacSha256 {
    /// A key of any length.
    pub fn new(key: &[u8]) -> Self {
        let Ok(mac) = Hmac::new_from_slice(key) else {
            unreachable!("HMAC takes keys of every length")
        };
        Self(mac)
    }

    /// The MAC of the parts, one after another, without anything between them.
    pub fn of(&self, parts: &[&[u8]]) -> [u8; 32] {
        finish(self.0.clone(), parts)
    }
}

/// HMAC-SHA256 of a message under a key of any length.
pub fn hmac_sha256(key: &[u8], message: &[u8]) -> [u8; 32] {
    finish(HmacSha256::new(key).0, &[message])
}

/// `N` bytes of HKDF-SHA256; an absent salt is 32 zero bytes (RFC 5869, section 2.2).
pub fn hkdf_sha256<const N: usize>(salt: Option<&[u8]>, ikm: &[u8], info: &[u8]) -> [u8; N] {
    // RFC 5869, section 2.3: at most 255 blocks.
    const { assert!(N <= 255 * 32) };
    /// Most derivations have no salt.
    static WITHOUT_SALT: LazyLock<HmacSha256> = LazyLock::new(|| HmacSha256::new(&[0; 32]));
    let prk = Zeroizing::new(match salt {
        Some(salt) => hmac_sha256(salt, ikm),
        None => WITHOUT_SALT.of(&[ikm]),
    });
    let mut okm = [0; N];
    let expanded =
        Hkdf::<Sha256>::from_prk(&*prk).is_ok_and(|prk| prk.expand(info, &mut okm).is_ok());
    if !expanded {
        unreachable!("the lengths were checked when this was compiled")
    }
    okm
}

fn finish(mut mac: Hmac<Sha256>, parts: &[&[u8]]) -> [u8; 32] {
    for part in parts {
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        hex::decode(text).unwrap()
    }

    /// RFC 4231, cases 1, 2, 6 and 7.
    #[test]
    fn rfc_4231_hmac_sha256() {
        let vectors: [(Vec<u8>, &[u8], &str); 4] = [
            (
                vec![0x0b; 20],
                b"Hi There",
                "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
            ),
            (
                b"Jefe".to_vec(),
                b"what do ya want for nothing?",
                "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843",
            ),
            (
                vec![0xaa; 131],
                b"Test Using Larger Than Block-Size Key - Hash Key First",
                "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54",
            ),
            (
                vec![0xaa; 131],
                b"This is a test using a larger than block-size key and a larger than block-size data. \
                  The key needs to be hashed before being used by the HMAC algorithm.",
                "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2",
            ),
        ];
        for (key, message, mac) in vectors {
            assert_eq!(hmac_sha256(&key, message).to_vec(), bytes(mac));
        }
    }

    #[test]
    fn a_key_taken_in_once_serves_every_message_whole_or_in_parts() {
        let key = HmacSha256::new(b"Jefe");
        for message in [b"what do ya want ".as_slice(), b"", &[7; 200]] {
            let whole = hmac_sha256(b"Jefe", message);
            let (start, end) = message.split_at(message.len() / 3);
            assert_eq!(key.of(&[message]), whole);
            assert_eq!(key.of(&[start, b"", end]), whole);
        }
    }

    /// RFC 5869, appendix A.1.
    #[test]
    fn rfc_5869_with_salt_and_info() {
        let okm: [u8; 42] = hkdf_sha256(
            Some(&bytes("000102030405060708090a0b0c")),
            &[0x0b; 22],
            &bytes("f0f1f2f3f4f5f6f7f8f9"),
        );
        assert_eq!(
            okm.to_vec(),
            bytes(
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"
            )
        );
    }

    /// RFC 5869, appendix A.2.
    #[test]
    fn rfc_5869_with_long_inputs() {
        let range = |from: u8, to: u8| (from..=to).collect::<Vec<u8>>();
        let okm: [u8; 82] = hkdf_sha256(
            Some(&range(0x60, 0xaf)),
            &range(0x00, 0x4f),
            &range(0xb0, 0xff),
        );
        assert_eq!(
            okm.to_vec(),
            bytes(
                "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c\
                 59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71\
                 cc30c58179ec3e87c14c01d5c1f3434f1d87"
            )
        );
    }

    /// RFC 5869, appendix A.3.
    #[test]
    fn rfc_5869_without_salt_and_info() {
        let okm: [u8; 42] = hkdf_sha256(None, &[0x0b; 22], b"");
        assert_eq!(
            okm.to_vec(),
            bytes(
                "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"
            )
        );
    }
}
