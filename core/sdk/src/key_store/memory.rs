//! A key store that forgets: for tests.

use super::{KeyStore, KeyStoreError, Secret};
use crate::bounds::BoxFuture;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Keeps secrets for as long as it lives. With a store in a file, the file cannot be opened after it is gone.
#[derive(Default)]
pub struct MemoryKeyStore {
    secrets: Mutex<HashMap<String, Secret>>,
}

impl MemoryKeyStore {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }
}

impl KeyStore for MemoryKeyStore {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Secret>, KeyStoreError>> {
        Box::pin(async move {
            let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(secrets.get(name).cloned())
        })
    }

    fn put<'a>(
        &'a self,
        name: &'a str,
        secret: Secret,
    ) -> BoxFuture<'a, Result<(), KeyStoreError>> {
        Box::pin(async move {
            let mut secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
            secrets.insert(name.to_owned(), secret);
            Ok(())
        })
    }
}
