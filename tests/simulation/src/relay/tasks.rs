//! A bare executor: futures that are polled one at a time, in an order that chance decides.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Wake, Waker};

/// The relay's work under way.
#[derive(Default)]
pub(crate) struct Tasks {
    last: u64,
    all: BTreeMap<u64, Task>,
}

struct Task {
    future: Pin<Box<dyn Future<Output = ()>>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Tasks {
    pub(crate) fn spawn(&mut self, future: impl Future<Output = ()> + 'static) {
        self.last += 1;
        let task = Task {
            future: Box::pin(future),
            woken: Arc::new(Woken(AtomicBool::new(true))),
        };
        self.all.insert(self.last, task);
    }

    /// Those that have something to do.
    pub(crate) fn runnable(&self) -> Vec<u64> {
        let woken = |task: &Task| task.woken.0.load(Ordering::Relaxed);
        let all = self.all.iter();
        all.filter(|(_, task)| woken(task))
            .map(|(id, _)| *id)
            .collect()
    }

    pub(crate) fn is_runnable(&self, id: u64) -> bool {
        let task = self.all.get(&id);
        task.is_some_and(|task| task.woken.0.load(Ordering::Relaxed))
    }

    /// Polls it once.
    pub(crate) fn poll(&mut self, id: u64) {
        let Some(task) = self.all.get_mut(&id) else {
            return;
        };
        task.woken.0.store(false, Ordering::Relaxed);
        let waker = Waker::from(Arc::clone(&task.woken));
        let polled = task.future.as_mut().poll(&mut Context::from_waker(&waker));
        if polled.is_ready() {
            self.all.remove(&id);
        }
    }
}

/// Runs one future to its end, alone.
pub(crate) fn alone<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        // Whatever it waits for is done in this thread: asked for once more, it goes on.
        if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
            return value;
        }
    }
}
