//! What the relay knows of attachments; their bytes are the blob folder's matter.

use super::{Answer, Refusal, Service};
use sealwire_wire::AttachmentId;
use sealwire_wire::contract::{CreateAttachment, DeviceName, ErrorCode};

/// What the relay knows of an attachment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachmentFacts {
    /// Its id; also a safe file name.
    pub id: AttachmentId,
    /// The exact size of the upload in bytes.
    pub size: u64,
    /// SHA-256 of the uploaded bytes, once they are complete.
    pub completed: Option<[u8; 32]>,
}

impl Service {
    /// Room for one attachment.
    pub async fn create_attachment(
        &self,
        caller: &DeviceName,
        request: &CreateAttachment,
    ) -> Answer<AttachmentFacts> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// What an upload to this id must be. Asked with a signed URL in hand, so without a caller.
    pub async fn attachment_upload(&self, id: &AttachmentId) -> Answer<AttachmentFacts> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// The bytes are durable in the blob folder. The same bytes again are a success, others 409 `attachment_conflict`.
    pub async fn complete_attachment(&self, id: &AttachmentId, digest: [u8; 32]) -> Answer<()> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }

    /// Whether the caller may download it: its uploader, and participants of a thread with a message that names it.
    pub async fn attachment_download(
        &self,
        caller: &DeviceName,
        id: &AttachmentId,
    ) -> Answer<AttachmentFacts> {
        Err(Refusal::new(ErrorCode::Unavailable, "not served yet"))
    }
}
