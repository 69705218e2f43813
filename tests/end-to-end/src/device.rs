//! A device of somebody: its client, its store in a file, its line to the relay.

use crate::{Adversary, EventLog, Keys, PATIENCE, soon};
use sealwire::{
    Client, ClientBuilder, ConnectionState, KeyStore as _, MemoryKeyStore, Message, MessageContent,
    MessageState, ThreadId,
};
use sealwire_store::{Location, PageCursor, Store, StoreKey};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// A device that is switched on.
pub struct Device {
    /// What an app holds.
    pub client: Client,
    /// Who sits on its line.
    pub adversary: Arc<Adversary>,
    /// What it told.
    pub events: EventLog,
    home: Home,
}

/// Where a device's store lies, whether the device is on or off.
pub struct Home {
    folder: TempDir,
    keys: Arc<MemoryKeyStore>,
    /// Where its relay is.
    pub relay: String,
}

/// A store without a client.
pub struct Cold {
    /// For what the shortcuts do not show.
    pub store: Store,
    home: Home,
}

impl Device {
    /// A device of nobody yet.
    pub async fn fresh(relay: &str) -> Self {
        Home::new(relay).open().await
    }

    /// The first device of an account, online.
    pub async fn register(relay: &str, user: &str) -> Self {
        let device = Self::fresh(relay).await;
        device.client.register(user).await.unwrap();
        device.online().await;
        device
    }

    /// A further device of this one's account, online.
    pub async fn link(&self) -> Self {
        let new = Self::fresh(&self.home.relay).await;
        let linking = new.client.start_linking().await.unwrap();
        let code = linking.code().to_owned();
        let (joined, added) = soon("linking", async {
            tokio::join!(
                linking.finish(|_| async { true }),
                self.client.link_device(&code, |_| async { true })
            )
        })
        .await;
        assert_eq!(joined.unwrap().1, added.unwrap());
        new.online().await;
        new
    }

    /// Waits until everything queued is here.
    pub async fn online(&self) {
        soon("online", self.client.wait_until_caught_up())
            .await
            .unwrap();
    }

    /// Disconnects, and waits until it is.
    pub async fn offline(&self) {
        self.client.go_offline().await.unwrap();
        assert!(matches!(
            self.client.connection(),
            ConnectionState::Offline { .. }
        ));
    }

    /// Sends, and waits until the relay has it.
    pub async fn say(&self, thread: ThreadId, text: &str) -> Message {
        let message = self.client.send_text(thread, text).await.unwrap();
        soon(text, self.client.wait_until_sent(message.local_id))
            .await
            .unwrap()
    }

    /// Sends, and waits for nothing.
    pub async fn write(&self, thread: ThreadId, text: &str) -> Message {
        self.client.send_text(thread, text).await.unwrap()
    }

    /// Waits until a message with this text is here.
    pub async fn hears(&self, text: &str) -> Message {
        self.events.until_text(text).await
    }

    /// Waits until so many messages of a thread are here.
    pub async fn until_messages(&self, thread: ThreadId, count: u64) {
        let mut events = self.client.events();
        let waited = tokio::time::timeout(PATIENCE, async {
            while self.client.count_messages(Some(thread)).await.unwrap() < count {
                events.next().await.unwrap();
            }
        })
        .await;
        assert!(waited.is_ok(), "{:?}", self.texts(thread).await);
    }

    /// A thread, oldest first.
    pub async fn messages(&self, thread: ThreadId) -> Vec<Message> {
        let mut messages: Vec<Message> = Vec::new();
        loop {
            let before = messages.last().map(|message| message.local_id);
            let page = self.client.messages(thread, before, 100).await.unwrap();
            if page.is_empty() {
                messages.reverse();
                return messages;
            }
            messages.extend(page);
        }
    }

    /// A thread in words, oldest first.
    pub async fn texts(&self, thread: ThreadId) -> Vec<String> {
        texts(&self.messages(thread).await)
    }

    /// The keys in its store as they are now.
    pub async fn keys(&self) -> Keys {
        Keys::of(&self.snapshot().await.cold().await.store)
    }

    /// A copy of its files as they are now: what a crash would leave.
    pub async fn snapshot(&self) -> Home {
        let copy = Home::new(&self.home.relay);
        for suffix in ["", "-wal"] {
            let name = format!("store{suffix}");
            let _ = std::fs::copy(
                self.home.folder.path().join(&name),
                copy.folder.path().join(&name),
            );
        }
        for name in ["store-key", "store-salt", "store-anchor"] {
            let secret = self.home.keys.get(name).await.unwrap().unwrap();
            copy.keys.put(name, secret).await.unwrap();
        }
        copy
    }

    /// Switches it off.
    pub async fn close(self) -> Home {
        soon("close", self.client.close()).await.unwrap();
        self.home
    }

