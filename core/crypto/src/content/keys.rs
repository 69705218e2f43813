//! The two secrets of one content: the key that opens it and the key that opens its commitment.

/// A type of 32 secret bytes: wiped when dropped, compared in constant time, never printed.
macro_rules! secret32 {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, zeroize::ZeroizeOnDrop)]
        pub struct $name([u8; 32]);

        impl $name {
            /// A new key.
            pub fn generate(rng: &mut impl rand_core::CryptoRng) -> Self {
                let mut key = Self([0; 32]);
                rng.fill_bytes(&mut key.0);
                key
            }

            /// The key of stored or received bytes.
            pub fn from_bytes(bytes: &[u8; 32]) -> Self {
                Self(*bytes)
            }

            /// The secret bytes, for the encrypted store or a message and nothing else.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                $crate::primitives::constant_time_eq(&self.0, &other.0)
            }
        }

        impl Eq for $name {}
    };
}

pub(crate) use secret32;

secret32!(
    /// K: opens one content. It never seals a second one.
    ContentKey
);

secret32!(
    /// F: opens the commitment that the relay stamped, when a recipient reports the message.
    FrankingKey
);

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    #[test]
    fn keys_come_back_as_they_were_stored_and_differ_from_each_other() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let key = ContentKey::generate(&mut rng);
        assert!(ContentKey::from_bytes(key.as_bytes()) == key);
        assert!(ContentKey::generate(&mut rng) != key);
    }
}
