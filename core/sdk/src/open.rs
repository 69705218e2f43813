//! From a plan to a running client: lock, key, store, engine, driver.

use crate::attachments::ChunkCipher;
use crate::bounds::BoxFuture;
use crate::client::{End, Shared};
use crate::driver::{Driver, Gear, Inbox, RelayAddress, State, Status, Wishes, Work, engine_over};
use crate::events::Publisher;
use crate::key_store::{KeyStore, secrets};
use crate::network_role::{NetworkLock, NetworkRole};
use crate::queries::Queries;
use crate::runtime::{Runtime, Stopper, Tasks};
use crate::transport::Transport;
use crate::{Client, Error};
use async_channel::Sender;
use sealwire_engine::{ConnectionState, EngineConfig, SessionPolicy};
use sealwire_store::{Location, OpenError, Store, StoreError, StoreKey};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How often a client without the network role asks for it.
const ROLE_INTERVAL: Duration = Duration::from_secs(1);

pub(crate) const NOT_CONNECTED: ConnectionState = ConnectionState::Offline {
    next_try_at_ms: None,
};

/// What a client is opened with.
pub(crate) struct OpenPlan {
    pub(crate) relay: RelayAddress,
    pub(crate) location: Location,
    pub(crate) key_store: Arc<dyn KeyStore>,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) cipher: Arc<dyn ChunkCipher>,
    pub(crate) start_offline: bool,
    pub(crate) give_up_after: Option<Duration>,
    pub(crate) session_policy: SessionPolicy,
}

/// Everything happens on the client's own thread, whatever executor awaits it.
#[cfg(not(target_family = "wasm"))]
pub(crate) async fn open(plan: OpenPlan) -> Result<Client, Error> {
    let (tell, told) = async_channel::bounded(1);
    crate::runtime::native::start(move |runtime| live(plan, runtime, tell))?;
    told.recv()
        .await
        .unwrap_or(Err(Error::Internal("the client ended while it opened")))
}

#[cfg(target_family = "wasm")]
pub(crate) async fn open(plan: OpenPlan, runtime: Arc<dyn Runtime>) -> Result<Client, Error> {
    let (tell, told) = async_channel::bounded(1);
    runtime.spawn(live(plan, Arc::clone(&runtime), tell));
    told.recv()
        .await
        .unwrap_or(Err(Error::Internal("the client ended while it opened")))
}

/// The whole life of a client.
fn live(
    plan: OpenPlan,
    runtime: Arc<dyn Runtime>,
    tell: Sender<Result<Client, Error>>,
) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        let opened = match begin(plan, runtime).await {
            Ok(opened) => opened,
            Err(error) => {
                let _ = tell.send(Err(error)).await;
                return;
            }
        };
        let (end, ending) = End::new();
        // Should the driver ever panic, readers and callers still learn that it is over.
        let over = Over {
            events: opened.driver.gear.events.clone(),
            queries: opened.driver.gear.queries.clone(),
            status: opened.driver.gear.status.clone(),
        };
        let client = Client::new(Shared::new(
            &opened.driver,
            opened.cipher,
            opened.uploads,
            end.clone(),
        ));
        // Nobody waits any more: the client is dropped with the message, which closes it.
        let _ = tell.send(Ok(client)).await;
        drop(tell);
        let closed = opened.driver.run(opened.stopper).await;
        drop(over);
        end.set(closed);
        drop(ending);
    })
}

struct Opened {
    driver: Driver,
    stopper: Stopper,
    cipher: Arc<dyn ChunkCipher>,
    uploads: PathBuf,
}

/// Ends what outlives the driver.
struct Over {
    events: Publisher,
    queries: Queries,
    status: Status,
}

impl Drop for Over {
    fn drop(&mut self) {
        // Before the streams end: whoever waits for a connection looks here first.
        self.status.change(|state| state.connection = NOT_CONNECTED);
        self.events.end();
        self.queries.close();
    }
}

