//! How the relay's types stand in columns, and how they come back: a value that does not fit is an error, never absence.

use rusqlite::types::Type;
use rusqlite::{Error, Row};
use sealwire_wire::contract::{
    DeviceName, EnvelopeBody, EnvelopeType, MessageKind, MessageRow, Removal, RemovalReason, Stamp,
    ThreadKind,
};
use sealwire_wire::{Base64, Bytes32, ClientSeq, DeviceId, MessageId, ThreadId, Timestamp, UserId};
use std::str::FromStr;

/// The columns that [`message`] reads, with the reader's envelope in the last two: `message` as `m`, `envelope` as `e`.
pub(super) const MESSAGE: &str = "m.thread_id, m.id, m.sender_id, m.sender_device_id, m.client_seq, m.revision, m.kind, \
     m.target_id, m.ttl_seconds, m.ciphertext, m.commitment, m.stamp_key_id, m.stamp_mac, m.created_at, \
     m.requeued_at, m.removed_reason, m.removed_at, e.kind, e.body";

/// The row under the columns of [`MESSAGE`], which begin at `at`.
pub(super) fn message(row: &Row<'_>, at: usize) -> rusqlite::Result<MessageRow> {
    let target: Option<[u8; 16]> = row.get(at + 7)?;
    let kind: Option<i64> = row.get(at + 17)?;
    let envelope = kind
        .map(|kind| {
            Ok::<_, Error>(EnvelopeBody {
                kind: envelope_type(kind, at + 17)?,
                body: bytes(row, at + 18)?,
            })
        })
        .transpose()?;
    Ok(MessageRow {
        thread_id: thread_id(row, at)?,
        id: message_id(row, at + 1)?,
        sender_id: text(row, at + 2)?,
        sender_device_id: device_id(row, at + 3)?,
        client_seq: client_seq(row, at + 4)?,
        revision: row.get(at + 5)?,
        kind: match row.get::<_, i64>(at + 6)? {
            0 => MessageKind::Message,
            1 => MessageKind::Reaction,
            _ => return Err(misfit(at + 6, Type::Integer)),
        },
        target_msg_id: target.map(MessageId::from_bytes),
        ttl_seconds: row.get(at + 8)?,
        ciphertext: bytes(row, at + 9)?,
        commitment: Bytes32(row.get(at + 10)?),
        stamp: Stamp {
            key_id: row.get(at + 11)?,
            mac: Bytes32(row.get(at + 12)?),
        },
        created_at: timestamp(row, at + 13)?,
        envelope,
        requeued_at: some_timestamp(row, at + 14)?,
        removed: match some_timestamp(row, at + 16)? {
            Some(removed_at) => Some(Removal {
                reason: removal_reason(row, at + 15)?,
                at: removed_at,
            }),
            None => None,
        },
    })
}

pub(super) fn text<T: FromStr>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    let text: String = row.get(at)?;
    text.parse().map_err(|_| misfit(at, Type::Text))
}

pub(super) fn bytes(row: &Row<'_>, at: usize) -> rusqlite::Result<Base64> {
    row.get(at).map(Base64)
}

pub(super) fn device_id(row: &Row<'_>, at: usize) -> rusqlite::Result<DeviceId> {
    DeviceId::new(row.get(at)?).map_err(|_| misfit(at, Type::Integer))
}

pub(super) fn device_name(row: &Row<'_>, at: usize) -> rusqlite::Result<DeviceName> {
    Ok(DeviceName {
        user_id: text::<UserId>(row, at)?,
        device_id: device_id(row, at + 1)?,
    })
}

pub(super) fn thread_id(row: &Row<'_>, at: usize) -> rusqlite::Result<ThreadId> {
    row.get(at).map(ThreadId::from_bytes)
}

pub(super) fn message_id(row: &Row<'_>, at: usize) -> rusqlite::Result<MessageId> {
    row.get(at).map(MessageId::from_bytes)
}

pub(super) fn client_seq(row: &Row<'_>, at: usize) -> rusqlite::Result<ClientSeq> {
    row.get(at).map(|bits: i64| ClientSeq(bits.cast_unsigned()))
}

pub(super) fn some_timestamp(row: &Row<'_>, at: usize) -> rusqlite::Result<Option<Timestamp>> {
    match row.get::<_, Option<i64>>(at)? {
        Some(_) => timestamp(row, at).map(Some),
        None => Ok(None),
    }
}

fn removal_reason(row: &Row<'_>, at: usize) -> rusqlite::Result<RemovalReason> {
    match row.get::<_, i64>(at)? {
        0 => Ok(RemovalReason::Expired),
        _ => Err(misfit(at, Type::Integer)),
    }
}

pub(super) fn timestamp(row: &Row<'_>, at: usize) -> rusqlite::Result<Timestamp> {
    number(row, at).map(Timestamp)
}

/// A count or version, which is never negative.
pub(super) fn number<T: TryFrom<i64>>(row: &Row<'_>, at: usize) -> rusqlite::Result<T> {
    T::try_from(row.get(at)?).map_err(|_| misfit(at, Type::Integer))
}

pub(super) fn thread_kind(row: &Row<'_>, at: usize) -> rusqlite::Result<ThreadKind> {
    match row.get::<_, i64>(at)? {
        0 => Ok(ThreadKind::Direct),
        1 => Ok(ThreadKind::Group),
        _ => Err(misfit(at, Type::Integer)),
    }
}

pub(super) fn envelope_type(number: i64, at: usize) -> rusqlite::Result<EnvelopeType> {
    match number {
        0 => Ok(EnvelopeType::Prekey),
        1 => Ok(EnvelopeType::Ratchet),
        _ => Err(misfit(at, Type::Integer)),
    }
}

pub(super) fn of_envelope_type(kind: EnvelopeType) -> i64 {
    match kind {
        EnvelopeType::Prekey => 0,
        EnvelopeType::Ratchet => 1,
    }
}

pub(super) fn of_message_kind(kind: MessageKind) -> i64 {
    match kind {
        MessageKind::Message => 0,
        MessageKind::Reaction => 1,
    }
}

pub(super) fn of_thread_kind(kind: ThreadKind) -> i64 {
    match kind {
        ThreadKind::Direct => 0,
        ThreadKind::Group => 1,
    }
}

/// Times and versions beyond i64 do not come; one that did is held at the end.
pub(super) fn of_number(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn of_seq(seq: ClientSeq) -> i64 {
    seq.0.cast_signed()
}

fn misfit(at: usize, found: Type) -> Error {
    Error::InvalidColumnType(at, "a value that the relay never wrote".to_owned(), found)
}
