//! The tasks of one client: each can be told to stop, and all of them can be waited for.

use super::Runtime;
use crate::bounds::MaybeSend;
use async_channel::{Receiver, Sender, WeakSender};
use futures_util::future::select;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Starts tasks of a client. After [`Stopper::stop`] it starts none until [`Tasks::start_again`].
#[derive(Clone)]
pub(crate) struct Tasks {
    runtime: Arc<dyn Runtime>,
    signals: Arc<Mutex<Signals>>,
}

struct Signals {
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
        let (signals, stopper) = signals();
        let tasks = Self {
            runtime,
            signals: Arc::new(Mutex::new(signals)),
        };
        (tasks, stopper)
    }

    /// Tasks may be started again, by every clone.
    pub(crate) fn start_again(&self) -> Stopper {
        let (signals, stopper) = signals();
        *self.signals() = signals;
        stopper
    }

    pub(crate) fn runtime(&self) -> &dyn Runtime {
        &*self.runtime
    }

    /// Runs until it ends or the client does, whatever comes first.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + MaybeSend + 'static) {
        let (stop, alive) = {
            let signals = self.signals();
            (signals.stop.clone(), signals.alive.upgrade())
        };
        let Some(alive) = alive else { return };
        self.runtime.spawn(Box::pin(async move {
            // Dropped before it is said that it ended.
            {
                let task = pin!(task);
                select(task, pin!(stop.recv())).await;
            }
            drop(alive);
        }));
    }

    fn signals(&self) -> MutexGuard<'_, Signals> {
        self.signals.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn signals() -> (Signals, Stopper) {
    let (stop_sender, stop) = async_channel::bounded(1);
    let (alive, all_ended) = async_channel::bounded(1);
    let signals = Signals {
        stop,
        alive: alive.downgrade(),
    };
    let stopper = Stopper {
        stop: stop_sender,
        alive,
        all_ended,
    };
    (signals, stopper)
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
