//! A driver that has let go of everything, and takes it up again.

use super::{Driver, Driving, Gear, Work, engine_over};
use crate::key_store::{KeyStoreError, secrets};
use crate::network_role::NetworkLock;
use crate::open::{NOT_CONNECTED, take_role, wait_for_role};
use crate::runtime::Stopper;
use crate::{Error, NetworkRole};
use futures_util::future::{Either, select};
use sealwire_engine::{Engine, EngineConfig, Event};
use sealwire_store::{Location, Store};
use std::collections::VecDeque;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

/// Nothing is open: neither socket nor store nor lock, and no task runs.
pub(super) struct Suspended {
    gear: Gear,
    /// A store in memory would be gone.
    kept: Option<Store>,
    /// What was asked for meanwhile.
    asked: VecDeque<Work>,
}

impl Driving {
    /// Lets go of everything; how the store closed.
    pub(super) async fn suspend(mut self, stopper: Stopper) -> (Suspended, Result<(), Error>) {
        let Driver {
            engine,
            network_lock,
            gear,
        } = self.driver;
        gear.status.change(|state| {
            state.suspended = true;
            state.connection = NOT_CONNECTED;
        });
        for (_, done) in self.calls.drain() {
            let _ = done.try_send(Err(Error::Suspended));
        }
        if let Some(socket) = self.socket.take() {
            socket.close(gear.tasks.runtime()).await;
        }
        stopper.stop().await;
        gear.transport.suspend();
        // Answers to what this engine asked for mean nothing to the next one.
        let left = std::iter::from_fn(|| gear.work.try_recv().ok());
        let asked = left
            .filter(|work| !matches!(work, Work::Hand(_) | Work::MaySpeak(_)))
            .collect();
        gear.queries.suspend();
        let store = engine.into_store();
        let (kept, closed) = match gear.location {
            Location::Memory => (Some(store), Ok(())),
            Location::File(_) => (None, store.close().map_err(Error::from)),
        };
        // Only now may another process speak for this device.
        drop(network_lock);
        gear.events.publish(&Event::Connection(NOT_CONNECTED));
        (Suspended { gear, kept, asked }, closed)
    }
}

impl Suspended {
    /// The driver with everything open again; none when the client is closed instead.
    pub(super) async fn until_resumed(mut self) -> Option<(Driver, Stopper)> {
        loop {
            let work = match self.asked.pop_front() {
                Some(work) => work,
                None => self.gear.work.recv().await.unwrap_or(Work::Close),
            };
            match work {
                Work::Resume(done) => match self.open().await {
                    Ok((engine, network_lock)) => {
                        let resumed = self.resume(engine, network_lock);
                        let _ = done.try_send(Ok(()));
                        return Some(resumed);
                    }
                    Err(error) => drop(done.try_send(Err(error))),
                },
                Work::Suspend(done) => drop(done.try_send(Ok(()))),
                Work::Call { done, .. } => drop(done.try_send(Err(Error::Suspended))),
                // Of the engine before.
                Work::Hand(_) | Work::MaySpeak(_) => {}
                // Whoever asked sees that nobody answers.
                Work::Query(_) => {}
                Work::Close => {
                    self.gear.work.close();
                    self.gear.queries.close();
                    return None;
                }
            }
        }
    }

    async fn open(&mut self) -> Result<(Engine, Option<NetworkLock>), Error> {
        let network_lock = take_role(&self.gear.location)?;
        let store = match self.kept.take() {
            Some(store) => store,
            None => {
                let key_store = Arc::clone(&self.gear.key_store);
                let anchor = self.answered(secrets::anchor(&*key_store)).await?;
                let key = self.answered(secrets::store_key(&*key_store)).await?;
                // Where its key is gone, nothing is made in its place.
                Store::open(&self.gear.location, &key.ok_or(Error::KeyMissing)?, anchor)?
            }
        };
        let gear = &self.gear;
        gear.queries.resume(&store)?;
        let config = EngineConfig {
            start_offline: !gear.wants_online || network_lock.is_none(),
            ..gear.config.clone()
        };
        match engine_over(store, config) {
            Ok(engine) => Ok((engine, network_lock)),
            Err(error) => {
                gear.queries.suspend();
                Err(error.into())
            }
        }
    }

    /// What the app's key store answers. It may close this client before, and wait for that: then nothing is waited for.
    async fn answered<T>(
        &mut self,
        question: impl Future<Output = Result<T, KeyStoreError>>,
    ) -> Result<T, Error> {
        let mut question = pin!(question);
        loop {
            let asked = pin!(self.gear.work.recv());
            let work = match select(question.as_mut(), asked).await {
                Either::Left((answer, _)) => return Ok(answer?),
                Either::Right((work, _)) => work.unwrap_or(Work::Close),
            };
            if matches!(work, Work::Close) {
                self.asked.push_front(work);
                return Err(Error::Closed);
            }
            self.asked.push_back(work);
        }
    }

    fn resume(self, engine: Engine, network_lock: Option<NetworkLock>) -> (Driver, Stopper) {
        let mut gear = self.gear;
        let stopper = gear.tasks.start_again();
        let role = match network_lock {
            Some(_) => NetworkRole::Held,
            None => NetworkRole::Waiting,
        };
        if let (Location::File(path), NetworkRole::Waiting) = (&gear.location, role) {
            wait_for_role(path.clone(), &gear.tasks, gear.inbox.clone());
        }
        gear.status.change(|state| {
            state.suspended = false;
            state.role = role;
            state.account = engine.account();
        });
        gear.asked.extend(self.asked);
        let driver = Driver {
            engine,
            network_lock,
            gear,
        };
        (driver, stopper)
    }
}
