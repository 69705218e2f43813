//! Reads of the store, beside the driver and never in its way.

use crate::Error;
use crate::driver::{Inbox, Work};
use crate::runtime::{Runtime, blocking};
use sealwire_store::{Reader, Rows, Store, StoreError, inside};
use std::sync::{Arc, Mutex, PoisonError};

/// Where reads go.
#[derive(Clone)]
pub(crate) struct Queries {
    runtime: Arc<dyn Runtime>,
    way: Way,
}

#[derive(Clone)]
enum Way {
    /// A connection of its own.
    Reader(Arc<Mutex<Slot>>),
    /// The web has one connection alone: the driver reads between its turns.
    Driver(Inbox),
}

enum Slot {
    Open(Reader),
    Suspended,
    Closed,
}

impl Queries {
    pub(crate) fn new(
        store: &Store,
        inbox: Inbox,
        runtime: Arc<dyn Runtime>,
    ) -> Result<Self, Error> {
        let way = match store.reader() {
            Ok(reader) => Way::Reader(Arc::new(Mutex::new(Slot::Open(reader)))),
            Err(StoreError::NoReaders) => Way::Driver(inbox),
            Err(error) => return Err(error.into()),
        };
        Ok(Self { runtime, way })
    }

    pub(crate) async fn run<T: Send + 'static>(
        &self,
        query: impl FnOnce(&Rows) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, Error> {
        match &self.way {
            Way::Reader(reader) => {
                let reader = Arc::clone(reader);
                let work = move || {
                    let slot = reader.lock().unwrap_or_else(PoisonError::into_inner);
                    let _inside = inside();
                    match &*slot {
                        Slot::Open(reader) => query(reader).map_err(Error::from),
                        Slot::Suspended => Err(Error::Suspended),
                        Slot::Closed => Err(Error::Closed),
                    }
                };
                blocking(&*self.runtime, work)
                    .await
                    .unwrap_or(Err(Error::Closed))
            }
            Way::Driver(inbox) => {
                let (done, answer) = async_channel::bounded(1);
                inbox.put(Work::Query(Box::new(move |rows| {
                    let _ = done.try_send(query(rows).map_err(Error::from));
                })));
                answer.recv().await.unwrap_or(Err(Error::Closed))
            }
        }
    }

    /// Closes the connection, after the read that is under way.
    pub(crate) fn close(&self) {
        self.put(Slot::Closed);
    }

    /// Closes the connection, after the read that is under way, until [`Queries::resume`].
    pub(crate) fn suspend(&self) {
        self.put(Slot::Suspended);
    }

    /// Reads this store from now on.
    pub(crate) fn resume(&self, store: &Store) -> Result<(), Error> {
        match store.reader() {
            Ok(reader) => self.put(Slot::Open(reader)),
            Err(StoreError::NoReaders) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn put(&self, slot: Slot) {
        if let Way::Reader(reader) = &self.way {
            *reader.lock().unwrap_or_else(PoisonError::into_inner) = slot;
        }
    }
}
