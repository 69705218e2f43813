//! Putting messages in, and the few changes that a message may go through.

use super::{LocalId, MessageKind, MessageState, NewMessage};
use crate::columns::Col;
use crate::{Rows, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, params};
use sealwire_wire::content::{Previous, Uid};
use sealwire_wire::{MessageId, Timestamp, UserId};

/// What became of a message that was put in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is a row of its own.
    New(LocalId),
    /// The store holds it already, by its uid or its client_seq; or it is a placeholder whose relay id is held:
    /// nothing was changed.
    Duplicate(LocalId),
}

impl Inserted {
    /// The row that holds the message, new or not.
    pub fn local_id(self) -> LocalId {
        match self {
            Self::New(id) | Self::Duplicate(id) => id,
        }
    }
}

/// What became of a placeholder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replaced {
    /// It is the message now.
    Readable,
    /// Another row holds this very message (same sender and uid): the placeholder became a tombstone.
    Duplicate(LocalId),
}

impl Transaction<'_> {
    /// Puts a message in, with its search tokens, unless the store holds it already. Its thread must exist.
    ///
    /// The relay alone says which id a message has, and a message that opened is what it is under any: a placeholder
    /// gives the place up for it, and where another message that opened stands, it goes without a place.
    pub fn insert_message(&mut self, message: &NewMessage) -> Result<Inserted, StoreError> {
        // Nearly always it is new, and its place free: that shows by putting it in.
        if let Some(id) = self.insert_new(message)? {
            return Ok(Inserted::New(id));
        }
        if let Some(held) = self.held_as(message)? {
            return Ok(Inserted::Duplicate(held));
        }
        let message_id = match self.holder_of_place(message)? {
            Some(holder) if message.kind == MessageKind::Placeholder => {
                return Ok(Inserted::Duplicate(holder));
            }
            Some(holder) if !self.give_place_up(holder)? => None,
            _ => message.message_id,
        };
        let placed = NewMessage {
            message_id,
            ..message.clone()
        };
        let inserted = self.insert_new(&placed)?;
        inserted
            .map(Inserted::New)
            .ok_or(StoreError::Conflict("message"))
    }

    /// Puts a message in, with its search tokens, if none of its names is taken: neither its uid, nor its client_seq, nor
    /// its place under the relay's id. Its thread must exist. `None`: nothing was changed.
    pub fn insert_new(&mut self, message: &NewMessage) -> Result<Option<LocalId>, StoreError> {
        let inserted = self
            .statement(
                "INSERT INTO messages (thread_id, sender_user_id, sender_device_id, client_seq, revision, message_id, uid,
                     kind, state, reason, content, text, commitment, stamp_key_id, stamp_mac, digest,
                     prev_client_seq, prev_digest, created_at_ms, local_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                Col(message.thread),
                Col(&message.sender),
                Col(message.sender_device),
                Col(message.client_seq),
                message.revision,
                Col::optional(message.message_id),
                message.uid.map(|uid| uid.0),
                message.kind,
                message.state,
                message.reason,
                message.content.as_deref(),
                message.text,
                message.commitment,
                message.stamp.as_ref().map(|stamp| stamp.key_id),
                message.stamp.as_ref().map(|stamp| stamp.mac.0),
                message.digest,
                message.prev.map(|prev| Col(prev.client_seq)),
                message.prev.map(|prev| prev.digest),
                Col::optional(message.created_at),
                Col(message.local_at),
            ])
            .map_err(|error| match StoreError::is_constraint(&error) {
                true => StoreError::NoSuch("thread"),
                false => error.into(),
            })?;
        if inserted == 0 {
            return Ok(None);
        }
        let local_id = LocalId(self.connection.last_insert_rowid());
        if let Some(text) = &message.text {
            self.index_text(local_id, text);
        }
        if message.kind != MessageKind::Reaction {
            self.note_activity(
                message.thread,
                message.created_at.unwrap_or(message.local_at),
            );
        }
        Ok(Some(local_id))
    }

    /// An own message got its digest and commitment when it was sealed, and the content that was sealed.
    pub fn note_sealed(
        &mut self,
        id: LocalId,
        content: &[u8],
        digest: &[u8; 32],
        commitment: &[u8; 32],
        prev: Option<Previous>,
    ) -> Result<(), StoreError> {
        let changed = self
            .statement(
                "UPDATE messages SET content = ?2, digest = ?3, commitment = ?4, prev_client_seq = ?5, prev_digest = ?6
                 WHERE local_id = ?1 AND state IN (1, 3)",
            )?
            .execute(params![
                id.0,
                content,
                digest,
                commitment,
                prev.map(|prev| Col(prev.client_seq)),
                prev.map(|prev| prev.digest)
            ])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("unsent message"))
        }
    }

    /// The relay accepted an own message. The same again is no error; another id is [`StoreError::Conflict`].
    pub fn confirm_sent(
        &mut self,
        id: LocalId,
        message_id: MessageId,
        created_at: Timestamp,
    ) -> Result<(), StoreError> {
        let held = self.message(id)?.ok_or(StoreError::NoSuch("own message"))?;
        if matches!(
            held.state,
            MessageState::Received | MessageState::Unreadable | MessageState::Cancelled
        ) {
            return Err(StoreError::NoSuch("own message"));
        }
        if held.message_id.is_some_and(|held_id| held_id != message_id) {
            return Err(StoreError::Conflict("message"));
        }
        let confirmed = NewMessage {
            message_id: Some(message_id),
            ..held.row.clone()
        };
        match self.holder_of_place(&confirmed)? {
            Some(holder) if holder != id => self.give_place_up(holder).map(drop)?,
            _ => {}
        }
        self.statement(
            "UPDATE messages SET state = ?2, reason = NULL, message_id = ?3, created_at_ms = ?4 WHERE local_id = ?1",
        )?
        .execute(params![id.0, MessageState::Sent, Col(message_id), Col(created_at)])
        .map_err(|error| match StoreError::is_constraint(&error) {
            true => StoreError::Conflict("message"),
            false => error.into(),
        })?;
        self.settle_activity(held.thread)
    }

    /// The outbox gave an own message up. One that the relay accepted stays as it is.
    pub fn fail_message(&mut self, id: LocalId, reason: &str) -> Result<(), StoreError> {
        let changed = self
            .statement("UPDATE messages SET state = ?2, reason = ?3 WHERE local_id = ?1 AND state IN (1, 3, 6)")?
            .execute(params![id.0, MessageState::Failed, reason])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("unsent message"))
        }
    }

    /// An own message is not to be sent any more, unless the relay has it already.
    pub fn begin_to_cancel_message(&mut self, id: LocalId) -> Result<(), StoreError> {
        let changed = self
            .statement("UPDATE messages SET state = ?2, reason = NULL WHERE local_id = ?1 AND state IN (1, 3)")?
            .execute(params![id.0, MessageState::Cancelling])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("unsent message"))
        }
    }

    /// Nobody got an own message, and nobody will: what is left is its number.
    pub fn cancel_message(&mut self, id: LocalId) -> Result<(), StoreError> {
        let changed = self
            .statement(
                "UPDATE messages SET state = ?2, digest = NULL, commitment = NULL, prev_client_seq = NULL,
                     prev_digest = NULL
                 WHERE local_id = ?1 AND state IN (1, 3, 6)",
            )?
            .execute(params![id.0, MessageState::Cancelled])?;
        if changed != 1 {
            return Err(StoreError::NoSuch("unsent message"));
        }
        self.bury_message(id)?;
        self.delete_send(id)
    }

    /// An own message that was given up is tried again, from now on.
    pub fn retry_message(&mut self, id: LocalId, now: Timestamp) -> Result<(), StoreError> {
        let changed = self
            .statement(
                "UPDATE messages SET state = ?2, reason = NULL, local_at_ms = ?4 WHERE local_id = ?1 AND state = ?3",
            )?
            .execute(params![id.0, MessageState::Pending, MessageState::Failed, Col(now)])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("failed message"))
        }
    }

    /// A placeholder's message could be read after all: everything that came with it takes the place of what the
    /// placeholder was told.
    pub fn replace_placeholder(
        &mut self,
        id: LocalId,
        readable: &NewMessage,
    ) -> Result<Replaced, StoreError> {
        let held = self.message(id)?.ok_or(StoreError::NoSuch("placeholder"))?;
        if held.kind != MessageKind::Placeholder {
            return Err(StoreError::NoSuch("placeholder"));
        }
        if let Some(uid) = readable.uid
            && let Some(other) = self.held_by_uid(&held.sender, uid)?
        {
            self.bury_message(id)?;
            return Ok(Replaced::Duplicate(other));
        }
        match self.holder_of_place(readable)? {
            Some(holder) if holder != id => self.give_place_up(holder).map(drop)?,
            _ => {}
        }
        // A relay id that another message of the thread holds is not taken: a place can be held once.
        self.statement(
            "UPDATE messages SET uid = ?2, kind = ?3, state = ?4, reason = NULL, content = ?5, text = ?6,
                 commitment = ?7, prev_client_seq = ?8, prev_digest = ?9, digest = ?10, stamp_key_id = ?11,
                 stamp_mac = ?12, created_at_ms = ?13,
                 message_id = CASE WHEN EXISTS (
                     SELECT 1 FROM messages other WHERE other.thread_id = messages.thread_id
                         AND other.message_id = ?14 AND other.revision = messages.revision AND other.local_id <> ?1)
                     THEN message_id ELSE ?14 END
             WHERE local_id = ?1",
        )?
        .execute(params![
            id.0,
            readable.uid.map(|uid| uid.0),
            readable.kind,
            readable.state,
            readable.content.as_deref(),
            readable.text,
            readable.commitment,
            readable.prev.map(|prev| Col(prev.client_seq)),
            readable.prev.map(|prev| prev.digest),
            readable.digest,
            readable.stamp.as_ref().map(|stamp| stamp.key_id),
            readable.stamp.as_ref().map(|stamp| stamp.mac.0),
            Col::optional(readable.created_at),
            Col::optional(readable.message_id),
        ])?;
        if let Some(text) = &readable.text {
            self.index_text(id, text);
        }
        Ok(Replaced::Readable)
    }

    /// A placeholder stays one, for another reason than before.
    pub fn set_placeholder_reason(&mut self, id: LocalId, reason: &str) -> Result<(), StoreError> {
        let changed = self
            .statement("UPDATE messages SET reason = ?2 WHERE local_id = ?1 AND kind = ?3")?
            .execute(params![id.0, reason, MessageKind::Placeholder])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("placeholder"))
        }
    }

    /// Takes a message's content away, from search too. What marks it against repeats stays for ever.
    pub fn bury_message(&mut self, id: LocalId) -> Result<(), StoreError> {
        let changed = self
            .statement(
                "UPDATE messages SET kind = ?2, content = NULL, text = NULL, reason = NULL WHERE local_id = ?1",
            )?
            .execute(params![id.0, MessageKind::Tombstone])?;
        if changed != 1 {
            return Err(StoreError::NoSuch("message"));
        }
        self.unindex(id)
    }

    /// A tombstone of a message that was never here holds nothing but its number: it gives way to the message. Whether it
    /// was one.
    pub fn give_number_up(&mut self, id: LocalId) -> Result<bool, StoreError> {
        let gone = self
            .statement(
                "DELETE FROM messages WHERE local_id = ?1 AND kind = ?2 AND state = ?3 AND uid IS NULL AND digest IS NULL",
            )?
            .execute(params![id.0, MessageKind::Tombstone, MessageState::Received])?;
        Ok(gone == 1)
    }

    /// A placeholder that stands where a message belongs was never one: it goes. Whether it was a placeholder.
    fn give_place_up(&mut self, holder: LocalId) -> Result<bool, StoreError> {
        let gone = self
            .statement("DELETE FROM messages WHERE local_id = ?1 AND kind = ?2")?
            .execute(params![holder.0, MessageKind::Placeholder])?;
        Ok(gone == 1)
    }
}

