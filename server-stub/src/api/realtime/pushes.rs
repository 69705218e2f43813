//! What was pushed to a socket and waits for it.

use crate::service::Push;
use sealwire_wire::contract::{EnvelopeBody, MessageRow, ServerEvent, ServerFrame};
use std::collections::VecDeque;
use std::io::{ErrorKind, Write as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Messages that wait for one socket, at most: each may hold 64 KiB. What comes beyond is read from storage.
const WAITING_MAX: usize = 32;

/// What waits for one socket.
#[derive(Default)]
pub(super) struct Pushes(Mutex<Waiting>);

/// What came since the last look.
#[derive(Default)]
pub(super) struct Waiting {
    /// Messages, in the order in which they were pushed.
    pub(super) messages: VecDeque<Push>,
    /// Whether storage has something that was not pushed.
    pub(super) look: bool,
}

impl Pushes {
    /// A message for the socket; none when only storage knows it.
    pub(super) fn push(&self, message: Option<Push>) {
        let mut waiting = self.lock();
        match message {
            Some(message) if !waiting.look && waiting.messages.len() < WAITING_MAX => {
                waiting.messages.push_back(message);
            }
            _ => waiting.look = true,
        }
    }

    pub(super) fn take(&self) -> Waiting {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The frame of a message for one device; of `common` there is one for all devices.
pub(super) fn message_frame(
    frame_seq: u64,
    common: &str,
    envelope: Option<&EnvelopeBody>,
) -> Result<String, serde_json::Error> {
    let body = envelope.map_or(0, |envelope| envelope.body.0.len());
    let mut frame = with_room(common.len() + base64_length(body));
    write!(
        frame,
        r#"{{"frame_seq":{frame_seq},"t":"msg","message":{common}"envelope":"#
    )
    .map_err(serde_json::Error::io)?;
    serde_json::to_writer(&mut frame, &envelope)?;
    frame.extend_from_slice(b"}}");
    text(frame)
}

/// A row's JSON up to its envelope, if nothing comes after that.
pub(super) fn common(row: &MessageRow) -> Option<String> {
    let mut json = with_room(base64_length(row.ciphertext.0.len()));
    serde_json::to_writer(&mut json, row).ok()?;
    let mut text = text(json).ok()?;
    text.truncate(text.strip_suffix(r#""envelope":null}"#)?.len());
    Some(text)
}

/// The same frame, when the common part can not stand for it.
pub(super) fn whole_frame(
    frame_seq: u64,
    row: &MessageRow,
    envelope: Option<EnvelopeBody>,
) -> Result<String, serde_json::Error> {
    let message = Box::new(MessageRow {
        envelope,
        ..row.clone()
    });
    let event = ServerEvent::Msg { message };
    serde_json::to_string(&ServerFrame { frame_seq, event })
}

/// For so many bytes and the names and numbers around them: what grows step by step is copied as often.
fn with_room(bytes: usize) -> Vec<u8> {
    const AROUND: usize = 768;
    Vec::with_capacity(bytes + AROUND)
}

fn base64_length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// What was written as JSON is text.
fn text(json: Vec<u8>) -> Result<String, serde_json::Error> {
    let no_text = |error| std::io::Error::new(ErrorKind::InvalidData, error);
    String::from_utf8(json).map_err(|error| serde_json::Error::io(no_text(error)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sealwire_wire::contract::{EnvelopeType, MessageKind, Stamp};
    use sealwire_wire::{Base64, Bytes32, ClientSeq, DeviceId, MessageId, ThreadId, Timestamp};

    fn row() -> MessageRow {
        let alice = "alice".parse().unwrap();
        MessageRow {
            id: MessageId::from_u128(7),
            thread_id: ThreadId::direct(&alice, &"bob".parse().unwrap()),
            sender_id: alice,
            sender_device_id: DeviceId::FIRST,
            client_seq: ClientSeq(3),
            revision: 0,
            kind: MessageKind::Message,
            target_msg_id: None,
            ttl_seconds: Some(60),
            ciphertext: Base64(vec![9; 50]),
            commitment: Bytes32([1; 32]),
            stamp: Stamp {
                key_id: 1,
                mac: Bytes32([2; 32]),
            },
            created_at: Timestamp(5),
            envelope: None,
            requeued_at: None,
            removed: None,
        }
    }

    #[test]
    fn a_frame_made_of_a_common_part_says_what_the_whole_one_says() {
        let envelope = EnvelopeBody {
            kind: EnvelopeType::Ratchet,
            body: Base64(vec![4; 20]),
        };
        for (envelope, requeued_at) in [(Some(envelope), None), (None, Some(Timestamp(9)))] {
            let row = || MessageRow {
                requeued_at,
                ..row()
            };
            let quick = message_frame(12, &common(&row()).unwrap(), envelope.as_ref()).unwrap();
            let whole = whole_frame(12, &row(), envelope).unwrap();
            let read = |text: &str| serde_json::from_str::<ServerFrame>(text).unwrap();
            assert_eq!(read(&quick), read(&whole), "{quick}\n{whole}");
        }
    }

    #[test]
    fn what_does_not_fit_is_left_to_storage() {
        let pushes = Pushes::default();
        pushes.push(None);
        let waiting = pushes.take();
        assert!(waiting.look && waiting.messages.is_empty());
        assert!(!pushes.take().look);
    }
}
