//! The app's place for small secrets.

use super::CallbackError;
use crate::records::StoreLocation;
use crate::running;
use sealwire::key_store::{KeyStoreError, Secret};
use sealwire::{BoxFuture, FileKeyStore, MemoryKeyStore};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use zeroize::Zeroizing;

/// Keeps small named secrets for the app: its Keychain, Keystore, credential manager. One key store belongs to one store.
///
/// Called from threads of the library's own that may be blocked, one call after the other in the order in which the store needs
/// them. A `put` must be durable when it returns. It may close the client, and wait for that; it may not wait for another call
/// of the client, nor open one over the same store. Do not back its secrets up together with the store, nor let them travel to
/// another device.
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

/// One that came from the app, as the SDK calls it: on a thread that may be blocked, and in the order of the calls.
pub(crate) struct HandedIn {
    store: Arc<dyn KeyStore>,
    turns: Arc<Turns>,
}

/// Whoever calls holds it until the app's code has returned, also where nobody waits for that any more.
type Turns = tokio::sync::Mutex<()>;

/// By the store whose secrets they are: what a client that is closed has asked for comes before what the next one asks.
static TURNS: Mutex<BTreeMap<String, Weak<Turns>>> = Mutex::new(BTreeMap::new());

impl HandedIn {
    pub(crate) fn new(key_store: Arc<dyn KeyStore>, store: &StoreLocation) -> Self {
        let turns = match store {
            StoreLocation::File { path } => turns_at(path),
            StoreLocation::Memory => Arc::default(),
        };
        Self {
            store: key_store,
            turns,
        }
    }

    async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn KeyStore) -> Result<T, CallbackError> + Send + 'static,
    ) -> Result<T, KeyStoreError> {
        let runtime = running::runtime().map_err(|error| KeyStoreError::new(error.to_string()))?;
        let store = Arc::clone(&self.store);
        let turn = Arc::clone(&self.turns).lock_owned().await;
        let called = runtime.spawn_blocking(move || {
            let done = work(&*store);
            drop(turn);
            done
        });
        match called.await {
            Ok(Ok(done)) => Ok(done),
            Ok(Err(error)) => Err(KeyStoreError::new(error.to_string())),
            Err(_) => Err(KeyStoreError::new("the app's key store panicked")),
        }
    }
}

fn turns_at(path: &str) -> Arc<Turns> {
    // What it guards is changed by one call.
    let mut all = TURNS.lock().unwrap_or_else(PoisonError::into_inner);
    all.retain(|_, turns| turns.strong_count() > 0);
    if let Some(turns) = all.get(path).and_then(Weak::upgrade) {
        return turns;
    }
    let turns = Arc::default();
    all.insert(path.to_owned(), Arc::downgrade(&turns));
    turns
}

impl sealwire::KeyStore for HandedIn {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Secret>, KeyStoreError>> {
        let name = name.to_owned();
        Box::pin(async move {
            let secret = self.call(move |store| store.get(name)).await?;
            Ok(secret.map(Zeroizing::new))
        })
    }

    fn put<'a>(
        &'a self,
        name: &'a str,
        secret: Secret,
    ) -> BoxFuture<'a, Result<(), KeyStoreError>> {
        let name = name.to_owned();
        Box::pin(self.call(move |store| store.put(name, secret.to_vec())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;
    use sealwire::KeyStore as _;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Keeps a one only once it is told to go on.
    struct Slow {
        begun: Sender<()>,
        go: Mutex<Receiver<()>>,
        kept: Mutex<Vec<u8>>,
    }

    impl KeyStore for Slow {
        fn get(&self, _: String) -> Result<Option<Vec<u8>>, CallbackError> {
            Ok(None)
        }
        fn put(&self, _: String, secret: Vec<u8>) -> Result<(), CallbackError> {
            if secret == [1] {
                self.begun.send(()).unwrap();
                self.go.lock().unwrap().recv().unwrap();
            }
            self.kept.lock().unwrap().extend(secret);
            Ok(())
        }
    }

    #[test]
    fn secrets_are_kept_in_the_order_of_the_calls_although_nobody_waits_any_more() {
        let ((begun, has_begun), (go, wait)) = (channel(), channel());
        let slow = Arc::new(Slow {
            begun,
            go: Mutex::new(wait),
            kept: Mutex::default(),
        });
        let at = |path: &str| {
            let path = path.to_owned();
            HandedIn::new(Arc::<Slow>::clone(&slow), &StoreLocation::File { path })
        };
        let first = at("/a.db");
        let mut putting = first.put("a", Zeroizing::new(vec![1]));
        assert!((&mut putting).now_or_never().is_none());
        has_begun.recv().unwrap();
        drop(putting);

        let (next, of_another) = (at("/a.db"), at("/b.db"));
        drop(first);
        let mut putting = next.put("a", Zeroizing::new(vec![2]));
        assert!((&mut putting).now_or_never().is_none());
        let caller = tokio::runtime::Builder::new_current_thread().build();
        let caller = caller.unwrap();
        // Another store's secrets wait for nobody's.
        caller
            .block_on(of_another.put("a", Zeroizing::new(vec![3])))
            .unwrap();
        assert_eq!(*slow.kept.lock().unwrap(), [3]);
        go.send(()).unwrap();
        caller.block_on(putting).unwrap();
        assert_eq!(*slow.kept.lock().unwrap(), [3, 1, 2]);
    }
}
