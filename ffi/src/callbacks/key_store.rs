//! The app's place for small secrets.

use super::CallbackError;
use crate::running;
use sealwire::key_store::{KeyStoreError, Secret};
use sealwire::{BoxFuture, FileKeyStore, MemoryKeyStore};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Keeps small named secrets for the app: its Keychain, Keystore, credential manager. One key store belongs to one store.
///
/// Called from threads of the library's own that may be blocked. A `put` must be durable when it returns. Do not back its
/// secrets up together with the store, nor let them travel to another device.
#[uniffi::export(rust, foreign)]
pub trait KeyStore: Send + Sync {
    /// The secret of this name, if it was ever put.
    fn get(&self, name: String) -> Result<Option<Vec<u8>>, CallbackError>;

    /// Keeps the secret under this name, in place of an earlier one.
    fn put(&self, name: String, secret: Vec<u8>) -> Result<(), CallbackError>;
}

/// Keeps the secrets in a file that only this user may read: for desktops and servers.
#[uniffi::export]
pub fn file_key_store(path: String) -> Arc<dyn KeyStore> {
    Arc::new(Ours(FileKeyStore::new(path)))
}

/// Forgets them with the process: for tests.
#[uniffi::export]
pub fn memory_key_store() -> Arc<dyn KeyStore> {
    Arc::new(Ours(MemoryKeyStore::new()))
}

/// One of the SDK's own.
struct Ours<K>(K);

impl<K: sealwire::KeyStore> KeyStore for Ours<K> {
    fn get(&self, name: String) -> Result<Option<Vec<u8>>, CallbackError> {
        let secret = futures_util::FutureExt::now_or_never(self.0.get(&name));
        let secret = secret.unwrap_or_else(|| Err(waits()))?;
        Ok(secret.map(|secret| secret.to_vec()))
    }

    fn put(&self, name: String, secret: Vec<u8>) -> Result<(), CallbackError> {
        let done = futures_util::FutureExt::now_or_never(self.0.put(&name, Zeroizing::new(secret)));
        Ok(done.unwrap_or_else(|| Err(waits()))?)
    }
}

fn waits() -> KeyStoreError {
    KeyStoreError::new("the key store has to wait")
}

impl From<KeyStoreError> for CallbackError {
    fn from(error: KeyStoreError) -> Self {
        Self::Failed {
            reason: error.to_string(),
        }
    }
}

/// One that came from the app, as the SDK calls it: on a thread that may be blocked.
pub(crate) struct HandedIn(pub(crate) Arc<dyn KeyStore>);

impl sealwire::KeyStore for HandedIn {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Secret>, KeyStoreError>> {
        let (store, name) = (Arc::clone(&self.0), name.to_owned());
        Box::pin(async move {
            let secret = blocking(move || store.get(name)).await?;
            Ok(secret.map(Zeroizing::new))
        })
    }

    fn put<'a>(
        &'a self,
        name: &'a str,
        secret: Secret,
    ) -> BoxFuture<'a, Result<(), KeyStoreError>> {
        let (store, name) = (Arc::clone(&self.0), name.to_owned());
        Box::pin(async move { blocking(move || store.put(name, secret.to_vec())).await })
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, CallbackError> + Send + 'static,
) -> Result<T, KeyStoreError> {
    let runtime = running::runtime().map_err(|error| KeyStoreError::new(error.to_string()))?;
    match runtime.spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) => Err(KeyStoreError::new(error.to_string())),
        Err(_) => Err(KeyStoreError::new("the app's key store panicked")),
    }
}
