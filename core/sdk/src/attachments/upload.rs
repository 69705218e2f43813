//! An attachment on its way to the relay, and into a message.

use super::retry::{Refused, Tries};
use super::seal::seal;
use super::spool::Sealed;
use super::{Attachment, ChunkCipher, OnProgress, Piece, Progress, signed_url};
use crate::Error;
use crate::bounds::BoxStream;
use crate::driver::Inbox;
use crate::queries::Queries;
use crate::runtime::Tasks;
use crate::transport::{Transport, TransportFailure};
use futures_util::stream;
use sealwire_crypto::attachment::{AttachmentPlan, CHUNK_BYTES};
use sealwire_engine::{Call, EngineError, Message, MessageContent, NewAttachment, Reply};
use sealwire_store::crash;
use sealwire_wire::content::{AttachmentPointer, Uid};
use sealwire_wire::contract::{AttachmentUpload, ErrorCode};
use sealwire_wire::{AttachmentId, ThreadId, UserId};
use std::path::PathBuf;
use std::sync::Arc;

/// Bytes handed to the network at once.
const PIECE: usize = 64 * 1024;

/// Everything that an upload needs; it keeps no client open.
pub(crate) struct Upload {
    pub(crate) inbox: Inbox,
    pub(crate) queries: Queries,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) cipher: Arc<dyn ChunkCipher>,
    pub(crate) tasks: Tasks,
    pub(crate) folder: PathBuf,
    pub(crate) on_progress: OnProgress,
    pub(crate) relay_is_private: bool,
    pub(crate) user: Option<UserId>,
}

impl Upload {
    /// Seals, uploads, and queues the message.
    pub(crate) async fn send(
        self,
        thread: ThreadId,
        attachment: Attachment,
    ) -> Result<Reply, Error> {
        if let Some(sent) = self.sent_already(attachment.key).await? {
            if sent.thread != thread || !says(&sent, &attachment) {
                return Err(EngineError::SendKeyReused.into());
            }
            return Ok(Reply::Queued(Box::new(sent)));
        }
        let Attachment {
            from,
            mime,
            name,
            caption,
            ttl_seconds,
            key,
            media,
        } = attachment;
        let key = key.map(Uid);
        // What cannot become a message is not uploaded for nothing.
        let known = self.queries.run(move |rows| rows.thread(thread)).await?;
        if known.is_none() {
            return Err(EngineError::UnknownThread.into());
        }
        let source = from.open(self.tasks.runtime()).await?;
        let size = source.size();
        let mut random = rand_core::UnwrapErr(getrandom::SysRng);
        let plan = AttachmentPlan::new(size, &mut random)
            .map_err(|_| Error::AttachmentTooLarge { bytes: size })?;
        // Room first: nor is what is too large read.
        let room = self.room(&plan, &mut Tries::default()).await?;
        crash::point("upload.room");
        let (sealed, digest) = seal(
            source,
            &plan,
            &*self.cipher,
            &self.folder,
            self.tasks.runtime(),
        )
        .await?;
        crash::point("upload.sealed");
        let attachment_id = self.upload(&sealed, &plan, room).await?;
        crash::point("upload.uploaded");
        let pointer = AttachmentPointer {
            attachment_id,
            key: *plan.key().as_bytes(),
            nonce_prefix: *plan.nonce_prefix(),
            digest,
            size,
            chunk_size: CHUNK_BYTES as u32,
            mime,
            name,
            media,
            thumbnail: None,
        };
        let attachment = Box::new(NewAttachment {
            pointer,
            caption,
            ttl_seconds,
            key,
        });
        self.inbox
            .call(Call::SendAttachment { thread, attachment }, None)
            .await
    }

    /// The message that an earlier call with this key made.
    async fn sent_already(&self, key: Option<[u8; 16]>) -> Result<Option<Message>, Error> {
        let (Some(key), Some(user)) = (key.map(Uid), self.user.clone()) else {
            return Ok(None);
        };
        let held = self
            .queries
            .run(move |rows| rows.message_by_uid(&user, key))
            .await?;
        Ok(held.map(Message::from_row))
    }

