//! Sending and fetching attachments.

use super::Client;
use super::messaging::queued;
#[cfg(not(target_family = "wasm"))]
use super::part::Part;
use crate::Error;
use crate::attachments::{Attachment, Download, OnProgress, Progress, Upload};
use crate::bounds::{MaybeSend, MaybeSync};
use crate::driver::Status;
use async_channel::{Receiver, Sender};
use futures_util::io::{AsyncWrite, AsyncWriteExt as _};
use sealwire_engine::Message;
use sealwire_wire::ThreadId;
use std::panic::{AssertUnwindSafe, catch_unwind};
#[cfg(not(target_family = "wasm"))]
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use zeroize::Zeroizing;

impl Client {
    /// Encrypts and uploads the attachment, then sends a message that points to it: durable here when this returns.
    ///
    /// The upload needs the relay and is tried again for a while; the process has to live until it is done.
    /// Codes: `attachment_too_large`, `attachment_source`, `attachment_transfer`, `network`, and those of
    /// [`Client::send_text`]; `text_too_long` counts caption, name and type together.
    pub async fn send_attachment(
        &self,
        thread: ThreadId,
        attachment: Attachment,
        on_progress: impl Fn(Progress) + MaybeSend + MaybeSync + 'static,
    ) -> Result<Message, Error> {
        let upload = Upload {
            inbox: self.shared.inbox.clone(),
            queries: self.shared.queries.clone(),
            transport: Arc::clone(&self.shared.transport),
            cipher: Arc::clone(&self.shared.cipher),
            tasks: self.shared.tasks.clone(),
            folder: self.shared.uploads.clone(),
            on_progress: told(on_progress),
            relay_is_private: self.shared.relay_is_private,
            user: self.account().map(|(user, _)| user),
        };
        let (promise, answer) = self.promise();
        self.shared.tasks.spawn(async move {
            promise.keep(upload.send(thread, attachment).await);
        });
        queued(answer.recv().await.unwrap_or(Err(Error::Closed))?)
    }

    /// The bytes of a message's attachment: all of them, as they were sent.
    ///
    /// Codes: `no_attachment`, `attachment_gone`, `attachment_tampered`, `attachment_transfer`, `network`.
    pub async fn download_attachment(
        &self,
        message: &Message,
        on_progress: impl Fn(Progress) + MaybeSend + MaybeSync + 'static,
    ) -> Result<Vec<u8>, Error> {
        let mut bytes = Vec::new();
        self.download_attachment_to(message, &mut bytes, on_progress)
            .await?;
        Ok(bytes)
    }

    /// Writes a message's attachment, chunk by chunk, in constant memory.
    ///
    /// Every chunk is authentic before it is written, but only a return without error says that all of them are there and
    /// are what was sent: throw away what was written otherwise. Dropping the future ends the download.
    ///
    /// The writer is one of the `futures` crates, not of Tokio: `tokio_util::compat` turns the one into the other.
    /// Codes: those of [`Client::download_attachment`] and `attachment_sink`.
    pub async fn download_attachment_to(
        &self,
        message: &Message,
        writer: impl AsyncWrite,
        on_progress: impl Fn(Progress) + MaybeSend + MaybeSync + 'static,
    ) -> Result<(), Error> {
        let (chunks, done) = self.fetch(message, told(on_progress))?;
        let mut writer = pin!(writer);
        while let Ok(chunk) = chunks.recv().await {
            writer
                .write_all(&chunk)
                .await
                .map_err(Error::AttachmentSink)?;
        }
        done.recv().await.unwrap_or(Err(Error::Closed))?;
        writer.flush().await.map_err(Error::AttachmentSink)
    }

    /// Writes a message's attachment to this file: whole, or not at all. What comes in lies beside it until then, under the
    /// same name with `.part`. Dropping the future ends the download.
    ///
    /// Codes: those of [`Client::download_attachment`] and `attachment_sink`.
    #[cfg(not(target_family = "wasm"))]
    pub async fn download_attachment_to_file(
        &self,
        message: &Message,
        path: impl Into<PathBuf>,
        on_progress: impl Fn(Progress) + MaybeSend + MaybeSync + 'static,
    ) -> Result<(), Error> {
        let (chunks, done) = self.fetch(message, told(on_progress))?;
        let runtime = self.shared.tasks.runtime();
        let written = async {
            let mut part = Part::create(path.into(), runtime).await?;
            while let Ok(chunk) = chunks.recv().await {
                part = part.write(chunk, runtime).await?;
            }
            done.recv().await.unwrap_or(Err(Error::Closed))?;
            part.finish(runtime).await
        };
        // A client that sleeps writes nothing either.
        written.await.map_err(|error| match error {
            Error::Closed if self.shared.status.get().suspended => Error::Suspended,
            error => error,
        })
    }

    fn fetch(
        &self,
        message: &Message,
        on_progress: OnProgress,
    ) -> Result<(Receiver<Chunk>, Receiver<Done>), Error> {
        let pointer = message.attachment().ok_or(Error::NoAttachment)?.clone();
        let download = Download {
            inbox: self.shared.inbox.clone(),
            transport: Arc::clone(&self.shared.transport),
            cipher: Arc::clone(&self.shared.cipher),
            tasks: self.shared.tasks.clone(),
            on_progress,
            relay_is_private: self.shared.relay_is_private,
        };
        // As many as are opened ahead of a slow writer.
        let (to, chunks) = async_channel::bounded(2);
        let (promise, answer) = self.promise();
        self.shared.tasks.spawn(async move {
            promise.keep(download.fetch(pointer, to).await);
        });
        Ok((chunks, answer))
    }

    fn promise<T>(&self) -> (Promise<T>, Receiver<Result<T, Error>>) {
        let (done, answer) = async_channel::bounded(1);
        let status = self.shared.status.clone();
        (Promise { done, status }, answer)
    }
}

/// The answer of a task. A task that was ended before it had one says why.
struct Promise<T> {
    done: Sender<Result<T, Error>>,
    status: Status,
}

impl<T> Promise<T> {
    fn keep(self, answer: Result<T, Error>) {
        // Nobody waiting any more is no fault.
        let _ = self.done.try_send(answer);
    }
}

impl<T> Drop for Promise<T> {
    fn drop(&mut self) {
        let why = match self.status.get().suspended {
            true => Error::Suspended,
            false => Error::Closed,
        };
        // There is room for one answer alone: the one that was given stands.
        let _ = self.done.try_send(Err(why));
    }
}

type Chunk = Zeroizing<Vec<u8>>;
type Done = Result<(), Error>;

/// A transfer goes on, whatever the app does when it is told of it.
fn told(on_progress: impl Fn(Progress) + MaybeSend + MaybeSync + 'static) -> OnProgress {
    Arc::new(move |progress| {
        // What the app's own panic hook said of it is all there is to say.
        let _ = catch_unwind(AssertUnwindSafe(|| on_progress(progress)));
    })
}
