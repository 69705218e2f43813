//! Events, taken by whoever reads them when they are ready: what waits is bounded, and what does not fit is told.

use crate::records::Event;
use crate::{CallError, running};
use futures_util::FutureExt as _;
use futures_util::future::{Either, select};
use sealwire::EventStream;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

/// At most so many events are given at once.
const BATCH: usize = 256;

/// Reads a client's events from the moment it was made.
///
/// 1,024 events wait for a slow reader; in the place of those that did not fit stands one `Lagged` with their number, and
/// the client can be asked for what they said. It keeps no client open.
#[derive(uniffi::Object)]
pub struct EventReader {
    stream: Arc<Mutex<EventStream>>,
    closed: watch::Sender<bool>,
}

impl EventReader {
    pub(crate) fn new(stream: EventStream) -> Arc<Self> {
        Arc::new(Self {
            stream: Arc::new(Mutex::new(stream)),
            closed: watch::Sender::new(false),
        })
    }
}

#[uniffi::export]
impl EventReader {
    /// Waits until something happens, and gives everything that has happened by then; nothing once the client or this
    /// reader is ended. A call that is cancelled takes no event away.
    pub async fn next(&self) -> Result<Vec<Event>, CallError> {
        // Not spawned: a task that outlives its call would take events that nobody gets.
        let mut closed = self.closed.subscribe();
        let taken = async {
            let mut stream = self.stream.lock().await;
            let mut events = Vec::new();
            if let Some(event) = stream.next().await {
                events.push(event);
                while events.len() < BATCH
                    && let Some(Some(event)) = stream.next().now_or_never()
                {
                    events.push(event);
                }
            }
            events
        };
        let closing = closed.wait_for(|closed| *closed);
        let events = match select(pin!(closing), pin!(taken)).await {
            Either::Left(_) => Vec::new(),
            Either::Right((events, _)) => events,
        };
        running::now(|| Ok(events.into_iter().map(Event::from).collect()))
    }

    /// Ends it, and whoever waits for it.
    pub fn end(&self) {
        self.closed.send_replace(true);
    }
}
