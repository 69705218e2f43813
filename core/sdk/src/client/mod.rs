//! The client: what an app holds.

mod company;
mod devices;
mod files;
mod inbox;
mod linking;
mod messaging;
mod part;
mod reading;
mod settings;
mod waiting;

pub use inbox::{InboxCursor, InboxPage, InboxThread};
pub use linking::{AddDevice, JoinAccount, Linking};
pub use messaging::SendOptions;
pub use reading::Thread;

use crate::Error;
use crate::attachments::ChunkCipher;
use crate::builder::ClientBuilder;
use crate::driver::{CallDone, Driver, Inbox, Status, Work};
use crate::events::{EventStream, Publisher};
use crate::network_role::NetworkRole;
use crate::queries::Queries;
use crate::runtime::Tasks;
use crate::transport::Transport;
use async_channel::{Receiver, Sender};
use sealwire_engine::{Call, ConnectionState, EngineConfig, Reply};
use sealwire_wire::{DeviceId, UserId};
use std::convert::Infallible;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// One device of one user: registers or links itself, sends, receives, and finds what was said.
///
/// Clones share one client. Every method may be called from any thread and under any async executor, also without one:
/// the client brings its own. **Dropping the future of a call only stops waiting**: what was begun is done. (A download
/// is the exception: it ends.) The client ends with [`Client::close`], or when its last clone is dropped; both close the
/// socket and the store, and only `close` waits for it.
#[derive(Clone)]
pub struct Client {
    shared: Arc<Shared>,
}

/// What the clones share. The driver's own tasks hold none of it, so that the last clone's drop is seen.
pub(crate) struct Shared {
    inbox: Inbox,
    events: Publisher,
    status: Status,
    queries: Queries,
    tasks: Tasks,
    transport: Arc<dyn Transport>,
    cipher: Arc<dyn ChunkCipher>,
    uploads: PathBuf,
    relay_is_private: bool,
    end: End,
}

/// How a client ended.
#[derive(Clone)]
pub(crate) struct End {
    result: Arc<Mutex<Option<Result<(), Error>>>>,
    // Nothing is sent: it closes when the driver's future is gone.
    over: Receiver<Infallible>,
}

impl Client {
    /// Begins to open a client of the relay at this address (`https://relay.example`).
    pub fn builder(relay: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(relay.into())
    }

    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Makes the account of this user, with this device as its first. Only a relay in dev mode takes anybody's word
    /// for who they are; see [`Client::register_with_platform_token`].
    ///
    /// `account_exists`: the user has devices already; link this one with [`Client::start_linking`].
    pub async fn register(&self, user: &str) -> Result<DeviceId, Error> {
        self.register_as(user, None).await
    }

    /// Makes the account of this user, whom the platform's token names.
    pub async fn register_with_platform_token(
        &self,
        user: &str,
        token: &str,
    ) -> Result<DeviceId, Error> {
        self.register_as(user, Some(token.to_owned())).await
    }

    async fn register_as(
        &self,
        user: &str,
        platform_token: Option<String>,
    ) -> Result<DeviceId, Error> {
        let user_id = user_id(user)?;
        match self
            .call(Call::Register {
                user_id,
                platform_token,
            })
            .await?
        {
            Reply::Registered { device_id, .. } => Ok(device_id),
            _ => Err(OTHER_REPLY),
        }
    }

    /// Whose device this is, once it is registered or linked.
    pub fn account(&self) -> Option<(UserId, DeviceId)> {
        self.shared.status.get().account
    }

    /// Everything that happens from now on.
    pub fn events(&self) -> EventStream {
        self.shared.events.subscribe()
    }

    /// Where the connection stands now; [`crate::Event::Connection`] tells of changes.
    pub fn connection(&self) -> ConnectionState {
        self.shared.status.get().connection
    }

    /// Whether this process speaks for the device, or waits for another one to end.
    pub fn network_role(&self) -> NetworkRole {
        self.shared.status.get().role
    }

    /// Connects, and stays connected from now on.
    pub async fn go_online(&self) -> Result<(), Error> {
        self.call(Call::Connect).await.map(drop)
    }

    /// Disconnects, and stays offline from now on. Messages can be sent all the same: they wait.
    pub async fn go_offline(&self) -> Result<(), Error> {
        self.call(Call::Disconnect).await.map(drop)
    }

    /// The system has another network than before (a phone's own callbacks tell): whatever waits for its next try is tried
    /// now, save what the relay itself asked to wait, and a socket that is not known to live is opened anew.
    pub async fn network_changed(&self) -> Result<(), Error> {
        self.call(Call::NetworkReturned).await.map(drop)
    }

