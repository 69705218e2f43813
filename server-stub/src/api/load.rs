//! The requests under way, and whether new ones are let in.

use crate::service::Refusal;
use sealwire_wire::AttachmentId;
use sealwire_wire::contract::ErrorCode;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    /// How many bring the bytes of an attachment.
    uploads: Mutex<HashMap<AttachmentId, usize>>,
    draining: AtomicBool,
    /// Told when the last request of a draining relay ends.
    idle: Notify,
}

/// All bodies that are being read have at most so many bytes together: some forty of the largest, or thousands of usual ones.
const BODY_BYTES_MAX: usize = 512 * 1024 * 1024;

/// An attachment's bytes may come from so many at once: a try that hangs, and the next one. Each takes its room on the disk.
const UPLOADS_OF_ONE_MAX: usize = 2;

/// An upload under way; dropped, it has ended.
pub(crate) struct UploadUnderWay {
    load: Arc<Inner>,
    id: AttachmentId,
}

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

    /// Lets one more bring the bytes of this attachment.
    pub(crate) fn begin_upload(&self, id: &AttachmentId) -> Result<UploadUnderWay, Refusal> {
        let mut uploads = self.0.uploads();
        let under_way = uploads.entry(id.clone()).or_default();
        if *under_way >= UPLOADS_OF_ONE_MAX {
            let detail = "this attachment is being uploaded already";
            return Err(Refusal::new(ErrorCode::RateLimited, detail).retry_after_ms(COME_BACK_MS));
        }
        *under_way += 1;
        Ok(UploadUnderWay {
            load: Arc::clone(&self.0),
            id: id.clone(),
        })
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

impl Inner {
    fn uploads(&self) -> MutexGuard<'_, HashMap<AttachmentId, usize>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for UploadUnderWay {
    fn drop(&mut self) {
        let mut uploads = self.load.uploads();
        if let Some(under_way) = uploads.get_mut(&self.id) {
            *under_way -= 1;
            if *under_way == 0 {
                uploads.remove(&self.id);
            }
        }
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

    #[test]
    fn an_attachment_is_uploaded_by_two_at_once_and_no_more() {
        let load = Load::default();
        let id = "a".parse().unwrap();
        let first = load.begin_upload(&id).unwrap();
        let _second = load.begin_upload(&id).unwrap();
        let third = load.begin_upload(&id).err().unwrap();
        assert_eq!(third.code(), ErrorCode::RateLimited);
        assert!(load.begin_upload(&"b".parse().unwrap()).is_ok());
        drop(first);
        assert!(load.begin_upload(&id).is_ok());
        assert_eq!(load.0.uploads().len(), 1);
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
