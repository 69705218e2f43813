//! What only this relay can have made: a MAC on nonces and cursors, so that neither needs a row before it is used.

use sealwire_crypto::primitives::{constant_time_eq, hmac_sha256};
use zeroize::ZeroizeOnDrop;

/// A key that never leaves the relay.
#[derive(ZeroizeOnDrop)]
pub(super) struct RelayKey([u8; 32]);

impl RelayKey {
    /// Under which it is kept.
    pub(super) const NAME: &'static str = "nonces and cursors";

    pub(super) fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The first `N` bytes of the MAC.
    pub(super) fn mark<const N: usize>(&self, text: &[u8]) -> [u8; N] {
        let mac = hmac_sha256(&self.0, text);
        std::array::from_fn(|index| mac.get(index).copied().unwrap_or_default())
    }

    pub(super) fn made<const N: usize>(&self, text: &[u8], mark: &[u8; N]) -> bool {
        constant_time_eq(&self.mark::<N>(text), mark)
    }
}
