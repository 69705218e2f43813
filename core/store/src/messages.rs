//! Messages, one row a revision. The row is also the mark against repeats: it becomes a tombstone, it never goes.

use crate::SecretBytes;
use crate::columns::{Col, number_column};
use rusqlite::Row;
use sealwire_wire::content::{Previous, Uid};
use sealwire_wire::contract::Stamp;
use sealwire_wire::{Bytes32, ClientSeq, DeviceId, MessageId, ThreadId, Timestamp, UserId};

mod expiry;
mod read;
mod write;

pub use read::{HeldRange, PageCursor};
pub use write::{Inserted, Replaced};

/// A message's number in this store: given in the order of arrival, never given again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalId(pub i64);

/// A message as the store holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its number in this store.
    pub local_id: LocalId,
    /// How far it got among the others of its thread, as the marks of now have it.
    pub reached: Reached,
    /// All else.
    pub row: NewMessage,
}

/// How far a message of this account got among the others of its thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reached {
    /// It is of somebody else, or not at the relay.
    Nothing,
    /// The relay has it.
    Relay,
    /// Every recipient has it.
    Everybody,
    /// Every recipient has read it.
    Readers,
    /// It did not reach a recipient, for this reason (a stable code).
    Failed(String),
}

/// A message as it is put in.
#[derive(Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Where.
    pub thread: ThreadId,
    /// By whom.
    pub sender: UserId,
    /// On which device.
    pub sender_device: DeviceId,
    /// That device's number of the send.
    pub client_seq: ClientSeq,
    /// 0, and one more with each edit.
    pub revision: u32,
    /// The relay's id; none until the relay accepted it.
    pub message_id: Option<MessageId>,
    /// The random name inside the content; none while the content could not be read.
    pub uid: Option<Uid>,
    /// What it holds.
    pub kind: MessageKind,
    /// Where it is on its way.
    pub state: MessageState,
    /// Why it could not be read or sent, a stable code.
    pub reason: Option<String>,
    /// Content as received, kept byte for byte so that a report can prove it, its franking key among them.
    pub content: Option<SecretBytes>,
    /// What is shown and searched: the text, or an attachment's caption and name.
    pub text: Option<String>,
    /// The commitment as sent.
    pub commitment: Option<[u8; 32]>,
    /// The relay's word on it.
    pub stamp: Option<Stamp>,
    /// SHA-256 of the ciphertext; none until sealed.
    pub digest: Option<[u8; 32]>,
    /// The message of that device before it.
    pub prev: Option<Previous>,
    /// The relay's clock; none until the relay accepted it.
    pub created_at: Option<Timestamp>,
    /// This device's clock.
    pub local_at: Timestamp,
}

/// What a message holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// Words.
    Text,
    /// A file, perhaps with words.
    Attachment,
    /// Of a later version: kept until this device can show it.
    Unknown,
    /// Nothing yet: it could not be read, for the reason beside it.
    Placeholder,
    /// Nothing any more.
    Tombstone,
    /// Said of another message: never unread, never the last of its thread.
    Reaction,
}
number_column!(MessageKind { Text = 1, Attachment = 2, Unknown = 3, Placeholder = 4, Tombstone = 5, Reaction = 6 });

/// Where a message is on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// Own, not accepted by the relay yet.
    Pending,
    /// Own, accepted by the relay.
    Sent,
    /// Own, given up for the reason beside it; may be tried again.
    Failed,
    /// From another device, read.
    Received,
    /// From another device, not read for the reason beside it.
    Unreadable,
    /// Own, not to be sent any more: the relay is asked whether it has it already.
    Cancelling,
    /// Own, and nobody got it: a tombstone.
    Cancelled,
}
number_column!(MessageState {
    Pending = 1, Sent = 2, Failed = 3, Received = 4, Unreadable = 5, Cancelling = 6, Cancelled = 7
});

impl std::ops::Deref for Message {
    type Target = NewMessage;

    fn deref(&self) -> &NewMessage {
        &self.row
    }
}

impl Message {
    /// A message of somebody else as it was just put in under this number.
    pub fn of_somebody_else(local_id: LocalId, row: NewMessage) -> Self {
        Self {
            local_id,
            reached: Reached::Nothing,
            row,
        }
    }
}

