//! The secret half that all roles share.

use rand_core::CryptoRng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::PublicKey;
use crate::primitives::{NoSharedSecret, X25519Secret};

/// A secret and its public key, without a role.
#[derive(Clone, ZeroizeOnDrop)]
pub(crate) struct KeyPair {
    secret: X25519Secret,
    #[zeroize(skip)]
    public: PublicKey,
}

impl KeyPair {
    pub(crate) fn generate(rng: &mut impl CryptoRng) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        rng.fill_bytes(&mut *secret);
        Self::from_secret_bytes(&secret)
    }

    pub(crate) fn from_secret_bytes(secret: &[u8; 32]) -> Self {
        let secret = X25519Secret::new(secret);
        Self {
            public: PublicKey::from_u_coordinate(secret.public()),
            secret,
        }
    }

    /// A pair that was kept whole: its public half is not worked out again.
    pub(super) fn restore(secret: &[u8; 32], public: PublicKey) -> Self {
        Self {
            secret: X25519Secret::new(secret),
            public,
        }
    }

    pub(crate) fn secret_bytes(&self) -> &[u8; 32] {
        self.secret.as_bytes()
    }

    pub(crate) fn public(&self) -> PublicKey {
        self.public
    }

    pub(crate) fn agree(&self, theirs: &PublicKey) -> Result<Zeroizing<[u8; 32]>, NoSharedSecret> {
        self.secret.agree(theirs.u_coordinate())
    }
}
