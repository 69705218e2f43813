//! Threads: 1:1 ones, whose id both sides know before they exist.

use super::{Answer, Refusal, Service};
use sealwire_wire::ThreadId;
use sealwire_wire::contract::{CreateThread, DeviceName, ErrorCode, Thread};

/// A thread, and whether this request made it (201) or it was there (200).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedThread {
    /// The thread.
    pub thread: Thread,
    /// Whether it is new.
    pub created: bool,
}

impl Service {
    /// Makes the 1:1 thread with another user, or answers the one that is there.
    pub async fn create_thread(
        &self,
        caller: &DeviceName,
        request: &CreateThread,
    ) -> Answer<CreatedThread> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// One thread of the caller.
    pub async fn thread(&self, caller: &DeviceName, thread: ThreadId) -> Answer<Thread> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }
}
