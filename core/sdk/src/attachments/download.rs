//! An attachment on its way from the relay: opened chunk by chunk, taken up again at a chunk's edge, proved at the end.

use super::retry::{Refused, Tries};
use super::{ChunkCipher, OnProgress, Progress, signed_url};
use crate::Error;
use crate::driver::Inbox;
use crate::runtime::Tasks;
use crate::transport::{self, HttpResponse, Transport, TransportFailure};
use async_channel::Sender;
use futures_util::StreamExt as _;
use futures_util::future::join;
use sealwire_crypto::attachment::{AttachmentPlan, DigestBuilder};
use sealwire_engine::{Call, EngineError, Reply};
use sealwire_wire::content::AttachmentPointer;
use sealwire_wire::contract::ErrorCode;
use std::sync::Arc;
use url::Url;
use zeroize::Zeroizing;

/// Everything that a download needs; it keeps no client open.
pub(crate) struct Download {
    pub(crate) inbox: Inbox,
    pub(crate) transport: Arc<dyn Transport>,
    pub(crate) cipher: Arc<dyn ChunkCipher>,
    pub(crate) tasks: Tasks,
    pub(crate) on_progress: OnProgress,
    pub(crate) relay_is_private: bool,
}

/// How far a download got.
struct Received {
    plan: AttachmentPlan,
    next_chunk: u32,
    digest: DigestBuilder,
    to: Sender<Zeroizing<Vec<u8>>>,
}

impl Download {
    /// Gives the chunks in order, each authentic. Only the end proves that together they are the file.
    pub(crate) async fn fetch(
        self,
        pointer: AttachmentPointer,
        to: Sender<Zeroizing<Vec<u8>>>,
    ) -> Result<(), Error> {
        let plan = AttachmentPlan::from_pointer(
            pointer.size,
            pointer.chunk_size,
            &pointer.key,
            &pointer.nonce_prefix,
        )
        .map_err(|error| Error::AttachmentUnsupported(error.to_string()))?;
        let mut received = Received {
            plan,
            next_chunk: 0,
            digest: DigestBuilder::new(),
            to,
        };
        let mut tries = Tries::default();
        let mut url = None;
        while received.next_chunk < received.plan.layout().chunk_count() {
            let before = received.next_chunk;
            let tried = match &url {
                Some(url) => self.receive(url, &mut received).await,
                None => match self
                    .locate(&pointer, received.plan.layout().encrypted_size())
                    .await
                {
                    Ok(found) => {
                        url = Some(found);
                        continue;
                    }
                    Err(error) => Err(Refused::Because(error)),
                },
            };
            if received.next_chunk > before {
                tries.got_on();
            }
            let Err(refused) = tried else { continue };
            if let Refused::UrlVoid = refused {
                url = None;
            }
            let wait = tries.failed(refused.into_error())?;
            self.tasks.runtime().sleep(wait).await;
        }
        if received.digest.finish() == pointer.digest {
            Ok(())
        } else {
            Err(Error::AttachmentTampered)
        }
    }

    async fn locate(&self, pointer: &AttachmentPointer, expected: u64) -> Result<Url, Error> {
        let call = Call::LocateAttachment {
            id: pointer.attachment_id.clone(),
        };
        match self.inbox.call(call, None).await {
            Ok(Reply::Download(found)) if found.size != expected => Err(Error::AttachmentTampered),
            Ok(Reply::Download(found)) => signed_url(&found.download_url, self.relay_is_private)
                .ok_or(Error::Engine(EngineError::RelayGarbage { status: 200 })),
            Ok(_) => Err(Error::Internal(
                "the engine gave another reply than the call's",
            )),
            Err(Error::Engine(EngineError::Relay {
                code: ErrorCode::NotFound,
                ..
            })) => Err(Error::AttachmentGone),
            Err(error) => Err(error),
        }
    }

    /// Until the last chunk is there, or something is in the way.
    async fn receive(&self, url: &Url, received: &mut Received) -> Result<(), Refused> {
        let layout = *received.plan.layout();
        let from = layout
            .encrypted_range(received.next_chunk)
            .unwrap_or_default()
            .start;
        let answer = self
            .transport
            .download(url.clone(), from)
            .await
            .map_err(Refused::by_failure)?;
        let mut to_skip = match answer.status {
            206 => 0,
            200 => from,
            404 | 410 => return Err(Refused::Because(Error::AttachmentGone)),
            _ => return Err(refused(answer).await),
        };
        let mut body = answer.body;
        let mut buffer = Vec::new();
        while let Some(piece) = body.next().await {
            let mut piece = piece.map_err(Refused::by_failure)?;
            let skipped = usize::try_from(to_skip)
                .unwrap_or(usize::MAX)
                .min(piece.len());
            to_skip -= skipped as u64;
            piece.drain(..skipped);
            buffer.append(&mut piece);
            while let Some(range) = layout.encrypted_range(received.next_chunk) {
                // A chunk has 64 KiB and its tag.
                let length = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
                if buffer.len() < length {
                    break;
                }
                let rest = buffer.split_off(length);
                self.take(&buffer, received)
                    .await
                    .map_err(Refused::Because)?;
                buffer = rest;
                (self.on_progress)(Progress {
                    done: range.end,
                    total: layout.encrypted_size(),
                });
            }
            if received.next_chunk == layout.chunk_count() {
                return Ok(());
            }
        }
        Err(Refused::by_failure(TransportFailure {
            detail: "the relay's answer ended early".to_owned(),
        }))
    }

    async fn take(&self, sealed: &[u8], received: &mut Received) -> Result<(), Error> {
        let (opened, hash) = join(
            self.cipher
                .open(&received.plan, received.next_chunk, sealed),
            self.cipher.hash(sealed),
        )
        .await;
        let plain = opened.map_err(|_| Error::AttachmentTampered)?;
        received.digest.push_hash(&hash);
        received.next_chunk += 1;
        // Nobody waits any more: the download ends here.
        received.to.send(plain).await.map_err(|_| Error::Closed)
    }
}

/// The first bytes of an answer that is none say why.
async fn refused(answer: transport::Download) -> Refused {
    const ENOUGH: usize = 64 * 1024;
    let (status, mut pieces, mut body) = (answer.status, answer.body, Vec::new());
    while let Some(Ok(piece)) = pieces.next().await {
        body.extend_from_slice(&piece);
        if body.len() > ENOUGH {
            break;
        }
    }
    Refused::by_answer(&HttpResponse {
        status,
        retry_after_ms: None,
        body,
    })
}
