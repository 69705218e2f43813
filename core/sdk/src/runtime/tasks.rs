//! The tasks of one client: each can be told to stop, and all of them can be waited for.

use super::{Runtime, within};
use crate::bounds::{BoxFuture, MaybeSend};
use async_channel::{Receiver, Sender, WeakSender};
use futures_util::future::select;
use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

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

/// Work that blocks gets this long to end when a client stops: far more than a file takes to be synced and renamed. What hangs for
/// longer, such as a pipe that nobody writes to, holds up no app that goes to sleep.
const BLOCKED_MAX: Duration = Duration::from_secs(3);

/// Ends the tasks of a client.
pub(crate) struct Stopper {
    runtime: Arc<dyn Runtime>,
    stop: Sender<Infallible>,
    // Every task holds a sender; when the last is gone, the receiver says so.
    alive: Sender<Infallible>,
    all_ended: Receiver<Infallible>,
}

impl Tasks {
    pub(crate) fn new(runtime: Arc<dyn Runtime>) -> (Self, Stopper) {
        let (signals, stopper) = signals(Arc::clone(&runtime));
        let tasks = Self {
            runtime,
            signals: Arc::new(Mutex::new(signals)),
        };
        (tasks, stopper)
    }

    /// Tasks may be started again, by every clone.
    pub(crate) fn start_again(&self) -> Stopper {
        let (signals, stopper) = signals(Arc::clone(&self.runtime));
        *self.signals() = signals;
        stopper
    }

    /// What a task runs on: work that it lets block is waited for, too, when the client stops.
    pub(crate) fn runtime(&self) -> &dyn Runtime {
        self
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

fn signals(runtime: Arc<dyn Runtime>) -> (Signals, Stopper) {
    let (stop_sender, stop) = async_channel::bounded(1);
    let (alive, all_ended) = async_channel::bounded(1);
    let signals = Signals {
        stop,
        alive: alive.downgrade(),
    };
    let stopper = Stopper {
        runtime,
        stop: stop_sender,
        alive,
        all_ended,
    };
    (signals, stopper)
}

impl Runtime for Tasks {
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        Self::spawn(self, task);
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        self.runtime.sleep(time)
    }

    fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) {
        // Whoever waits for it after the stop is told that it did not run.
        let Some(alive) = self.signals().alive.upgrade() else {
            return;
        };
        self.runtime.run_blocking(Box::new(move || {
            work();
            drop(alive);
        }));
    }
}

impl Stopper {
    /// Drops every task where it stands and waits until the last one is gone, and until what blocks has ended, within bounds.
    pub(crate) async fn stop(self) {
        self.stop.close();
        drop(self.alive);
        // Nothing is ever sent: this ends when the last sender is dropped.
        let _ = within(&*self.runtime, BLOCKED_MAX, self.all_ended.recv()).await;
    }
}

#[cfg(all(test, not(target_family = "wasm")))]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Instant;

    struct Threads;

    impl Runtime for Threads {
        fn spawn(&self, task: BoxFuture<'static, ()>) {
            drop(tokio::spawn(task));
        }

        fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
            Box::pin(tokio::time::sleep(time))
        }

        fn run_blocking(&self, work: Box<dyn FnOnce() + Send>) {
            drop(std::thread::spawn(work));
        }
    }

    fn flag() -> (Arc<AtomicBool>, Arc<AtomicBool>) {
        let flag = Arc::new(AtomicBool::new(false));
        (Arc::clone(&flag), flag)
    }

    #[tokio::test]
    async fn after_a_stop_no_work_that_blocks_is_running() {
        let (tasks, stopper) = Tasks::new(Arc::new(Threads));
        let (set, done) = flag();
        tasks.runtime().run_blocking(Box::new(move || {
            std::thread::sleep(Duration::from_millis(200));
            set.store(true, Ordering::SeqCst);
        }));
        stopper.stop().await;
        assert!(done.load(Ordering::SeqCst));
    }

    #[tokio::test]
    async fn after_a_stop_no_work_that_blocks_begins_until_the_tasks_start_again() {
        let (tasks, stopper) = Tasks::new(Arc::new(Threads));
        stopper.stop().await;
        assert_eq!(super::super::blocking(tasks.runtime(), || 7).await, None);
        let stopper = tasks.start_again();
        assert_eq!(super::super::blocking(tasks.runtime(), || 7).await, Some(7));
        stopper.stop().await;
    }

    #[tokio::test]
    async fn work_that_never_ends_holds_no_stop_up_for_ever() {
        let (tasks, stopper) = Tasks::new(Arc::new(Threads));
        let (end, never) = std::sync::mpsc::channel::<()>();
        tasks.runtime().run_blocking(Box::new(move || {
            let _ = never.recv();
        }));
        let began = Instant::now();
        stopper.stop().await;
        assert!(began.elapsed() >= BLOCKED_MAX);
        drop(end);
    }
}
