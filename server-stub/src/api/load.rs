//! The requests under way, and whether new ones are let in.

use crate::service::Refusal;
use sealwire_wire::contract::ErrorCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use tokio::sync::Notify;

/// Another relay, or this one started again, is there by then.
const COME_BACK_MS: u64 = 2_000;

/// The requests under way.
#[derive(Default)]
pub(crate) struct Load(Arc<Inner>);

#[derive(Default)]
struct Inner {
    under_way: AtomicUsize,
    /// Of bodies that are being read.
    body_bytes: AtomicUsize,
    draining: AtomicBool,
    /// Told when the last request of a draining relay ends.
    idle: Notify,
}

/// All bodies that are being read have at most so many bytes together: some forty of the largest, or thousands of usual ones.
const BODY_BYTES_MAX: usize = 512 * 1024 * 1024;

/// Memory for a body that is being read; dropped, it is free again.
pub(crate) struct BodyRoom {
    load: Arc<Inner>,
    bytes: usize,
}

/// A request under way; dropped, it has ended.
pub(crate) struct UnderWay(Arc<Inner>);

impl Load {
    /// Lets a request in, or refuses it because the relay ends.
    pub(crate) fn enter(&self) -> Result<UnderWay, Refusal> {
        // Counted before the look, so that no request slips in between a drain and its wait.
        self.0.under_way.fetch_add(1, Ordering::SeqCst);
        let under_way = UnderWay(Arc::clone(&self.0));
        if self.is_draining() {
            let detail = "the relay ends: come back to it, or to another";
            return Err(Refusal::new(ErrorCode::Unavailable, detail).retry_after_ms(COME_BACK_MS));
        }
        Ok(under_way)
    }

    /// Memory for a body, none yet.
    pub(crate) fn body_room(&self) -> BodyRoom {
        BodyRoom {
            load: Arc::clone(&self.0),
            bytes: 0,
        }
    }

    /// From now on no request is let in.
    pub(crate) fn drain(&self) {
        self.0.draining.store(true, Ordering::SeqCst);
    }

    pub(crate) fn under_way(&self) -> usize {
        self.0.under_way.load(Ordering::SeqCst)
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.0.draining.load(Ordering::SeqCst)
    }

    /// Waits until no request is under way.
    pub(crate) async fn idle(&self) {
        loop {
            let idle = self.0.idle.notified();
            if self.0.under_way.load(Ordering::SeqCst) == 0 {
                return;
            }
            idle.await;
        }
    }
}

impl BodyRoom {
    /// So many bytes more, if there is room for them.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Refusal> {
        self.bytes += bytes;
        let all = self.load.body_bytes.fetch_add(bytes, Ordering::Relaxed);
        if all + bytes <= BODY_BYTES_MAX {
            return Ok(());
        }
        let detail = "too much is being sent to the relay at once";
        Err(Refusal::new(ErrorCode::Unavailable, detail).retry_after_ms(COME_BACK_MS))
    }
}

impl Drop for BodyRoom {
    fn drop(&mut self) {
        self.load
            .body_bytes
            .fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let was_last = self.0.under_way.fetch_sub(1, Ordering::SeqCst) == 1;
        if was_last && self.0.draining.load(Ordering::SeqCst) {
            self.0.idle.notify_waiters();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt as _;

    #[test]
    fn bodies_have_bounded_room_together_and_give_it_back() {
        let load = Load::default();
        let mut first = load.body_room();
        first.grow(BODY_BYTES_MAX - 10).unwrap();
        let mut second = load.body_room();
        second.grow(10).unwrap();
        assert!(second.grow(1).is_err());
        drop((first, second));
        assert!(load.body_room().grow(BODY_BYTES_MAX).is_ok());
    }

    #[tokio::test]
    async fn a_drain_lets_nobody_in_and_waits_for_the_last() {
        let load = Load::default();
        let request = load.enter().unwrap();
        load.drain();
        let refused = load.enter().err().unwrap();
        assert_eq!(refused.code(), ErrorCode::Unavailable);
        assert!(refused.problem().retry_after_ms.is_some());
        let mut idle = Box::pin(load.idle());
        assert!(idle.as_mut().now_or_never().is_none());
        drop(request);
        idle.await;
    }
}
