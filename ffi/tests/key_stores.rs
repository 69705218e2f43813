//! The app's key store as the library calls it: what it may do meanwhile.
//!
//! An unwrap that fails here is the test failing.
#![allow(clippy::unwrap_used)]

use sealwire_ffi::records::{OpenOptions, SessionPolicy, StoreLocation};
use sealwire_ffi::{CallbackError, ClientHandle, KeyStore, live_clients, memory_key_store};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::time::timeout;

const SOON: Duration = Duration::from_secs(20);

/// Closes the client once, inside of one of its two functions, and waits for it: as a foreign `close` that blocks its thread does.
struct Closes {
    inner: Arc<dyn KeyStore>,
    on_get: Mutex<Option<Arc<ClientHandle>>>,
    on_put: Mutex<Option<Arc<ClientHandle>>>,
}

impl Closes {
    fn close(client: &Mutex<Option<Arc<ClientHandle>>>) {
        let Some(client) = client.lock().unwrap().take() else {
            return;
        };
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        runtime.unwrap().block_on(client.end()).unwrap();
    }
}

impl KeyStore for Closes {
    fn get(&self, name: String) -> Result<Option<Vec<u8>>, CallbackError> {
        Self::close(&self.on_get);
        self.inner.get(name)
    }
    fn put(&self, name: String, secret: Vec<u8>) -> Result<(), CallbackError> {
        Self::close(&self.on_put);
        self.inner.put(name, secret)
    }
}

#[tokio::test]
async fn a_key_store_may_close_its_client_and_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let options = || OpenOptions {
        relay: "http://127.0.0.1:1".to_owned(),
        store: StoreLocation::File {
            path: folder.path().join("a.db").to_string_lossy().into_owned(),
        },
        start_offline: true,
        danger_allow_http: false,
        give_up_after_ms: None,
        session_policy: SessionPolicy::default(),
    };
    for is_on_get in [true, false] {
        let keys = Arc::new(Closes {
            inner: memory_key_store(),
            on_get: Mutex::default(),
            on_put: Mutex::default(),
        });
        let open = || ClientHandle::open(options(), Some(Arc::<Closes>::clone(&keys)));
        let client = open().await.unwrap();
        client.suspend().await.unwrap();
        let when = if is_on_get {
            &keys.on_get
        } else {
            &keys.on_put
        };
        *when.lock().unwrap() = Some(Arc::clone(&client));

        // To resume, the store's key is asked for; and of the store that is open again, its newest generation is kept.
        let resumed = timeout(SOON, client.resume()).await.unwrap();
        if is_on_get {
            assert_eq!(resumed.unwrap_err().info().code, "closed");
        }
        timeout(SOON, client.end()).await.unwrap().unwrap();
        assert_eq!(live_clients(), 0);

        // Nothing was harmed, and nothing is held.
        assert!(when.lock().unwrap().is_none(), "it was asked");
        let again = timeout(SOON, open()).await.unwrap().unwrap();
        again.end().await.unwrap();
        std::fs::remove_dir_all(folder.path()).unwrap();
        std::fs::create_dir(folder.path()).unwrap();
    }
}
