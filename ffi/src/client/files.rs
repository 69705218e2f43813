//! Sending and fetching files.

use super::ClientHandle;
use crate::callbacks::{ProgressListener, Teller};
use crate::records::{AttachmentOptions, Message};
use crate::{CallError, CancelHandle, running};
use sealwire::{Attachment, Client, EngineError, Error};
use std::fmt;
use std::sync::Arc;

/// What a file is read from.
#[uniffi::export(Debug)]
#[derive(Clone, PartialEq, Eq, uniffi::Enum)]
pub enum AttachmentSource {
    /// These bytes.
    Bytes {
        /// All of them.
        bytes: Vec<u8>,
    },
    /// This file, as it is when it is sent: it may be of any size.
    File {
        /// Its path.
        path: String,
    },
}

#[uniffi::export]
impl ClientHandle {
    /// Encrypts and uploads a file, then sends a message that points to it: durable here when this returns.
    pub async fn send_attachment(
        &self,
        thread: String,
        source: AttachmentSource,
        options: Option<AttachmentOptions>,
        progress: Option<Arc<dyn ProgressListener>>,
    ) -> Result<Message, CallError> {
        let client = self.client()?;
        running::run(async move {
            let attachment = match source {
                AttachmentSource::Bytes { bytes } => Attachment::from_bytes(bytes),
                AttachmentSource::File { path } => Attachment::from_path(path),
            };
            let attachment = options.unwrap_or_default().describe(attachment)?;
            let teller = Teller::new(progress);
            let sent = client.send_attachment(super::id(&thread)?, attachment, teller.hears());
            let sent = sent.await;
            teller.has_told().await;
            Ok(sent?.into())
        })
        .await
    }

    /// The bytes of a message's attachment: all of them, as they were sent. A cancelled call ends the download.
    #[uniffi::method(default(cancel = None))]
    pub async fn download_attachment(
        &self,
        local_id: i64,
        progress: Option<Arc<dyn ProgressListener>>,
        cancel: Option<Arc<CancelHandle>>,
    ) -> Result<Vec<u8>, CallError> {
        let client = self.client()?;
        running::wait_or_cancel(cancel, async move {
            let message = known(&client, local_id).await?;
            let teller = Teller::new(progress);
            let bytes = client.download_attachment(&message, teller.hears()).await;
            teller.has_told().await;
            bytes
        })
        .await
    }

    /// Writes a message's attachment to a file, in constant memory: whole, or not at all. A cancelled call ends the download.
    #[uniffi::method(default(cancel = None))]
    pub async fn download_attachment_to_file(
        &self,
        local_id: i64,
        path: String,
        progress: Option<Arc<dyn ProgressListener>>,
        cancel: Option<Arc<CancelHandle>>,
    ) -> Result<(), CallError> {
        let client = self.client()?;
        running::wait_or_cancel(cancel, async move {
            let message = known(&client, local_id).await?;
            let teller = Teller::new(progress);
            let done = client.download_attachment_to_file(&message, path, teller.hears());
            let done = done.await;
            teller.has_told().await;
            done
        })
        .await
    }
}

// Bytes are what somebody sends, and may be millions.
impl fmt::Debug for AttachmentSource {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bytes { bytes } => write!(out, "Bytes({} bytes)", bytes.len()),
            Self::File { path } => out.debug_struct("File").field("path", path).finish(),
        }
    }
}

async fn known(client: &Client, local_id: i64) -> Result<sealwire::Message, Error> {
    let message = client.message(local_id).await?;
    message.ok_or(Error::Engine(EngineError::UnknownMessage))
}
