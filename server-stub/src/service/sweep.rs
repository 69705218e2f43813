//! Ending what has had its time.

use super::{Answer, Refusal, Service};
use sealwire_wire::AttachmentId;
use sealwire_wire::contract::ErrorCode;

/// What a sweep ended that others must follow up.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Swept {
    /// Attachments that no message ever named: delete their blobs.
    pub attachments: Vec<AttachmentId>,
}

impl Service {
    /// Ends mailboxes, spent nonces, idempotency answers, queue entries and forgotten attachments whose time is over. To be called every few minutes.
    pub async fn sweep(&self) -> Answer<Swept> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }
}
