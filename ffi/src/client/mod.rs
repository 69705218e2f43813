//! A client, with every operation of the SDK under its own name.

mod account;
mod files;
mod linking;
mod messaging;
mod reading;

pub use files::AttachmentSource;
pub use linking::LinkingHandle;

use crate::callbacks::{HandedIn, KeyStore};
use crate::events::EventReader;
use crate::records::{Account, ConnectionState, NetworkRole, OpenOptions, StoreLocation};
use crate::{CallError, CancelHandle, running};
use sealwire::{Client, Error};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

static LIVE: AtomicI64 = AtomicI64::new(0);

/// How many clients of this process hold their store open, or are about to give it back.
#[uniffi::export]
pub fn live_clients() -> i64 {
    LIVE.load(Ordering::SeqCst)
}

/// One device of one user: registers or links itself, sends, receives, and finds what was said.
///
/// Which codes a call gives stands with the SDK's operation of the same name, and what they mean in [`crate::error_table`]. Every
/// call but `end` gives `closed` once it was ended: the other languages call that `close`, which is taken here. Letting go of it
/// closes it too, without waiting.
#[derive(uniffi::Object)]
pub struct ClientHandle(Arc<Inner>);

/// What a handle's children reach it by: weakly.
pub(crate) struct Inner {
    client: Mutex<Held>,
    linking: Mutex<Option<linking::Begun>>,
}

/// What a handle holds.
enum Held {
    Open(Client, Counted),
    /// Nothing any more. Nothing is ever sent here: it closes once everything is given back.
    Ended(watch::Receiver<()>),
}

/// One of [`live_clients`].
struct Counted;

#[uniffi::export]
impl ClientHandle {
    /// Opens the store and starts the client. It connects by itself if the device belongs to an account.
    ///
    /// A store is made only where there never was one.
    #[uniffi::constructor]
    pub async fn open(
        options: OpenOptions,
        key_store: Option<Arc<dyn KeyStore>>,
    ) -> Result<Arc<Self>, CallError> {
        let mut builder =
            Client::builder(options.relay).session_policy(options.session_policy.into());
        if let Some(key_store) = key_store {
            builder = builder.key_store(Arc::new(HandedIn::new(key_store, &options.store)));
        }
        builder = match options.store {
            StoreLocation::File { path } => builder.store(path),
            StoreLocation::Memory => builder.in_memory(),
        };
        if options.start_offline {
            builder = builder.start_offline();
        }
        if options.danger_allow_http {
            builder = builder.danger_allow_http();
        }
        if let Some(time) = options.give_up_after_ms {
            builder =
                builder.give_up_after(Duration::from_millis(u64::try_from(time).unwrap_or(0)));
        }
        // Ended with the call: nobody would close a client that nobody got.
        running::wait(async move { Ok(Self::over(builder.open().await?)) }).await
    }

    /// Whose device this is, once it is registered or linked.
    pub fn account(&self) -> Result<Option<Account>, CallError> {
        running::now(|| Ok(self.client()?.account().map(Account::from)))
    }

    /// Everything that happens from now on.
    pub fn events(&self) -> Result<Arc<EventReader>, CallError> {
        running::now(|| Ok(EventReader::new(self.client()?.events())))
    }

    /// Where the connection stands now.
    pub fn connection(&self) -> Result<ConnectionState, CallError> {
        running::now(|| Ok(self.client()?.connection().into()))
    }

    /// Whether this process speaks for the device, or waits for another one to end.
    pub fn network_role(&self) -> Result<NetworkRole, CallError> {
        running::now(|| Ok(self.client()?.network_role().into()))
    }

    /// The longest text of one message, in bytes of UTF-8.
    pub fn max_text_bytes(&self) -> Result<i64, CallError> {
        running::now(|| Ok(i64::try_from(self.client()?.max_text_bytes()).unwrap_or(i64::MAX)))
    }

    /// Connects, and stays connected from now on.
    pub async fn go_online(&self) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move { client.go_online().await }).await
    }

    /// Disconnects, and stays offline from now on. Messages can be sent all the same: they wait.
    pub async fn go_offline(&self) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move { client.go_offline().await }).await
    }

    /// The system has another network than before: whatever waits for its next try is tried now.
    pub async fn network_changed(&self) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move { client.network_changed().await }).await
    }

    /// Lets go of everything that a phone's system may not find in use while the app sleeps; every other call gives the code
    /// `suspended` until `resume`.
    pub async fn suspend(&self) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move { client.suspend().await }).await
    }

    /// Opens everything again and catches up, as the app last wanted it.
    pub async fn resume(&self) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move { client.resume().await }).await
    }

    /// Waits until the client is connected and everything that was queued for it is here: for ever, while it is offline or
    /// belongs to no account.
    #[uniffi::method(default(cancel = None))]
    pub async fn wait_until_caught_up(
        &self,
        cancel: Option<Arc<CancelHandle>>,
    ) -> Result<(), CallError> {
        let client = self.client()?;
        running::wait_or_cancel(cancel, async move { client.wait_until_caught_up().await }).await
    }

    /// Ends the client: socket, store and locks are given back when this returns. Event readers end. Ending twice does
    /// nothing more.
    pub async fn end(&self) -> Result<(), CallError> {
        let held = self.0.ends();
        lock(&self.0.linking).take();
        match held {
            Ok((client, counted, over)) => {
                let work = async move {
                    let closed = client.close().await;
                    drop((client, counted, over));
                    closed
                };
                running::run(work).await
            }
            Err(mut over) => {
                let work = async move {
                    let _ = over.changed().await;
                    Ok(())
                };
                running::wait(work).await
            }
        }
    }
}

impl ClientHandle {
    fn over(client: Client) -> Arc<Self> {
        Arc::new(Self(Arc::new(Inner {
            client: Mutex::new(Held::Open(client, Counted::new())),
            linking: Mutex::new(None),
        })))
    }

    fn client(&self) -> Result<Client, Error> {
        match &*lock(&self.0.client) {
            Held::Open(client, _) => Ok(client.clone()),
            Held::Ended(_) => Err(Error::Closed),
        }
    }
}

impl Inner {
    fn is_ended(&self) -> bool {
        matches!(*lock(&self.client), Held::Ended(_))
    }

    /// What is to be closed; of one that was ended, what tells when that is done.
    fn ends(&self) -> Result<(Client, Counted, watch::Sender<()>), watch::Receiver<()>> {
        let mut held = lock(&self.client);
        if let Held::Ended(over) = &*held {
            return Err(over.clone());
        }
        let (over, is_over) = watch::channel(());
        match std::mem::replace(&mut *held, Held::Ended(is_over)) {
            Held::Open(client, counted) => Ok((client, counted, over)),
            Held::Ended(over) => Err(over),
        }
    }
}

impl Counted {
    fn new() -> Self {
        LIVE.fetch_add(1, Ordering::SeqCst);
        Self
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        LIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What it guards is taken or set whole.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An id as text, of whichever kind.
fn id<Id: std::str::FromStr<Err = sealwire::ParseIdError>>(text: &str) -> Result<Id, Error> {
    text.parse().map_err(Error::InvalidId)
}

fn device_id(number: i64) -> Result<sealwire::DeviceId, Error> {
    let number = u32::try_from(number).map_err(|_| sealwire::ParseIdError::Device)?;
    Ok(sealwire::DeviceId::new(number)?)
}

/// A limit that is below zero asks for nothing.
fn limit(count: i64) -> u32 {
    u32::try_from(count.max(0)).unwrap_or(u32::MAX)
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