async fn begin(plan: OpenPlan, runtime: Arc<dyn Runtime>) -> Result<Opened, Error> {
    // Before the key: of two first opens at once, one alone may make it.
    let network_lock = take_role(&plan.location)?;
    let anchor = secrets::anchor(&*plan.key_store).await?;
    let key = key(&plan, network_lock.is_some(), anchor).await?;
    let store = Store::open(&plan.location, &key, anchor)?;

    let uploads = uploads_folder(&plan.location);
    if network_lock.is_some() {
        crate::attachments::remove_leftovers(&uploads);
    }
    let (tasks, stopper) = Tasks::new(Arc::clone(&runtime));
    let (inbox, work) = async_channel::unbounded();
    let inbox = Inbox(inbox);
    let queries = Queries::new(&store, inbox.clone(), runtime)?;
    let mut config = EngineConfig::new(plan.relay.origin());
    config.start_offline = plan.start_offline || network_lock.is_none();
    config.session_policy = plan.session_policy;
    if let Some(time) = plan.give_up_after {
        config.give_up_after_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    }
    // The system's randomness fails only where no program could go on: asked once here, where it can be told.
    getrandom::u64().map_err(|error| Error::System(std::io::Error::other(error)))?;
    let engine = engine_over(store, config.clone())?;

    let role = if network_lock.is_some() {
        NetworkRole::Held
    } else {
        NetworkRole::Waiting
    };
    if let (Location::File(path), NetworkRole::Waiting) = (&plan.location, role) {
        wait_for_role(path.clone(), &tasks, inbox.clone());
    }
    let status = Status::new(State {
        connection: NOT_CONNECTED,
        account: engine.account(),
        role,
        suspended: false,
    });
    let driver = Driver {
        engine,
        network_lock,
        gear: Gear {
            location: plan.location,
            config,
            relay: plan.relay,
            transport: plan.transport,
            tasks,
            events: Publisher::default(),
            queries,
            status,
            key_store: plan.key_store,
            inbox,
            work,
            wants_online: !plan.start_offline,
            wishes: Wishes::default(),
            asked: VecDeque::new(),
        },
    };
    Ok(Opened {
        driver,
        stopper,
        cipher: plan.cipher,
        uploads,
    })
}

/// None while another process has it.
pub(crate) fn take_role(location: &Location) -> Result<Option<NetworkLock>, Error> {
    match location {
        Location::Memory => Ok(Some(NetworkLock::unshared())),
        Location::File(path) => NetworkLock::try_take(path).map_err(unusable),
    }
}

/// A key is made only where there is neither a store nor a sign that there ever was one.
async fn key(plan: &OpenPlan, may_make: bool, anchor: Option<u64>) -> Result<StoreKey, Error> {
    let key = secrets::store_key(&*plan.key_store).await?;
    let store_exists = plan.location.exists()?;
    match key {
        Some(key) => Ok(key),
        None if store_exists => Err(Error::KeyMissing),
        None if anchor.is_some() => Err(OpenError::FileMissing.into()),
        // Whoever holds the lock is about to make it.
        None if !may_make => Err(OpenError::InUse.into()),
        None => secrets::make_store_key(&*plan.key_store).await,
    }
}

fn unusable(error: std::io::Error) -> Error {
    Error::from(match error.kind() {
        ErrorKind::StorageFull => StoreError::DiskFull,
        _ => StoreError::Io {
            detail: error.to_string(),
        },
    })
}

fn uploads_folder(location: &Location) -> PathBuf {
    match location {
        // The web has no such folder: there everything stays in memory.
        Location::Memory if cfg!(target_family = "wasm") => PathBuf::new(),
        Location::Memory => std::env::temp_dir(),
        Location::File(path) => {
            let mut name = path.as_os_str().to_owned();
            name.push("-uploads");
            PathBuf::from(name)
        }
    }
}

pub(crate) fn wait_for_role(store: PathBuf, tasks: &Tasks, inbox: Inbox) {
    let timers = tasks.clone();
    tasks.spawn(async move {
        loop {
            timers.runtime().sleep(ROLE_INTERVAL).await;
            if let Ok(Some(lock)) = NetworkLock::try_take(&store) {
                inbox.put(Work::MaySpeak(lock));
                return;
            }
        }
    });
}
