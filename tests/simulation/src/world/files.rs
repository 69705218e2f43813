//! Files between an app and the relay, as the SDK carries them: room first, then the bytes, then the message that names them.

use super::{Happening, World};
use crate::Broken;
use crate::device::Asked;
use crate::faults::Fault;
use crate::files::{self, SealedFile, file_of};
use sealwire_engine::{Call, EngineError, Message, NewAttachment};
use sealwire_store::Store;
use sealwire_wire::content::AttachmentPointer;
use sealwire_wire::contract::{AttachmentDownload, AttachmentUpload, ErrorCode};
use sealwire_wire::{AttachmentId, ThreadId};

/// An upload that came to nothing is tried again after so long at most.
const AGAIN_WITHIN_MS: u64 = 20_000;

impl World {
    /// An app sends the file of a message: it looks first whether an earlier process did.
    pub(crate) fn sends_file(&mut self, number: u64, size: u64) -> Result<(), Broken> {
        let Some(typed) = self.truth.get(number) else {
            return Ok(());
        };
        let (at, key) = (typed.device, typed.key);
        let device = &self.devices[at];
        let Some(engine) = &device.engine else {
            return Ok(());
        };
        if device.uploads.contains(&number) {
            return Ok(());
        }
        let held = engine.store().message_by_uid(&device.user, key);
        let held = held.map_err(|error| Broken::new("a message can be read", error))?;
        if let Some(row) = held {
            return self.truth.is_queued(number, &Message::from_row(row));
        }
        self.devices[at].uploads.insert(number);
        let encrypted_size = files::sealed_size(size)?;
        let call = Call::CreateAttachment { encrypted_size };
        self.call(at, call, Asked::Room(number))
    }

    /// The relay has room for a file, or said why it has none.
    pub(super) fn has_room(
        &mut self,
        at: usize,
        number: u64,
        room: Result<AttachmentUpload, EngineError>,
    ) -> Result<(), Broken> {
        let file = self.truth.get(number).and_then(|typed| typed.file_size);
        let (Ok(room), Some(size)) = (room, file) else {
            // The app says that it could not be sent; its person taps again.
            self.devices[at].uploads.remove(&number);
            return Ok(());
        };
        let chance = self.devices[at].chance.apart();
        let file = Box::new(files::seal(room.id, &file_of(number, size), chance)?);
        self.journal.bytes(&file.sealed);
        let (life, after) = (self.devices[at].life, self.latency());
        self.plan(
            after,
            Happening::Upload {
                device: at,
                life,
                number,
                file,
            },
        );
        Ok(())
    }

    /// The bytes arrive, or do not.
    pub(super) fn uploads(
        &mut self,
        at: usize,
        life: u64,
        number: u64,
        file: Box<SealedFile>,
    ) -> Result<(), Broken> {
        if self.devices[at].life != life || self.devices[at].engine.is_none() {
            return Ok(());
        }
        let (place, label) = (self.place(), self.devices[at].label());
        let came = if self.goes_wrong(Fault::RequestLost) {
            Err("lost".to_owned())
        } else {
            let taken = self.relay.take_blob(&file.id, &file.sealed)?;
            let taken = taken.map_err(|refusal| refusal.to_string());
            match self.goes_wrong(Fault::AnswerLost) {
                true => Err("no answer came".to_owned()),
                false => taken,
            }
        };
        self.journal.note(
            place,
            Some(number),
            format_args!("{label} uploads its file: {came:?}"),
        );
        if came.is_err() {
            let after = self.chance.between(500, AGAIN_WITHIN_MS);
            self.plan(
                after,
                Happening::Upload {
                    device: at,
                    life,
                    number,
                    file,
                },
            );
            return Ok(());
        }
        self.devices[at].uploads.remove(&number);
        let Some(typed) = self.truth.get(number) else {
            return Ok(());
        };
        let (thread, user_id) = (typed.thread, typed.peer.clone());
        let attachment = Box::new(NewAttachment {
            pointer: file.pointer,
            caption: typed.text.clone(),
            ttl_seconds: typed.ttl_seconds,
            key: Some(typed.key),
        });
        self.call(at, Call::DirectThread { user_id }, Asked::Nothing)?;
        let call = Call::SendAttachment { thread, attachment };
        self.call(at, call, Asked::Send(number))
    }

    /// Somebody wants to see a file that came.
    pub(crate) fn opens_file(&mut self, at: usize, thread: ThreadId) -> Result<(), Broken> {
        let Some(engine) = &self.devices[at].engine else {
            return Ok(());
        };
        let Some((number, pointer)) = self.newest_file(engine.store(), thread)? else {
            return Ok(());
        };
        let id = pointer.attachment_id.clone();
        let asked = Asked::File(number, id.clone());
        self.call(at, Call::LocateAttachment { id }, asked)
    }

    /// The relay says where a file is, or why it does not.
    pub(super) fn is_located(
        &mut self,
        at: usize,
        (number, id): (u64, AttachmentId),
        found: Result<AttachmentDownload, EngineError>,
    ) -> Result<(), Broken> {
        let invariant = "whoever was sent a file can fetch it";
        let broken = |detail: String| Err(Broken::new(invariant, detail).about(number));
        let device = &self.devices[at];
        match found {
            Ok(found) => match self.relay.blob_bytes(&id) {
                Some(bytes) if bytes.len() as u64 == found.size => Ok(()),
                other => broken(format!("{:?}", other.map(|bytes| bytes.len()))),
            },
            Err(EngineError::Relay { code, .. })
                if device.counts()
                    && matches!(code, ErrorCode::NotAParticipant | ErrorCode::NotFound) =>
            {
                broken(format!("{}: {code:?}", device.label()))
            }
            // Offline, or the relay was not to be had.
            Err(_) => Ok(()),
        }
    }

    /// A file that a message names is the one that was sent with it.
    pub(crate) fn opens_as_sent(&self, number: u64, message: &Message) -> Result<(), Broken> {
        let broken = |detail: String| {
            let invariant = "a file opens as it was sent";
            Err(Broken::new(invariant, detail).about(number))
        };
        let size = self.truth.get(number).and_then(|typed| typed.file_size);
        match (size, message.attachment()) {
            (None, None) => Ok(()),
            (Some(size), Some(pointer)) => {
                let sealed = match self.relay.blob_bytes(&pointer.attachment_id) {
                    Some(sealed) => sealed,
                    // What no message that was sent names the relay forgets after a week.
                    None if message.id.is_none() => return Ok(()),
                    None => return broken("its bytes are gone".to_owned()),
                };
                match files::open(pointer, &sealed) {
                    Ok(file) if file == file_of(number, size) => Ok(()),
                    Ok(_) => broken("it is another".to_owned()),
                    Err(why) => broken(why),
                }
            }
            (size, pointer) => broken(format!("{size:?}, {}", pointer.is_some())),
        }
    }

    fn newest_file(
        &self,
        store: &Store,
        thread: ThreadId,
    ) -> Result<Option<(u64, AttachmentPointer)>, Broken> {
        let page = store.page(thread, None, 20);
        let page = page.map_err(|error| Broken::new("a thread can be read", error))?;
        let mut files = page.into_iter().map(Message::from_row).filter_map(|row| {
            let number = row.text().and_then(crate::truth::Truth::number_of)?;
            // What the relay does not have yet nobody else can fetch.
            row.id?;
            Some((number, row.attachment()?.clone()))
        });
        Ok(files.next())
    }
}
