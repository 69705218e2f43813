//! One device: its folder, and its client while the app is open.

use crate::sent::Sent;
use sealwire::{Client, Error, Event, FileKeyStore, KeyStore as _, ThreadId};
use sealwire_store::{Location, Store, StoreKey};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// A device of somebody.
pub(crate) struct Device {
    pub(crate) number: usize,
    /// Its account; a tenth of the accounts have two devices.
    pub(crate) user: usize,
    pub(crate) folder: PathBuf,
    relay: String,
    client: Mutex<Client>,
    /// Those that its account is in.
    threads: Mutex<Vec<ThreadId>>,
    sent: Arc<Sent>,
}

/// A relay that was restarted is back, and is found again, within this.
const PATIENCE: Duration = Duration::from_secs(120);
const AGAIN: Duration = Duration::from_secs(1);

impl Device {
    pub(crate) async fn open(
        number: usize,
        user: usize,
        folder: PathBuf,
        relay: &str,
        sent: &Arc<Sent>,
    ) -> Self {
        std::fs::create_dir(&folder).unwrap();
        let client = client(&folder, relay).await.unwrap();
        listen(number, &client, Arc::clone(sent));
        Self {
            number,
            user,
            folder,
            relay: relay.to_owned(),
            client: Mutex::new(client),
            threads: Mutex::default(),
            sent: Arc::clone(sent),
        }
    }

    /// What the app holds now.
    pub(crate) fn client(&self) -> Client {
        self.client.lock().unwrap().clone()
    }

    pub(crate) fn threads(&self) -> Vec<ThreadId> {
        self.threads.lock().unwrap().clone()
    }

    pub(crate) fn talks_in(&self, thread: ThreadId) {
        self.threads.lock().unwrap().push(thread);
    }

    /// The app is closed for so long, and opened again.
    pub(crate) async fn close_for(&self, time: Duration) {
        self.client().close().await.unwrap();
        tokio::time::sleep(time).await;
        let client = client(&self.folder, &self.relay).await.unwrap();
        listen(self.number, &client, Arc::clone(&self.sent));
        *self.client.lock().unwrap() = client;
    }

    /// Does it again while the relay may be away.
    pub(crate) async fn until_done<T, F: Future<Output = Result<T, Error>>>(
        &self,
        what: &str,
        mut step: impl FnMut(Client) -> F,
    ) -> Option<T> {
        let begun = tokio::time::Instant::now();
        loop {
            match step(self.client()).await {
                Ok(done) => return Some(done),
                Err(error) if error.retryable() && begun.elapsed() < PATIENCE => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => {
                    let (number, code) = (self.number, error.code());
                    self.sent
                        .found(format!("{number}: {what}: {code}: {error}"));
                    return None;
                }
            }
        }
    }

    /// Its store, once the app is closed.
    pub(crate) async fn cold(&self) -> Store {
        let keys = FileKeyStore::new(self.folder.join("keys"));
        let secret = async |name: &str| keys.get(name).await.unwrap().unwrap();
        let (key, salt) = (secret("store-key").await, secret("store-salt").await);
        let anchor = secret("store-anchor").await;
        let key = StoreKey::new(
            key.as_slice().try_into().unwrap(),
            salt.as_slice().try_into().unwrap(),
        );
        let anchor = u64::from_be_bytes(anchor.as_slice().try_into().unwrap());
        let location = Location::File(self.folder.join("store.db"));
        let store = Store::open(&location, &key, Some(anchor)).unwrap();
        store.check().unwrap();
        store
    }
}

async fn client(folder: &Path, relay: &str) -> Result<Client, Error> {
    let keys = FileKeyStore::new(folder.join("keys"));
    let builder = Client::builder(relay).store(folder.join("store.db"));
    builder.key_store(Arc::new(keys)).open().await
}

/// Hears everything that the app is told, as long as it is open.
fn listen(number: usize, client: &Client, sent: Arc<Sent>) {
    let mut events = client.events();
    tokio::spawn(async move {
        while let Some(event) = events.next().await {
            if let Some(harm) = harm(&event) {
                sent.found(format!("{number} was told: {harm}"));
            }
        }
    });
}

/// With an honest relay no device is told of these.
fn harm(event: &Event) -> Option<String> {
    match event {
        Event::MessageFailed(message) => Some(format!("failed: {:?}", message.state)),
        Event::MessageUnreadable(message) => Some(format!("unreadable: {:?}", message.id)),
        Event::MessageMissing { .. }
        | Event::MessageReordered { .. }
        | Event::RemovalRefused { .. }
        | Event::FrameRefused
        | Event::AccountKeyChanged { .. }
        | Event::DeviceListRollback { .. }
        | Event::RelayInconsistent { .. }
        | Event::QueueExpired
        | Event::DeviceRevoked
        | Event::MessageExpired(_)
        | Event::Lagged { .. } => Some(format!("{event:?}")),
        _ => None,
    }
}
