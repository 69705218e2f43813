//! What rings at one socket, in one piece of memory: there are many sockets, and nearly all are idle.

use super::live::Live;
use super::pushes::Pushes;
use crate::service::Push;
use sealwire_wire::contract::{CloseCode, ServerEvent};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// What may have rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bell {
    /// The device's queue may have something new.
    Queue = 1,
    /// The device is told something beside its queue.
    Live = 2,
    /// One of the device's one-time prekeys was given out.
    PrekeyTaken = 4,
    /// The socket is to be closed.
    Close = 8,
}

/// What rings at one socket. All bells wake it the same way, and it looks which of them rang: it sleeps on one thing.
#[derive(Default)]
pub(super) struct Bells {
    /// A bit for each bell that rang and was not answered yet.
    rung: AtomicU8,
    any: Notify,
    /// What is new in the queue, as far as it was pushed.
    pub(super) pushes: Pushes,
    /// What the device is told beside its queue.
    pub(super) live: Live,
    closing: Mutex<Option<CloseCode>>,
}

impl Bells {
    /// The queue has something new: this message, or what only storage knows.
    pub(super) fn push(&self, message: Option<Push>) {
        self.pushes.push(message);
        self.ring(Bell::Queue);
    }

    /// Tells the device something beside its queue.
    pub(super) fn tell(&self, event: ServerEvent) {
        self.live.tell(event);
        self.ring(Bell::Live);
    }

    /// Tells the socket to close; the newest reason counts.
    pub(super) fn close(&self, code: CloseCode) {
        *self.closing.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
        self.ring(Bell::Close);
    }

    /// Why the socket is to be closed, if it is.
    pub(super) fn closing(&self) -> Option<CloseCode> {
        if !self.has_rung(Bell::Close) {
            return None;
        }
        *self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Rings a bell. One that rang before wakes nobody again: the socket has yet to look.
    pub(super) fn ring(&self, bell: Bell) {
        let rung = self.rung.fetch_or(bell as u8, Ordering::AcqRel);
        if rung & bell as u8 == 0 {
            self.any.notify_one();
        }
    }

    fn has_rung(&self, bell: Bell) -> bool {
        self.rung.load(Ordering::Acquire) & bell as u8 != 0
    }

    /// Whether this bell rang. It is answered with that, so what it rang for is looked at afterwards.
    pub(super) fn answer(&self, bell: Bell) -> bool {
        self.has_rung(bell)
            && self.rung.fetch_and(!(bell as u8), Ordering::AcqRel) & bell as u8 != 0
    }

    /// Waits until a bell rings, or has rung since the last wait. One at a time waits.
    pub(super) async fn rings(&self) {
        self.any.notified().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn a_bell_wakes_once_until_it_is_answered_and_then_again() {
        let bells = Bells::default();
        bells.ring(Bell::Queue);
        bells.ring(Bell::Queue);
        assert!(bells.rings().now_or_never().is_some());
        assert!(bells.rings().now_or_never().is_none());
        assert!(bells.answer(Bell::Queue) && !bells.answer(Bell::Queue));
        bells.ring(Bell::Queue);
        assert!(bells.rings().now_or_never().is_some());
    }

    #[test]
    fn another_bell_wakes_though_one_is_not_answered() {
        let bells = Bells::default();
        bells.ring(Bell::Queue);
        assert!(bells.rings().now_or_never().is_some());
        bells.close(CloseCode::Replaced);
        assert!(bells.rings().now_or_never().is_some());
        assert_eq!(bells.closing(), Some(CloseCode::Replaced));
        assert!(bells.answer(Bell::Queue) && !bells.answer(Bell::Live));
    }
}
