//! Where the app keeps the few small secrets that open its store.

mod file;
mod memory;
pub(crate) mod secrets;

#[cfg(not(target_family = "wasm"))]
pub use file::FileKeyStore;
pub use memory::MemoryKeyStore;

use crate::bounds::{BoxFuture, MaybeSend, MaybeSync};
use std::error::Error as StdError;
use zeroize::Zeroizing;

/// Keeps small named secrets for the app: its Keychain, Keystore, credential manager.
///
/// One key store belongs to one store file. It holds the file's raw key (`store-key`, 32 bytes), its salt (`store-salt`,
/// 16 bytes) and the store's generation (`store-anchor`, 8 bytes), which tells an old copy of the file from the newest.
/// Do not back these up together with the file, nor let them travel to another device: an old copy of both cannot be told.
///
/// A `put` must be durable when it ends: nothing is sent before the first one ended. The SDK calls from its own threads.
pub trait KeyStore: MaybeSend + MaybeSync + 'static {
    /// The secret of this name, if it was ever put.
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Secret>, KeyStoreError>>;

    /// Keeps the secret under this name, in place of an earlier one.
    fn put<'a>(&'a self, name: &'a str, secret: Secret)
    -> BoxFuture<'a, Result<(), KeyStoreError>>;
}

/// Secret bytes, wiped on drop.
pub type Secret = Zeroizing<Vec<u8>>;

/// Why a key store did not answer. What it held, it holds.
#[derive(Debug, thiserror::Error)]
#[error("{detail}")]
pub struct KeyStoreError {
    detail: String,
    #[source]
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

impl KeyStoreError {
    /// With a sentence for a developer; no secret belongs into it.
    pub fn new(detail: impl Into<String>) -> Self {
        Self {
            detail: detail.into(),
            cause: None,
        }
    }

    /// With what lies behind it.
    pub fn caused_by(
        detail: impl Into<String>,
        cause: impl StdError + Send + Sync + 'static,
    ) -> Self {
        Self {
            detail: detail.into(),
            cause: Some(Box::new(cause)),
        }
    }
}