/// Every column, in the order that [`read_message`] takes them. A macro, so that statements stay literals.
macro_rules! message_columns {
    () => {
        "m.local_id, m.thread_id, m.sender_user_id, m.sender_device_id, m.client_seq, m.revision, m.message_id, m.uid, \
         m.kind, m.state, m.reason, m.content, m.text, m.commitment, m.stamp_key_id, m.stamp_mac, m.digest, \
         m.prev_client_seq, m.prev_digest, m.created_at_ms, m.local_at_ms, \
         CASE WHEN m.message_id IS NULL OR NOT (m.state = 2 OR m.state = 4 \
                  AND m.sender_user_id = (SELECT user_id FROM account WHERE id = 1)) THEN 0 \
              ELSE (SELECT 1 + coalesce(m.message_id <= t.delivered_to_all, 0) + coalesce(m.message_id <= t.read_by_all, 0) \
                    FROM threads t WHERE t.thread_id = m.thread_id) END, \
         CASE WHEN m.message_id IS NULL OR m.state NOT IN (2, 4) THEN NULL \
              ELSE (SELECT CASE u.state WHEN 1 THEN u.reason ELSE '' END FROM unreached u \
                    WHERE u.thread_id = m.thread_id AND u.message_id = m.message_id AND u.state <> 3 \
                    ORDER BY u.user_id LIMIT 1) END"
    };
}
pub(crate) use message_columns;

/// A row of [`message_columns`].
pub(crate) fn read_message(row: &Row<'_>) -> rusqlite::Result<Message> {
    let stamp_key_id: Option<u32> = row.get(14)?;
    let stamp_mac: Option<Col<[u8; 32]>> = row.get(15)?;
    let prev_client_seq: Option<Col<ClientSeq>> = row.get(17)?;
    let prev_digest: Option<Col<[u8; 32]>> = row.get(18)?;
    Ok(Message {
        local_id: LocalId(row.get(0)?),
        reached: read_reached(row)?,
        row: NewMessage {
            thread: row.get::<_, Col<_>>(1)?.0,
            sender: row.get::<_, Col<_>>(2)?.0,
            sender_device: row.get::<_, Col<_>>(3)?.0,
            client_seq: row.get::<_, Col<_>>(4)?.0,
            revision: row.get(5)?,
            message_id: row.get::<_, Option<Col<_>>>(6)?.map(|id| id.0),
            uid: row.get::<_, Option<Col<_>>>(7)?.map(|uid| Uid(uid.0)),
            kind: row.get(8)?,
            state: row.get(9)?,
            reason: row.get(10)?,
            content: row.get::<_, Option<_>>(11)?.map(SecretBytes::new),
            text: row.get(12)?,
            commitment: row.get::<_, Option<Col<_>>>(13)?.map(|bytes| bytes.0),
            stamp: stamp_key_id.zip(stamp_mac).map(|(key_id, mac)| Stamp {
                key_id,
                mac: Bytes32(mac.0),
            }),
            digest: row.get::<_, Option<Col<_>>>(16)?.map(|bytes| bytes.0),
            prev: prev_client_seq
                .zip(prev_digest)
                .map(|(client_seq, digest)| Previous {
                    client_seq: client_seq.0,
                    digest: digest.0,
                }),
            created_at: row.get::<_, Option<Col<_>>>(19)?.map(|at| at.0),
            local_at: row.get::<_, Col<_>>(20)?.0,
        },
    })
}

/// The last two columns: how many marks of everybody cover it, and what is said of it apart (empty: on its way again).
fn read_reached(row: &Row<'_>) -> rusqlite::Result<Reached> {
    let covered: i64 = row.get(21)?;
    let apart: Option<String> = row.get(22)?;
    Ok(match (covered, apart) {
        (0, _) => Reached::Nothing,
        (_, Some(reason)) if !reason.is_empty() => Reached::Failed(reason),
        (1, _) | (_, Some(_)) => Reached::Relay,
        (2, _) => Reached::Everybody,
        _ => Reached::Readers,
    })
}

#[cfg(test)]
mod tests;
