//! Reads of the store, beside the driver and never in its way.

use crate::Error;
use crate::driver::{Inbox, Work};
use crate::runtime::{Runtime, blocking};
use sealwire_store::{Reader, Rows, Store, StoreError};
use std::sync::{Arc, Mutex, PoisonError};

/// Where reads go.
#[derive(Clone)]
pub(crate) struct Queries {
    runtime: Arc<dyn Runtime>,
    way: Way,
}

#[derive(Clone)]
enum Way {
    /// A connection of its own; none once the client is closed.
    Reader(Arc<Mutex<Option<Reader>>>),
    /// The web has one connection alone: the driver reads between its turns.
    Driver(Inbox),
}

impl Queries {
    pub(crate) fn new(
        store: &Store,
        inbox: Inbox,
        runtime: Arc<dyn Runtime>,
    ) -> Result<Self, Error> {
        let way = match store.reader() {
            Ok(reader) => Way::Reader(Arc::new(Mutex::new(Some(reader)))),
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
                let work = move || match &*reader.lock().unwrap_or_else(PoisonError::into_inner) {
                    Some(reader) => query(reader).map_err(Error::from),
                    None => Err(Error::Closed),
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
        if let Way::Reader(reader) = &self.way {
            drop(reader.lock().unwrap_or_else(PoisonError::into_inner).take());
        }
    }
}
