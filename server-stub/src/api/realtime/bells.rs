//! What rings at one socket, in one piece of memory: there are many sockets, and nearly all are idle.

use super::live::Live;
use super::pushes::Pushes;
use sealwire_wire::contract::CloseCode;
use std::sync::{Mutex, PoisonError};
use tokio::sync::Notify;

/// What rings at one socket.
#[derive(Default)]
pub(super) struct Bells {
    /// Rings when the device's queue may have something new.
    pub(super) wake: Notify,
    /// What is new in it, as far as it was pushed.
    pub(super) pushes: Pushes,
    /// Rings when one of the device's one-time prekeys was given out.
    pub(super) prekey_taken: Notify,
    /// What the device is told beside its queue.
    pub(super) live: Live,
    closing: Mutex<Option<CloseCode>>,
    /// Rings when the socket is to be closed.
    close: Notify,
}

impl Bells {
    /// Tells the socket to close; the newest reason counts.
    pub(super) fn close(&self, code: CloseCode) {
        *self.closing.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
        self.close.notify_one();
    }

    /// Why the socket is to be closed, if it is.
    pub(super) fn closing(&self) -> Option<CloseCode> {
        *self.closing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until the socket is to be closed. One at a time waits for it.
    pub(super) async fn told_to_close(&self) -> CloseCode {
        loop {
            if let Some(code) = self.closing() {
                return code;
            }
            self.close.notified().await;
        }
    }
}