    async fn upload(
        &self,
        sealed: &Sealed,
        plan: &AttachmentPlan,
        mut room: AttachmentUpload,
    ) -> Result<AttachmentId, Error> {
        let size = plan.layout().encrypted_size();
        let mut tries = Tries::default();
        loop {
            let refused = match signed_url(&room.upload_url, self.relay_is_private) {
                Some(url) => match self
                    .transport
                    .upload(url, self.body(sealed, size), size)
                    .await
                {
                    Ok(response) if (200..300).contains(&response.status) => {
                        // A transport that was told the size need not ask for more.
                        (self.on_progress)(Progress {
                            done: size,
                            total: size,
                        });
                        return Ok(room.id);
                    }
                    Ok(response) => Refused::by_answer(&response),
                    Err(failure) => Refused::by_failure(failure),
                },
                None => Refused::UrlVoid,
            };
            let void = matches!(refused, Refused::UrlVoid);
            let wait = tries.failed(refused.into_error())?;
            self.tasks.runtime().sleep(wait).await;
            if void {
                room = self.room(plan, &mut tries).await?;
            }
        }
    }

    async fn room(
        &self,
        plan: &AttachmentPlan,
        tries: &mut Tries,
    ) -> Result<AttachmentUpload, Error> {
        let encrypted_size = plan.layout().encrypted_size();
        loop {
            let error = match self
                .inbox
                .call(Call::CreateAttachment { encrypted_size }, None)
                .await
            {
                Ok(Reply::Upload(room)) => return Ok(room),
                Ok(_) => Error::Internal("the engine gave another reply than the call's"),
                Err(Error::Engine(EngineError::Relay {
                    code: ErrorCode::TooLarge,
                    ..
                })) => Error::AttachmentTooLarge {
                    bytes: plan.layout().plain_size(),
                },
                // By the app's wish: waiting a little would not end it.
                Err(error @ Error::Engine(EngineError::Offline)) => return Err(error),
                Err(error) => error,
            };
            let wait = tries.failed(error)?;
            self.tasks.runtime().sleep(wait).await;
        }
    }

    fn body(&self, sealed: &Sealed, size: u64) -> BoxStream<Result<Piece, TransportFailure>> {
        let (sealed, tasks, on_progress) = (
            sealed.clone(),
            self.tasks.clone(),
            Arc::clone(&self.on_progress),
        );
        Box::pin(stream::unfold(0, move |at| {
            let (sealed, tasks, on_progress) =
                (sealed.clone(), tasks.clone(), Arc::clone(&on_progress));
            async move {
                if at >= size {
                    return None;
                }
                on_progress(Progress {
                    done: at,
                    total: size,
                });
                crash::point("upload.piece");
                let piece = match sealed.read(at, PIECE, tasks.runtime()).await {
                    Ok(piece) if !piece.is_empty() => Ok(piece),
                    Ok(_) => Err(TransportFailure {
                        detail: "the sealed file was cut short".to_owned(),
                    }),
                    Err(error) => Err(TransportFailure {
                        detail: error.to_string(),
                    }),
                };
                // After a failure there is nothing more to give.
                let next = piece
                    .as_ref()
                    .map_or(u64::MAX, |piece| at + piece.len() as u64);
                Some((piece, next))
            }
        }))
    }
}

/// Whether a message is the one that this makes, as far as that shows before its bytes are read. What is gone from here cannot
/// be compared: its key still names it.
fn says(sent: &Message, attachment: &Attachment) -> bool {
    match &sent.content {
        MessageContent::Removed => true,
        MessageContent::Attachment { file, caption } => {
            let Attachment {
                from,
                mime,
                name,
                caption: words,
                ttl_seconds,
                media,
                ..
            } = attachment;
            let said = (&file.mime, &file.name, &file.media, caption);
            said == (mime, name, media, words)
                && from.size().is_none_or(|size| size == file.size)
                && sent.ttl_seconds == *ttl_seconds
        }
        _ => false,
    }
}
