//! The key of a store file: raw, never a passphrase, so that opening costs no key derivation.

use std::fmt::Write as _;
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

/// The raw 32-byte key and 16-byte salt of a store file, from the app's key store.
///
/// The salt is no secret, but it is not in the file: SQLCipher leaves the first 32 bytes of the file in the clear, where
/// the salt would be, so that operating systems see an SQLite file. Without it the key opens nothing.
#[derive(Clone, ZeroizeOnDrop)]
pub struct StoreKey {
    key: [u8; 32],
    salt: [u8; 16],
}

impl StoreKey {
    /// A key and salt, both from a secure source of randomness, used for one store file alone.
    pub fn new(key: [u8; 32], salt: [u8; 16]) -> Self {
        Self { key, salt }
    }

    /// `x'<64 hex digits><32 hex digits>'`: SQLCipher's form for a raw key with its salt.
    pub(crate) fn as_pragma(&self) -> Zeroizing<String> {
        // Room for all of it at once: a string that grows leaves copies behind.
        let mut text = Zeroizing::new(String::with_capacity(2 * (32 + 16) + 3));
        text.push_str("x'");
        for byte in self.key.iter().chain(&self.salt) {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        text.push('\'');
        text
    }
}

impl From<(&[u8; 32], &[u8; 16])> for StoreKey {
    fn from((key, salt): (&[u8; 32], &[u8; 16])) -> Self {
        let mut copy = *key;
        let made = Self::new(copy, *salt);
        copy.zeroize();
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_and_salt_stand_in_sqlciphers_raw_form() {
        let text = StoreKey::new([0xab; 32], [0x01; 16]).as_pragma();
        assert_eq!(*text, format!("x'{}{}'", "ab".repeat(32), "01".repeat(16)));
    }
}
