//! The tasks of one client: each can be told to stop, and all of them can be waited for.

use super::Runtime;
use crate::bounds::MaybeSend;
use async_channel::{Receiver, Sender, WeakSender};
use futures_util::future::select;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;

/// Starts tasks of a client. After [`Stopper::stop`] it starts none.
#[derive(Clone)]
pub(crate) struct Tasks {
    runtime: Arc<dyn Runtime>,
    stop: Receiver<Infallible>,
    alive: WeakSender<Infallible>,
}

/// Ends the tasks of a client.
pub(crate) struct Stopper {
    stop: Sender<Infallible>,
    // Every task holds a sender; when the last is gone, the receiver says so.
    alive: Sender<Infallible>,
    all_ended: Receiver<Infallible>,
}

impl Tasks {
    pub(crate) fn new(runtime: Arc<dyn Runtime>) -> (Self, Stopper) {
        let (stop_sender, stop) = async_channel::bounded(1);
        let (alive, all_ended) = async_channel::bounded(1);
        let tasks = Self {
            runtime,
            stop,
            alive: alive.downgrade(),
        };
        (
            tasks,
            Stopper {
                stop: stop_sender,
                alive,
                all_ended,
            },
        )
    }

    pub(crate) fn runtime(&self) -> &dyn Runtime {
        &*self.runtime
    }

    /// Runs until it ends or the client does, whatever comes first.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + MaybeSend + 'static) {
        let Some(alive) = self.alive.upgrade() else {
            return;
        };
        let stop = self.stop.clone();
        self.runtime.spawn(Box::pin(async move {
            select(pin!(task), pin!(stop.recv())).await;
            drop(alive);
        }));
    }
}

impl Stopper {
    /// Drops every task where it stands and waits until the last one is gone.
    pub(crate) async fn stop(self) {
        self.stop.close();
        drop(self.alive);
        // Nothing is ever sent: this ends when the last task's sender is dropped.
        let _ = self.all_ended.recv().await;
    }
}
