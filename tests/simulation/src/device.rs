//! A device: its store and key store outlive every process on it; a process has an engine and an app above it.

use crate::Broken;
use crate::chance::Chance;
use crate::relay::{LinkId, ORIGIN};
use crate::truth::Marks;
use crate::world::End;
use sealwire_engine::{Call, CallId, ConnectionState, Engine, EngineConfig};
use sealwire_store::{Location, Store, StoreKey};
use sealwire_wire::contract::DeviceName;
use sealwire_wire::{AttachmentId, ThreadId, Timestamp, UserId};
use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// The store's file in a device's folder.
const FILE: &str = "store";
/// What SQLite writes before it goes into that.
const LOG: &str = "store-wal";

/// A device.
pub(crate) struct Device {
    pub(crate) folder: PathBuf,
    pub(crate) user: UserId,
    /// Once it stands in its account's list, and knows it.
    pub(crate) name: Option<DeviceName>,
    /// It was taken out of its account's list: it may do what it likes, and nobody counts on it.
    pub(crate) is_removed: bool,
    /// Its person has lost it: it never runs again.
    pub(crate) is_lost: bool,
    /// The newest device list of each user that it was seen to hold.
    pub(crate) lists: BTreeMap<UserId, u64>,
    /// The marks that it was seen to hold, by thread and user.
    pub(crate) marks: BTreeMap<(ThreadId, UserId), Marks>,
    /// What the app's key store holds beside the key.
    pub(crate) anchor: Option<u64>,
    pub(crate) engine: Option<Engine>,
    /// How many processes there were.
    pub(crate) life: u64,
    /// By how much its clock is ahead of the world's, in milliseconds.
    pub(crate) clock_ahead: i64,
    pub(crate) chance: Chance,
    pub(crate) wants_online: bool,
    pub(crate) connection: Option<ConnectionState>,
    pub(crate) link: Option<LinkId>,
    pub(crate) calls: BTreeMap<CallId, Asked>,
    /// Messages whose files this process carries to the relay.
    pub(crate) uploads: BTreeSet<u64>,
    last_call: u64,
    /// Which of the planned wake-ups counts.
    pub(crate) wake: u64,
    /// Its disk takes nothing before that.
    pub(crate) disk_full_until: u64,
    /// It is slow before that.
    pub(crate) slow_until: u64,
    /// Inputs so far, to see whether it comes to rest.
    pub(crate) inputs: u64,
    pub(crate) requests: u64,
}

/// What a call was for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A message, by its number.
    Send(u64),
    /// Room for the file of a message.
    Room(u64),
    /// Where the file of a message is.
    File(u64, AttachmentId),
    Register,
    StartLinking,
    FinishLinking,
    /// Nobody looks at how it ended.
    Nothing,
}

impl Device {
    pub(crate) fn new(folder: PathBuf, user: UserId, chance: Chance) -> Self {
        Self {
            folder,
            user,
            name: None,
            is_removed: false,
            is_lost: false,
            lists: BTreeMap::new(),
            marks: BTreeMap::new(),
            anchor: None,
            engine: None,
            life: 0,
            clock_ahead: 0,
            chance,
            wants_online: true,
            connection: None,
            link: None,
            calls: BTreeMap::new(),
            uploads: BTreeSet::new(),
            last_call: 0,
            wake: 0,
            disk_full_until: 0,
            slow_until: 0,
            inputs: 0,
            requests: 0,
        }
    }