impl Rows {
    /// The row that one of a message's own names leads to; the relay id is the relay's.
    fn held_as(&self, message: &NewMessage) -> Result<Option<LocalId>, StoreError> {
        if let Some(uid) = message.uid
            && let Some(held) = self.held_by_uid(&message.sender, uid)?
        {
            return Ok(Some(held));
        }
        let by_client_seq = self
            .statement(
                "SELECT local_id FROM messages WHERE thread_id = ?1 AND sender_user_id = ?2 AND sender_device_id = ?3
                     AND client_seq = ?4 AND revision = ?5",
            )?
            .query_row(
                params![
                    Col(message.thread),
                    Col(&message.sender),
                    Col(message.sender_device),
                    Col(message.client_seq),
                    message.revision
                ],
                |row| row.get(0).map(LocalId),
            )
            .optional()?;
        Ok(by_client_seq)
    }

    /// The row under a message's relay id, whatever it is.
    fn holder_of_place(&self, message: &NewMessage) -> Result<Option<LocalId>, StoreError> {
        let Some(message_id) = message.message_id else {
            return Ok(None);
        };
        Ok(self
            .statement("SELECT local_id FROM messages WHERE thread_id = ?1 AND message_id = ?2 AND revision = ?3")?
            .query_row(params![Col(message.thread), Col(message_id), message.revision], |row| {
                row.get(0).map(LocalId)
            })
            .optional()?)
    }

    fn held_by_uid(&self, sender: &UserId, uid: Uid) -> Result<Option<LocalId>, StoreError> {
        Ok(self
            .statement("SELECT local_id FROM messages WHERE sender_user_id = ?1 AND uid = ?2")?
            .query_row(params![Col(sender), uid.0], |row| row.get(0).map(LocalId))
            .optional()?)
    }
}
