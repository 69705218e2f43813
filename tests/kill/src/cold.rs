//! What a process that is gone left behind: a copy of its files is opened, and nothing of them is changed.

use crate::{Ended, Home, Told};
use sealwire::{FileKeyStore, KeyStore as _, Message, MessageState, ThreadId};
use sealwire_store::{LocalId, Location, Store, StoreKey};
use sealwire_tests::{Device, texts};
use tempfile::TempDir;

/// A store without a process.
pub struct Cold {
    /// For what the shortcuts do not show.
    pub store: Store,
    _copy: TempDir,
}

impl Cold {
    /// None where the process did not come to have a store.
    pub async fn of(home: &Home) -> Option<Self> {
        let copy = tempfile::tempdir().unwrap();
        for name in ["store.db", "store.db-wal"] {
            let from = home.path().join(name);
            if from.exists() {
                std::fs::copy(from, copy.path().join(name)).unwrap();
            }
        }
        let keys = FileKeyStore::new(home.keys());
        let secret = async |name: &str| keys.get(name).await.unwrap();
        let key = secret("store-key").await?;
        let salt = secret("store-salt").await?;
        let anchor = secret("store-anchor").await;
        let anchor = anchor.map(|bytes| u64::from_be_bytes(bytes.as_slice().try_into().unwrap()));
        let key = StoreKey::new(
            key.as_slice().try_into().unwrap(),
            salt.as_slice().try_into().unwrap(),
        );
        let location = Location::File(copy.path().join("store.db"));
        let store = Store::open(&location, &key, anchor).unwrap();
        store.check_thoroughly().unwrap();
        Some(Self { store, _copy: copy })
    }

    /// A thread, oldest first.
    pub fn messages(&self, thread: ThreadId) -> Vec<Message> {
        let mut rows = self.store.page(thread, None, u32::MAX).unwrap();
        rows.reverse();
        rows.into_iter().map(Message::from_row).collect()
    }
}

/// Whatever an app was told by the time of the kill is true of what lies there: what was taken in is there once and in the
/// outbox, what was sent is sent, what was shown is there once.
pub async fn check_what_was_told(home: &Home, thread: ThreadId, ended: &Ended) {
    let Some(cold) = Cold::of(home).await else {
        let kept = |told: &&Told| matches!(told, Told::Queued(_) | Told::Sent(_) | Told::Shown(_));
        assert_eq!(ended.told.iter().find(kept), None, "{}", ended.what);
        return;
    };
    let messages = cold.messages(thread);
    let once = |text: &str| {
        let mut found = messages.iter().filter(|row| row.text() == Some(text));
        match (found.next(), found.next()) {
            (Some(message), None) => message,
            (found, _) => panic!(
                "{}: {text:?}: {found:?}, {:?}",
                ended.what,
                texts(&messages)
            ),
        }
    };
    for told in &ended.told {
        match told {
            Told::Queued(text) => drop(once(text)),
            Told::Sent(text) => assert!(
                matches!(
                    once(text).state,
                    MessageState::Sent | MessageState::Delivered | MessageState::Read
                ),
                "{}: {text:?}: {:?}",
                ended.what,
                once(text).state
            ),
            Told::Shown(text) => assert_eq!(once(text).state, MessageState::Received),
            _ => {}
        }
    }
    for message in &messages {
        let waits = cold.store.outbox_entry(LocalId(message.local_id)).unwrap();
        if message.state == MessageState::Pending {
            assert!(waits.is_some(), "{}: {message:?}", ended.what);
        }
    }
}

/// The same messages under the same ids in the same order, each once, at a device and in the store of a process.
pub async fn same_thread(home: &Home, thread: ThreadId, device: &Device, expected: &[String]) {
    let cold = Cold::of(home).await.unwrap();
    let (here, there) = (cold.messages(thread), device.messages(thread).await);
    assert_eq!(texts(&here), expected);
    assert_eq!(texts(&there), expected);
    let ids = |messages: &[Message]| -> Vec<_> {
        let ids = messages.iter().map(|message| message.id.unwrap());
        ids.collect()
    };
    assert!(ids(&here).is_sorted());
    assert_eq!(ids(&here), ids(&there));
    assert_eq!(cold.store.count_unsent().unwrap(), 0);
    assert_eq!(cold.store.count_parked().unwrap(), 0);
}