    /// Believes the changed account key of a user, by the `list_hash` of the [`crate::Event::AccountKeyChanged`] that the person was
    /// asked about, over another way: what waited for it is sent. If another list is offered by now the code is `list_not_offered`,
    /// nothing is believed, and the event comes again with what is.
    pub async fn accept_account_key(&self, user: &str, list_hash: &str) -> Result<(), Error> {
        let user_id = user_id(user)?;
        let list_hash = list_hash.to_owned();
        self.call(Call::AcceptAccountKey { user_id, list_hash })
            .await
            .map(drop)
    }

    /// The longest text of one message, in bytes of UTF-8.
    pub fn max_text_bytes(&self) -> usize {
        EngineConfig::max_text_bytes()
    }

    /// Lets go of everything that a phone's system may not find in use while the app sleeps. When this returns, the socket and
    /// the store's files are closed, the lock of the network role is given back, and no task runs; the client's threads
    /// are parked. Nothing that is durable is lost: messages wait in the outbox, and what was under way with the relay is
    /// asked again after [`Client::resume`]. Event streams stay.
    ///
    /// **Every other call gives the code `suspended`** until then, those that were under way too: an attachment that was
    /// being sent was not sent, a linking is over. A client in memory keeps its store. Suspending twice does nothing more.
    ///
    /// It takes as long as the one commit, read or key store access that is under way, and at most a second for the socket.
    /// Not to be called from inside a callback of this client: it waits for those.
    pub async fn suspend(&self) -> Result<(), Error> {
        self.change_life(Work::Suspend).await
    }

    /// Opens everything again and catches up, as the app last wanted it: online or offline. Resuming twice does nothing more.
    ///
    /// Where it does not succeed (`store_locked` while a phone is locked, `key_store`), the client stays suspended: try again.
    pub async fn resume(&self) -> Result<(), Error> {
        self.change_life(Work::Resume).await
    }

    async fn change_life(&self, work: fn(Sender<Result<(), Error>>) -> Work) -> Result<(), Error> {
        let (done, answer) = async_channel::bounded(1);
        self.shared.inbox.put(work(done));
        answer.recv().await.unwrap_or(Err(Error::Closed))
    }

    /// Ends the client, for all its clones: every task has ended and socket, store and locks are given back when this
    /// returns. Event streams end; every later call gives the code `closed`. May be called more than once.
    pub async fn close(&self) -> Result<(), Error> {
        self.shared.inbox.put(Work::Close);
        let _ = self.shared.end.over.recv().await;
        self.shared.end.take()
    }

    fn call(&self, call: Call) -> impl Future<Output = CallDone> + use<> {
        self.shared.inbox.call(call, None)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.status.get();
        out.debug_struct("Client")
            .field("account", &state.account)
            .field("connection", &state.connection)
            .finish_non_exhaustive()
    }
}

impl Shared {
    pub(crate) fn new(
        driver: &Driver,
        cipher: Arc<dyn ChunkCipher>,
        uploads: PathBuf,
        end: End,
    ) -> Self {
        Self {
            inbox: driver.gear.inbox.clone(),
            events: driver.gear.events.clone(),
            status: driver.gear.status.clone(),
            queries: driver.gear.queries.clone(),
            tasks: driver.gear.tasks.clone(),
            transport: Arc::clone(&driver.gear.transport),
            cipher,
            uploads,
            relay_is_private: driver.gear.relay.is_private(),
            end,
        }
    }
}

impl End {
    /// Over when the sender is dropped.
    pub(crate) fn new() -> (Self, Sender<Infallible>) {
        let (ending, over) = async_channel::bounded(1);
        (
            Self {
                result: Arc::default(),
                over,
            },
            ending,
        )
    }

    pub(crate) fn set(&self, result: Result<(), Error>) {
        *self.result.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
    }

    /// An error is told to the first who asks.
    fn take(&self) -> Result<(), Error> {
        let mut result = self.result.lock().unwrap_or_else(PoisonError::into_inner);
        match result.replace(Ok(())) {
            Some(result) => result,
            None => Err(Error::Internal("the client ended by itself")),
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.inbox.put(Work::Close);
    }
}

const OTHER_REPLY: Error = Error::Internal("the engine gave another reply than the call's");

fn user_id(text: &str) -> Result<UserId, Error> {
    text.parse().map_err(Error::InvalidId)
}
