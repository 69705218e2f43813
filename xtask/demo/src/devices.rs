//! The five devices: opened, registered or linked, watched.

use crate::{Done, Trouble, client};
use sealwire::{Client, DeviceId, Event, FileKeyStore, KeyStore as _, Message, ThreadId, UserId};
use sealwire_store::{Location, Store, StoreError, StoreKey};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// One device of one person, with its own store file.
pub(crate) struct Device {
    pub(crate) name: String,
    pub(crate) user: &'static str,
    pub(crate) peer: &'static str,
    pub(crate) thread: Option<ThreadId>,
    pub(crate) sent: usize,
    pub(crate) seen: Arc<Mutex<Seen>>,
    store: PathBuf,
    relay: String,
    client: Option<Client>,
}

/// What a device's events told.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) received: usize,
    pub(crate) duplicates_dropped: usize,
    pub(crate) unreadable: usize,
    /// By text: when it was decrypted and stored here.
    pub(crate) decrypted_at: HashMap<String, Instant>,
    /// By local id: when the relay had it.
    pub(crate) stored_at: HashMap<i64, Instant>,
}

impl Device {
    pub(crate) fn new(
        folder: &Path,
        user: &'static str,
        peer: &'static str,
        number: usize,
        relay: &str,
    ) -> Self {
        let name = format!("{user}-{number}");
        Self {
            store: folder.join(format!("{name}.db")),
            name,
            user,
            peer,
            thread: None,
            sent: 0,
            seen: Arc::default(),
            relay: relay.to_owned(),
            client: None,
        }
    }

    /// Opens the store, makes it if there is none, and watches what happens.
    pub(crate) async fn open(&mut self, offline: bool) -> Done<()> {
        let keys = FileKeyStore::new(self.store.with_extension("keys"));
        let mut builder = Client::builder(&self.relay)
            .store(&self.store)
            .key_store(Arc::new(keys));
        if offline {
            builder = builder.start_offline();
        }
        let opened = builder
            .open()
            .await
            .map_err(client(&format!("opening {}", self.name)))?;
        tokio::spawn(watch(opened.events(), Arc::clone(&self.seen)));
        self.client = Some(opened);
        Ok(())
    }

    pub(crate) async fn close(&mut self) -> Done<()> {
        match self.client.take() {
            Some(open) => open
                .close()
                .await
                .map_err(client(&format!("closing {}", self.name))),
            None => Ok(()),
        }
    }

    /// Closes this device, takes its session with another one out of the store, as damage would, and opens it again.
    pub(crate) async fn lose_session(&mut self, user: &UserId, device: DeviceId) -> Done<()> {
        self.close().await?;
        let doing = format!("damaging the store of {}", self.name);
        let keys = FileKeyStore::new(self.store.with_extension("keys"));
        let (key, salt) = (
            secret(&keys, "store-key").await?,
            secret(&keys, "store-salt").await?,
        );
        let anchor = u64::from_be_bytes(secret(&keys, "store-anchor").await?);
        let location = Location::File(self.store.clone());
        let said = |cause: &dyn std::fmt::Display| Trouble::Said(format!("{doing}: {cause}"));
        let mut store = Store::open(&location, &StoreKey::new(key, salt), Some(anchor))
            .map_err(|cause| said(&cause))?;
        store
            .transaction(|tx| tx.delete_sessions(user, device))
            .and_then(|()| store.close())
            .map_err(|cause: StoreError| said(&cause))?;
        self.open(false).await?;
        let online = self.client()?.wait_until_caught_up();
        online.await.map_err(client("catching up"))
    }

    pub(crate) async fn register(&self) -> Done<()> {
        self.client()?
            .register(self.user)
            .await
            .map(drop)
            .map_err(client(&format!("registering {}", self.user)))
    }

    /// This new device shows a code, the existing one reads it; both sides' people say yes.
    pub(crate) async fn link_to(&self, existing: &Device) -> Done<()> {
        let doing = format!("linking {} to {}", self.name, existing.name);
        let linking = self
            .client()?
            .start_linking()
            .await
            .map_err(client(&doing))?;
        let (code, user) = (linking.code().to_owned(), self.user);
        let let_in = existing
            .client()?
            .link_device(&code, |_device| async { true });
        let join = linking.finish(move |account| async move { account.user.as_str() == user });
        let (let_in, join) = tokio::join!(let_in, join);
        let listed = let_in.map_err(client(&doing))?;
        let (joined, device) = join.map_err(client(&doing))?;
        if joined.as_str() != user || device != listed {
            return Err(Trouble::Said(format!("{doing}: the two sides disagree")));
        }
        Ok(())
    }

    pub(crate) async fn open_thread(&mut self) -> Done<()> {
        let thread = self.client()?.direct_thread(self.peer).await;
        self.thread = Some(thread.map_err(client(&format!("the thread of {}", self.name)))?);
        Ok(())
    }

    pub(crate) async fn send(&mut self, line: &str) -> Done<Message> {
        let thread = self.thread()?;
        let message = self.client()?.send_text(thread, line).await;
        self.sent += 1;
        message.map_err(client(&format!("sending from {}", self.name)))
    }

    /// Every message of the thread, oldest first.
    pub(crate) async fn history(&self) -> Done<Vec<Message>> {
        let (open, thread) = (self.client()?, self.thread()?);
        let mut all: Vec<Message> = Vec::new();
        loop {
            let before = all.last().map(|message| message.local_id);
            let page = open.messages(thread, before, 100).await;
            let page = page.map_err(client(&format!("reading {}", self.name)))?;
            if page.is_empty() {
                all.reverse();
                return Ok(all);
            }
            all.extend(page);
        }
    }

    pub(crate) fn client(&self) -> Done<&Client> {
        self.client
            .as_ref()
            .ok_or_else(|| Trouble::Said(format!("{} is closed", self.name)))
    }

    pub(crate) fn is_open(&self) -> bool {
        self.client.is_some()
    }

    pub(crate) fn thread(&self) -> Done<ThreadId> {
        self.thread
            .ok_or_else(|| Trouble::Said(format!("{} has no thread", self.name)))
    }

    pub(crate) fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn secret<const N: usize>(keys: &FileKeyStore, name: &str) -> Done<[u8; N]> {
    let secret = keys.get(name).await.ok().flatten();
    secret
        .and_then(|secret| secret.as_slice().try_into().ok())
        .ok_or_else(|| Trouble::Said(format!("the key store has no {name}")))
}

async fn watch(mut events: sealwire::EventStream, seen: Arc<Mutex<Seen>>) {
    while let Some(event) = events.next().await {
        let now = Instant::now();
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        match event {
            Event::MessageReceived(message) | Event::MessageRecovered(message) => {
                seen.received += 1;
                if let Some(text) = message.text() {
                    seen.decrypted_at.insert(text.to_owned(), now);
                }
            }
            Event::MessageSent(message) => {
                seen.stored_at.insert(message.local_id, now);
            }
            Event::DuplicateDropped { .. } => seen.duplicates_dropped += 1,
            Event::MessageUnreadable(_) => seen.unreadable += 1,
            _ => {}
        }
    }
}
