//! The secret half that all roles share.

use rand_core::CryptoRng;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::PublicKey;
use crate::primitives::{NoSharedSecret, clamp, x25519, x25519_public};

/// A secret and its public key, without a role.
#[derive(Clone, ZeroizeOnDrop)]
pub(crate) struct KeyPair {
    secret: [u8; 32],
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
        let secret = clamp(*secret);
        Self {
            secret,
            public: PublicKey::from_u_coordinate(x25519_public(&secret)),
        }
    }

    /// A pair that was kept whole: its public half is not worked out again.
    pub(super) fn restore(secret: [u8; 32], public: PublicKey) -> Self {
        Self { secret, public }
    }

    pub(crate) fn secret_bytes(&self) -> &[u8; 32] {
        &self.secret
    }

    pub(crate) fn public(&self) -> PublicKey {
        self.public
    }

    pub(crate) fn agree(&self, theirs: &PublicKey) -> Result<Zeroizing<[u8; 32]>, NoSharedSecret> {
        x25519(&self.secret, theirs.u_coordinate())
    }
}