    pub(crate) fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("{}/{}", name.user_id, name.device_id),
            None => format!("{}/?", self.user),
        }
    }

    /// Whether it belongs to its account, and somebody uses it.
    pub(crate) fn counts(&self) -> bool {
        self.name.is_some() && !self.is_removed && !self.is_lost
    }

    /// The time as its clock shows it.
    pub(crate) fn time(&self, world: u64) -> Timestamp {
        Timestamp(world.saturating_add_signed(self.clock_ahead))
    }

    /// A process begins: the store is opened cold.
    pub(crate) fn start(&mut self, world: u64, commits_unsynced: bool) -> Result<(), Broken> {
        let store = open(&self.folder, self.anchor)?;
        if commits_unsynced {
            store
                .sync_less()
                .map_err(|error| Broken::new("a client starts again", error))?;
        }
        if !store.syncs_commits() {
            // What a power loss leaves: nothing after this is on the disk for certain.
            copy_files(&self.folder, &self.as_synced()).map_err(unusable)?;
        }
        let mut config = EngineConfig::new(ORIGIN);
        config.start_offline = !self.wants_online;
        let rng = Box::new(self.chance.apart().into_rng());
        let engine = Engine::new(store, config, rng, self.time(world))
            .map_err(|error| Broken::new("a client starts again", error))?;
        self.engine = Some(engine);
        self.life += 1;
        Ok(())
    }

    /// The process ends: nothing but the files are left. `torn` is what a write that was cut in two left behind them.
    pub(crate) fn ends(&mut self, end: End, torn: &[u8]) -> Result<(), Broken> {
        if let Some(engine) = self.engine.take() {
            let syncs = engine.store().syncs_commits();
            if end != End::InOrder {
                engine
                    .store()
                    .ends_without_closing()
                    .map_err(|error| Broken::new("a process can end", error))?;
            }
            drop(engine);
            if end == End::PowerLoss {
                self.loses_power(syncs, torn).map_err(unusable)?;
            }
        }
        self.link = None;
        self.connection = None;
        self.calls.clear();
        self.uploads.clear();
        self.wake += 1;
        Ok(())
    }

    fn loses_power(&self, syncs: bool, torn: &[u8]) -> io::Result<()> {
        if !syncs {
            fs::remove_dir_all(&self.folder)?;
            return copy_files(&self.as_synced(), &self.folder);
        }
        let log = self.folder.join(LOG);
        if log.exists() {
            OpenOptions::new().append(true).open(log)?.write_all(torn)?;
        }
        Ok(())
    }

    fn as_synced(&self) -> PathBuf {
        self.folder.with_extension("synced")
    }

    pub(crate) fn numbered(&mut self, asked: Asked) -> CallId {
        self.last_call += 1;
        let id = CallId(self.last_call);
        self.calls.insert(id, asked);
        id
    }
}

/// Opens the store of a device's folder.
pub(crate) fn open(folder: &Path, anchor: Option<u64>) -> Result<Store, Broken> {
    let key = StoreKey::new([7; 32], [9; 16]);
    Store::open(&Location::File(folder.join(FILE)), &key, anchor)
        .map_err(|error| Broken::new("a store opens again", error))
}

/// Every file of a folder.
pub(crate) fn copy_files(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

/// The machine that simulates is at fault.
pub(crate) fn unusable(error: io::Error) -> Broken {
    Broken::new("the machine has room for a simulation", error)
}

/// What a call is, in a word.
pub(crate) fn word(call: &Call) -> &'static str {
    match call {
        Call::Register { .. } => "register",
        Call::StartLinking => "start linking",
        Call::FinishLinking => "finish linking",
        Call::LinkDevice { .. } => "link a device",
        Call::CancelLinking => "cancel linking",
        Call::RemoveDevice { .. } => "remove a device",
        Call::DirectThread { .. } => "open a thread",
        Call::SendText { .. } => "send",
        Call::CreateAttachment { .. } => "make room for a file",
        Call::SendAttachment { .. } => "send a file",
        Call::LocateAttachment { .. } => "look for a file",
        Call::SetSettings(_) => "set settings",
        Call::DisableDevice { .. } => "disable a device",
        Call::SetThreadPreferences { .. } => "set preferences",
        Call::MarkRead { .. } => "read",
        Call::Retry { .. } => "retry",
        Call::Cancel { .. } => "cancel",
        Call::SetBlock { blocked: true, .. } => "block",
        Call::SetBlock { .. } => "unblock",
        Call::Connect => "connect",
        Call::Disconnect => "disconnect",
        Call::FetchQueue => "fetch the queue",
        Call::SyncThread { .. } => "sync a thread",
        Call::NetworkReturned => "another network",
        _ => "something",
    }
}