    /// Switches it off and opens its store cold; it must be whole.
    pub async fn cold(self) -> Cold {
        self.close().await.cold().await
    }
}

impl Home {
    fn new(relay: &str) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            keys: Arc::new(MemoryKeyStore::new()),
            relay: relay.to_owned(),
        }
    }

    /// A copy of a store that is there already, with its key, salt and anchor.
    pub async fn with_store(
        relay: &str,
        store: &Path,
        key: [u8; 32],
        salt: [u8; 16],
        anchor: u64,
    ) -> Self {
        let home = Self::new(relay);
        std::fs::copy(store, home.path()).unwrap();
        let anchor = anchor.to_be_bytes();
        let secrets: [(&str, &[u8]); 3] = [
            ("store-salt", &salt),
            ("store-key", &key),
            ("store-anchor", &anchor),
        ];
        for (name, secret) in secrets {
            let secret = secret.to_vec().into();
            home.keys.put(name, secret).await.unwrap();
        }
        home
    }

    /// Switches the device on.
    pub async fn open(self) -> Device {
        self.open_with(|builder| builder).await
    }

    /// Switches the device on as an app would that wants something else than what is usual.
    pub async fn open_with(self, wishes: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Device {
        let adversary = Adversary::new();
        let usual = Client::builder(&self.relay)
            .store(self.path())
            .key_store(self.keys.clone())
            .transport(adversary.clone())
            .start_offline();
        let client = wishes(usual).open().await.unwrap();
        let events = EventLog::of(client.events());
        client.go_online().await.unwrap();
        Device {
            client,
            adversary,
            events,
            home: self,
        }
    }

    /// Switches the device on and waits until everything queued is here.
    pub async fn open_online(self) -> Device {
        let device = self.open().await;
        device.online().await;
        device
    }

    /// Opens the store without a client; it must be whole.
    pub async fn cold(self) -> Cold {
        let key = self.secret::<32>("store-key").await;
        let salt = self.secret::<16>("store-salt").await;
        let anchor = u64::from_be_bytes(self.secret("store-anchor").await);
        let location = Location::File(self.path());
        let store = Store::open(&location, &StoreKey::new(key, salt), Some(anchor)).unwrap();
        store.check().unwrap();
        Cold { store, home: self }
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    async fn secret<const N: usize>(&self, name: &str) -> [u8; N] {
        let secret = self.keys.get(name).await.unwrap().unwrap();
        secret.as_slice().try_into().unwrap()
    }
}

impl Cold {
    /// A thread, oldest first.
    pub fn messages(&self, thread: ThreadId) -> Vec<Message> {
        let mut messages: Vec<Message> = Vec::new();
        let mut before: Option<PageCursor> = None;
        loop {
            let page = self.store.page(thread, before, 100).unwrap();
            let Some(last) = page.last() else {
                messages.reverse();
                return messages;
            };
            before = Some(last.cursor());
            messages.extend(page.into_iter().map(Message::from_row));
        }
    }

    /// A thread in words, oldest first.
    pub fn texts(&self, thread: ThreadId) -> Vec<String> {
        texts(&self.messages(thread))
    }

    /// The device again, switched off, with what was changed in its store.
    pub fn close(self) -> Home {
        self.store.close().unwrap();
        self.home
    }

    /// How many messages wait to be sent.
    pub fn unsent(&self) -> usize {
        self.store.outbox_heads().unwrap().len()
    }

    /// How many frames wait for a list.
    pub fn parked(&self) -> u64 {
        self.store.count_parked().unwrap()
    }
}

/// What messages say; of what cannot be read, the reason; of what is not sent, that.
pub fn texts(messages: &[Message]) -> Vec<String> {
    messages
        .iter()
        .map(|message| match (&message.content, &message.state) {
            (MessageContent::Unreadable(reason), _) => format!("<{}>", reason.as_str()),
            (MessageContent::Removed, _) => "<removed>".to_owned(),
            (_, MessageState::Pending) => format!("<pending> {}", message.text().unwrap()),
            (_, MessageState::Failed { code }) => {
                format!("<{code}> {}", message.text().unwrap())
            }
            _ => message.text().unwrap().to_owned(),
        })
        .collect()
}

/// Switches all devices off and finds the same messages, under the same ids and in the same order, in each store.
pub async fn same_everywhere(thread: ThreadId, devices: Vec<Device>, expected: &[&str]) {
    let mut first: Option<Vec<_>> = None;
    for device in devices {
        device.until_messages(thread, expected.len() as u64).await;
        let cold = device.cold().await;
        assert_eq!(cold.texts(thread), expected);
        assert_eq!((cold.unsent(), cold.parked()), (0, 0));
        let ids: Vec<_> = cold
            .messages(thread)
            .iter()
            .map(|message| message.id.unwrap())
            .collect();
        assert!(ids.is_sorted());
        assert_eq!(first.get_or_insert_with(|| ids.clone()), &ids);
    }
}
