//! The bytes of attachments: files beside the database, as the relay's own blob folder has them.

use super::Relay;
use crate::Broken;
use crate::device::unusable;
use sealwire_crypto::attachment::chunk_hash;
use sealwire_relay::service::Refusal;
use sealwire_wire::AttachmentId;
use sealwire_wire::contract::ErrorCode;
use std::fs;
use std::path::PathBuf;

impl Relay {
    /// The bytes of an upload come in, all of them at once. The inner result is the relay's answer.
    pub(crate) fn take_blob(
        &self,
        id: &AttachmentId,
        bytes: &[u8],
    ) -> Result<Result<(), Refusal>, Broken> {
        let Some(life) = &self.life else {
            let detail = "nobody listens";
            return Ok(Err(Refusal::new(ErrorCode::Unavailable, detail)));
        };
        let facts = match super::alone(life.inside.service.attachment_upload(id)) {
            Ok(facts) => facts,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if facts.size != bytes.len() as u64 {
            let detail = format!("{} bytes were announced", facts.size);
            return Err(Broken::new("an upload is as long as announced", detail));
        }
        fs::write(self.blob(id), bytes).map_err(unusable)?;
        // The digest of a whole file is made as that of a chunk is: SHA-256.
        let completed = life
            .inside
            .service
            .complete_attachment(id, chunk_hash(bytes));
        Ok(super::alone(completed))
    }

    /// What lies there of an attachment.
    pub(crate) fn blob_bytes(&self, id: &AttachmentId) -> Option<Vec<u8>> {
        fs::read(self.blob(id)).ok()
    }

    pub(super) fn delete_blobs(&self, ids: &[AttachmentId]) {
        for id in ids {
            // One that was never uploaded has no bytes.
            let _ = fs::remove_file(self.blob(id));
        }
    }

    fn blob(&self, id: &AttachmentId) -> PathBuf {
        self.folder.join(format!("blob-{id}"))
    }
}
