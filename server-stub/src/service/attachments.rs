//! What the relay knows of attachments; their bytes are the blob folder's matter.

use super::{Answer, Refusal, Service};
use crate::storage::{AttachmentRecord, Completed};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sealwire_wire::contract::{CreateAttachment, DeviceName, ErrorCode};
use sealwire_wire::{AttachmentId, ThreadId, UserId};

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
        self.authorise(caller).await?;
        if request.size == 0 {
            return Err(Refusal::new(
                ErrorCode::Unprocessable,
                "an attachment has at least one byte",
            ));
        }
        if request.size > self.rules.attachment_max {
            return Err(Refusal::new(
                ErrorCode::TooLarge,
                format!(
                    "an attachment has at most {} bytes",
                    self.rules.attachment_max
                ),
            ));
        }
        let stored = self.storage.attachment_bytes(caller.user_id.clone());
        if stored.await?.saturating_add(request.size) > self.rules.attachment_quota {
            return Err(Refusal::new(
                ErrorCode::TooLarge,
                format!(
                    "an account's attachments have at most {} bytes together",
                    self.rules.attachment_quota
                ),
            ));
        }
        let id: AttachmentId = URL_SAFE_NO_PAD
            .encode(self.random_bytes::<16>()?)
            .parse()
            .map_err(|_| unknown())?;
        let record = AttachmentRecord {
            id,
            owner: caller.clone(),
            size: request.size,
            created_at: self.clock.now(),
            digest: None,
        };
        self.storage.create_attachment(record.clone()).await?;
        Ok(facts(record))
    }

    /// What an upload to this id must be. Asked with a signed URL in hand, so without a caller.
    pub async fn attachment_upload(&self, id: &AttachmentId) -> Answer<AttachmentFacts> {
        self.storage
            .attachment(id.clone())
            .await?
            .map(facts)
            .ok_or_else(unknown)
    }

    /// The bytes are durable in the blob folder. The same bytes again are a success, others 409 `attachment_conflict`.
    pub async fn complete_attachment(&self, id: &AttachmentId, digest: [u8; 32]) -> Answer<()> {
        match self.storage.complete_attachment(id.clone(), digest).await? {
            Completed::Completed => Ok(()),
            Completed::Conflict => Err(Refusal::new(
                ErrorCode::AttachmentConflict,
                "the upload was completed with other bytes",
            )),
            Completed::Unknown => Err(unknown()),
        }
    }

    /// Whether the caller may download it: its uploader, and participants of a thread with a message that names it.
    pub async fn attachment_download(
        &self,
        caller: &DeviceName,
        id: &AttachmentId,
    ) -> Answer<AttachmentFacts> {
        self.authorise(caller).await?;
        let record = self
            .storage
            .attachment(id.clone())
            .await?
            .ok_or_else(unknown)?;
        if !self.may_read(&record, &caller.user_id).await? {
            return Err(Refusal::new(
                ErrorCode::NotAParticipant,
                "no message in a thread of yours names this attachment",
            ));
        }
        if record.digest.is_none() {
            return Err(Refusal::new(
                ErrorCode::NotFound,
                "the upload is not complete",
            ));
        }
        Ok(facts(record))
    }

    /// Lets the participants of a thread download what a message to it names.
    pub(super) async fn bind_attachments(
        &self,
        user: &UserId,
        ids: &[AttachmentId],
        thread: ThreadId,
    ) -> Answer<()> {
        for id in ids {
            let record = self.storage.attachment(id.clone()).await?;
            let ready = match &record {
                Some(record) if record.digest.is_some() => self.may_read(record, user).await?,
                _ => false,
            };
            if !ready {
                return Err(Refusal::new(
                    ErrorCode::Unprocessable,
                    format!("attachment {id} is not uploaded, or not yours to share"),
                ));
            }
        }
        for id in ids {
            self.storage.bind_attachment(id.clone(), thread).await?;
        }
        Ok(())
    }

    async fn may_read(&self, record: &AttachmentRecord, user: &UserId) -> Answer<bool> {
        Ok(record.owner.user_id == *user
            || self
                .storage
                .attachment_shared_with(record.id.clone(), user.clone())
                .await?)
    }
}

fn facts(record: AttachmentRecord) -> AttachmentFacts {
    AttachmentFacts {
        id: record.id,
        size: record.size,
        completed: record.digest,
    }
}

fn unknown() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "no such attachment")
}
