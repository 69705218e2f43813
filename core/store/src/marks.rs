//! How far everybody is in each thread: marks that never fall, and the messages that they do not cover.

use crate::columns::{Col, number_column};
use crate::{LocalId, Message, Rows, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, params};
use sealwire_wire::contract::{FailureReason, Receipt, RecipientState};
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};

/// Marks of threads that this device does not know (yet): so many are kept, and further ones dropped.
pub const UNPLACED_MARKS_MAX: u64 = 10_000;

/// A word on one user's marks in one thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMark {
    /// Where.
    pub thread: ThreadId,
    /// Who.
    pub user: UserId,
    /// The newest message that a device of theirs has, and when that came to be.
    pub delivered: Option<(MessageId, Timestamp)>,
    /// The newest message that they have read, and when; delivered by that too.
    pub read: Option<(MessageId, Timestamp)>,
    /// The relay's count of changes.
    pub version: u64,
}

/// One user's marks in one thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// The newest message that a device of theirs has.
    pub delivered_up_to: Option<MessageId>,
    /// When that mark moved there.
    pub delivered_at: Option<Timestamp>,
    /// The newest message that they have read.
    pub read_up_to: Option<MessageId>,
    /// When that mark moved there.
    pub read_at: Option<Timestamp>,
    /// The highest version seen.
    pub version: u64,
}

/// What a word on marks changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MarkMove {
    /// As they were.
    pub before: Marks,
    /// As they are.
    pub after: Marks,
    /// Whether a message that was on its way again is there now, at or below them.
    pub arrived: bool,
}

/// A word on one message of this account and one recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUnreached {
    /// Where.
    pub thread: ThreadId,
    /// Which message; it may come later.
    pub message: MessageId,
    /// Whom it did not reach.
    pub user: UserId,
    /// Why, a stable code; none: it is on its way again.
    pub reason: Option<String>,
    /// The relay's clock.
    pub at: Timestamp,
}

/// Where a message stands that marks do not speak for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum UnreachedState {
    Failed,
    OnItsWay,
    Arrived,
}
number_column!(UnreachedState { Failed = 1, OnItsWay = 2, Arrived = 3 });

/// Words on messages of one thread that are not here, at most.
const UNREACHED_UNKNOWN_MAX: u32 = 1_000;
/// Of the messages that a move covers so many are looked at before it gives way: one that covers more stays.
const MOVE_LOOKS_AT: u32 = 100;
const DELIVERED: u8 = 1;
const READ: u8 = 2;

impl MarkMove {
    /// Whether anything moved.
    pub fn moved(&self) -> bool {
        self.before.delivered_up_to != self.after.delivered_up_to
            || self.before.read_up_to != self.after.read_up_to
    }
}

impl Rows {
    /// One user's marks in one thread.
    pub fn marks(&self, thread: ThreadId, user: &UserId) -> Result<Option<Marks>, StoreError> {
        self.statement(
            "SELECT delivered_up_to, delivered_at_ms, read_up_to, read_at_ms, version FROM marks
             WHERE thread_id = ?1 AND user_id = ?2",
        )?
        .query_row(params![Col(thread), Col(user)], |row| {
            Ok(Marks {
                delivered_up_to: row.get::<_, Option<Col<_>>>(0)?.map(|id| id.0),
                delivered_at: row.get::<_, Option<Col<_>>>(1)?.map(|at| at.0),
                read_up_to: row.get::<_, Option<Col<_>>>(2)?.map(|id| id.0),
                read_at: row.get::<_, Option<Col<_>>>(3)?.map(|at| at.0),
                version: row.get::<_, Col<_>>(4)?.0,
            })
        })
        .optional()
        .map_err(StoreError::from)
    }

    /// How far a message of this account is with each recipient; nobody while it is not at the relay.
    pub fn receipts(&self, id: LocalId) -> Result<Vec<Receipt>, StoreError> {
        let Some(message) = self.message(id)? else {
            return Ok(Vec::new());
        };
        let Some(message_id) = message.message_id else {
            return Ok(Vec::new());
        };
        let peer = self.thread(message.thread)?.and_then(|thread| thread.peer);
        peer.into_iter()
            .filter(|peer| *peer != message.sender)
            .map(|peer| self.receipt(message.thread, message_id, peer))
            .collect()
    }

    /// Messages of this account whose id lies above `above` and not above `up_to`: the newest `limit`, oldest first.
    pub fn own_between(
        &self,
        thread: ThreadId,
        above: Option<MessageId>,
        up_to: MessageId,
        limit: u32,
    ) -> Result<Vec<Message>, StoreError> {
        use crate::messages::{message_columns, read_message};
        let mut found = self
            .statement(concat!(
                "SELECT ",
                message_columns!(),
                " FROM messages m WHERE thread_id = ?1 AND message_id > coalesce(?2, x'') AND message_id <= ?3
                     AND sender_user_id = (SELECT user_id FROM account WHERE id = 1)
                 ORDER BY message_id DESC, revision DESC LIMIT ?4"
            ))?
            .query_map(
                params![Col(thread), Col::optional(above), Col(up_to), limit],
                read_message,
            )?
            .collect::<Result<Vec<_>, _>>()?;
        found.reverse();
        Ok(found)
    }

    /// Messages that are on their way to this user again, the oldest `limit`.
    pub fn on_their_way_again(
        &self,
        thread: ThreadId,
        user: &UserId,
        limit: u32,
    ) -> Result<Vec<MessageId>, StoreError> {
        self.statement(
            "SELECT message_id FROM unreached WHERE thread_id = ?1 AND user_id = ?2 AND state = 2
             ORDER BY message_id LIMIT ?3",
        )?
        .query_map(params![Col(thread), Col(user), limit], |row| {
            Ok(row.get::<_, Col<_>>(0)?.0)
        })?
        .map(|row| Ok(row?))
        .collect()
    }

    fn receipt(
        &self,
        thread: ThreadId,
        message: MessageId,
        user_id: UserId,
    ) -> Result<Receipt, StoreError> {
        let marks = self.marks(thread, &user_id)?.unwrap_or_default();
        let covered = |mark: Option<MessageId>| mark.is_some_and(|up_to| up_to >= message);
        let mut receipt = Receipt {
            state: match () {
                () if covered(marks.read_up_to) => RecipientState::Read,
                () if covered(marks.delivered_up_to) => RecipientState::Delivered,
                () => RecipientState::Sent,
            },
            delivered_at: self.first_move(thread, &user_id, DELIVERED, message)?,
            read_at: self.first_move(thread, &user_id, READ, message)?,
            failed_at: None,
            reason: None,
            user_id,
        };
        let unreached = self
            .statement(
                "SELECT state, reason, at_ms FROM unreached WHERE thread_id = ?1 AND message_id = ?2 AND user_id = ?3",
            )?
            .query_row(params![Col(thread), Col(message), Col(&receipt.user_id)], |row| {
                let reason: String = row.get(1)?;
                Ok((row.get(0)?, reason, row.get::<_, Col<Timestamp>>(2)?.0))
            })
            .optional()?;
        match unreached {
            Some((UnreachedState::Failed, reason, at)) => {
                receipt.state = RecipientState::Failed;
                (receipt.delivered_at, receipt.read_at) = (None, None);
                (receipt.failed_at, receipt.reason) = (Some(at), Some(reason_of(&reason)));
            }
            Some((UnreachedState::OnItsWay, ..)) => {
                receipt.state = RecipientState::Sent;
                (receipt.delivered_at, receipt.read_at) = (None, None);
            }
            Some((UnreachedState::Arrived, ..)) | None => {}
        }
        Ok(receipt)
    }

    /// When the mark first covered the message.
    fn first_move(
        &self,
        thread: ThreadId,
        user: &UserId,
        kind: u8,
        message: MessageId,
    ) -> Result<Option<Timestamp>, StoreError> {
        Ok(self
            .statement(
                "SELECT at_ms FROM mark_moves WHERE thread_id = ?1 AND user_id = ?2 AND kind = ?3 AND up_to >= ?4
                 ORDER BY up_to LIMIT 1",
            )?
            .query_row(params![Col(thread), Col(user), kind, Col(message)], |row| {
                Ok(row.get::<_, Col<_>>(0)?.0)
            })
            .optional()?)
    }
}

impl Transaction<'_> {
    /// Raises a user's marks, whatever is said lower stays as it was; none when the thread is not known here and too much
    /// of unknown ones is kept already.
    pub fn raise_marks(&mut self, new: &NewMark) -> Result<Option<MarkMove>, StoreError> {
        let held = self.marks(new.thread, &new.user)?;
        let thread = self.thread(new.thread)?;
        if held.is_none() && thread.is_none() && self.count_unplaced_marks()? >= UNPLACED_MARKS_MAX
        {
            return Ok(None);
        }
        let before = held.unwrap_or_default();
        let read = higher(before.read_up_to.zip(before.read_at), new.read);
        // Read is delivered.
        let delivered = higher(
            higher(
                before.delivered_up_to.zip(before.delivered_at),
                new.delivered,
            ),
            read,
        );
        let after = Marks {
            delivered_up_to: delivered.map(|(id, _)| id),
            delivered_at: delivered.map(|(_, at)| at),
            read_up_to: read.map(|(id, _)| id),
            read_at: read.map(|(_, at)| at),
            version: before.version.max(new.version),
        };
        let mut moved = MarkMove {
            before,
            after,
            arrived: false,
        };
        // A mark that cannot rise tells by its time that what was on its way again below it is there.
        if let Some((up_to, at)) = new
            .delivered
            .filter(|(up_to, _)| after.delivered_up_to == Some(*up_to))
        {
            moved.arrived = self.note_arrived(new, up_to, at)?;
        }
        if held == Some(after) {
            return Ok(Some(moved));
        }
        self.statement(
            "INSERT INTO marks (thread_id, user_id, delivered_up_to, delivered_at_ms, read_up_to, read_at_ms, version, placed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
             ON CONFLICT (thread_id, user_id) DO UPDATE SET delivered_up_to = excluded.delivered_up_to,
                 delivered_at_ms = excluded.delivered_at_ms, read_up_to = excluded.read_up_to,
                 read_at_ms = excluded.read_at_ms, version = excluded.version, placed = excluded.placed",
        )?
        .execute(params![
            Col(new.thread),
            Col(&new.user),
            Col::optional(after.delivered_up_to),
            Col::optional(after.delivered_at),
            Col::optional(after.read_up_to),
            Col::optional(after.read_at),
            Col(after.version),
            thread.is_some(),
        ])?;
        if moved.moved() {
            moved.arrived |= self.note_moves(new, &moved)?;
        }
        Ok(Some(moved))
    }

    /// One message did not reach one recipient, or is on its way to them again. The newest word wins; whether it was new. Of
    /// messages that are not here (yet) so many are remembered and no more.
    pub fn note_unreached(&mut self, new: &NewUnreached) -> Result<bool, StoreError> {
        let (state, reason) = match &new.reason {
            Some(reason) => (UnreachedState::Failed, reason.as_str()),
            None => (UnreachedState::OnItsWay, ""),
        };
        let changed = self
            .statement(
                "INSERT INTO unreached (thread_id, message_id, user_id, state, reason, at_ms)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6
                 WHERE EXISTS (SELECT 1 FROM messages WHERE thread_id = ?1 AND message_id = ?2)
                     OR (SELECT count(*) FROM (SELECT 1 FROM unreached WHERE thread_id = ?1 LIMIT ?7)) < ?7
                 ON CONFLICT (thread_id, message_id, user_id) DO UPDATE SET
                     state = excluded.state, reason = excluded.reason, at_ms = excluded.at_ms
                 WHERE excluded.at_ms > at_ms",
            )?
            .execute(params![
                Col(new.thread),
                Col(new.message),
                Col(&new.user),
                state,
                reason,
                Col(new.at),
                UNREACHED_UNKNOWN_MAX
            ])?;
        Ok(changed == 1)
    }

    /// Whether anything that was on its way again is there now.
    fn note_moves(&mut self, new: &NewMark, moved: &MarkMove) -> Result<bool, StoreError> {
        if self.is_own(&new.user)? {
            if let Some(up_to) = moved.after.read_up_to {
                self.set_own_read(new.thread, up_to)?;
            }
            return Ok(false);
        }
        let (before, after) = (&moved.before, &moved.after);
        for (kind, was, is, at) in [
            (
                DELIVERED,
                before.delivered_up_to,
                after.delivered_up_to,
                after.delivered_at,
            ),
            (READ, before.read_up_to, after.read_up_to, after.read_at),
        ] {
            if let Some((up_to, at)) = is.zip(at).filter(|_| was != is) {
                if let Some(was) = was {
                    self.forget_empty_move(new, kind, was)?;
                }
                self.statement(
                    "INSERT INTO mark_moves (thread_id, user_id, kind, up_to, at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![Col(new.thread), Col(&new.user), kind, Col(up_to), Col(at)])?;
            }
        }
        // What was on its way again is there once the mark moves after that.
        let arrived = match after.delivered_up_to.zip(after.delivered_at) {
            Some((up_to, at)) => self.note_arrived(new, up_to, at)?,
            None => false,
        };
        self.statement(
            "UPDATE threads SET delivered_to_all = ?3, read_by_all = ?4 WHERE thread_id = ?1 AND peer_user_id = ?2",
        )?
        .execute(params![
            Col(new.thread),
            Col(&new.user),
            Col::optional(after.delivered_up_to),
            Col::optional(after.read_up_to)
        ])?;
        Ok(arrived)
    }

    /// A move that covered no message of this account gives way to the next: so there are no more of them than messages,
    /// whatever the relay says.
    fn forget_empty_move(
        &mut self,
        new: &NewMark,
        kind: u8,
        was: MessageId,
    ) -> Result<(), StoreError> {
        self.statement(
            "DELETE FROM mark_moves WHERE thread_id = ?1 AND user_id = ?2 AND kind = ?3 AND up_to = ?4 AND (
                 SELECT count(*) < ?5 AND total(sender_user_id IS (SELECT user_id FROM account WHERE id = 1)) = 0 FROM (
                     SELECT sender_user_id FROM messages WHERE thread_id = ?1 AND message_id <= ?4
                         AND message_id > coalesce((SELECT max(up_to) FROM mark_moves
                             WHERE thread_id = ?1 AND user_id = ?2 AND kind = ?3 AND up_to < ?4), x'')
                     LIMIT ?5))",
        )?
        .execute(params![
            Col(new.thread),
            Col(&new.user),
            kind,
            Col(was),
            MOVE_LOOKS_AT
        ])?;
        Ok(())
    }

    /// Whether anything that was on its way again is there now.
    fn note_arrived(
        &mut self,
        new: &NewMark,
        up_to: MessageId,
        at: Timestamp,
    ) -> Result<bool, StoreError> {
        let arrived = self
            .statement(
                "UPDATE unreached SET state = 3 WHERE thread_id = ?1 AND user_id = ?2 AND state = 2
                     AND message_id <= ?3 AND at_ms <= ?4",
            )?
            .execute(params![
                Col(new.thread),
                Col(&new.user),
                Col(up_to),
                Col(at)
            ])?;
        Ok(arrived > 0)
    }

    /// Everything up to this message is read: what is left is counted anew.
    fn set_own_read(&mut self, thread: ThreadId, up_to: MessageId) -> Result<(), StoreError> {
        self.statement(
            "UPDATE threads SET read_up_to = ?2, unread = (
                 SELECT count(*) FROM messages WHERE thread_id = ?1 AND message_id > ?2 AND state IN (4, 5)
                     AND kind NOT IN (5, 6)
                     AND sender_user_id IS NOT (SELECT user_id FROM account WHERE id = 1))
             WHERE thread_id = ?1",
        )?
        .execute(params![Col(thread), Col(up_to)])?;
        // The relay need not be told what it knows.
        self.statement("DELETE FROM read_uploads WHERE thread_id = ?1 AND up_to < ?2")?
            .execute(params![Col(thread), Col(up_to)])?;
        Ok(())
    }

    /// Marks that came before their thread was known count from now on.
    pub(crate) fn place_marks(&mut self, thread: ThreadId) -> Result<(), StoreError> {
        let placed = self
            .statement("UPDATE marks SET placed = 1 WHERE thread_id = ?1 AND placed = 0")?
            .execute([Col(thread)])?;
        if placed == 0 {
            return Ok(());
        }
        self.statement(
            "UPDATE threads SET (delivered_to_all, read_by_all) = (
                     SELECT delivered_up_to, read_up_to FROM marks m WHERE m.thread_id = ?1
                         AND m.user_id = peer_user_id
                         AND m.user_id IS NOT (SELECT user_id FROM account WHERE id = 1)),
                 read_up_to = (SELECT m.read_up_to FROM marks m WHERE m.thread_id = ?1
                         AND m.user_id = (SELECT user_id FROM account WHERE id = 1))
             WHERE thread_id = ?1",
        )?
        .execute([Col(thread)])?;
        Ok(())
    }
}

impl Rows {
    fn is_own(&self, user: &UserId) -> Result<bool, StoreError> {
        Ok(self
            .statement("SELECT 1 FROM account WHERE id = 1 AND user_id = ?1")?
            .exists([Col(user)])?)
    }

    fn count_unplaced_marks(&self) -> Result<u64, StoreError> {
        let count: Col<u64> = self
            .statement("SELECT count(*) FROM marks WHERE placed = 0")?
            .query_row([], |row| row.get(0))?;
        Ok(count.0)
    }
}

/// The mark that stands higher; of two at one place the one that was there first.
fn higher(
    held: Option<(MessageId, Timestamp)>,
    new: Option<(MessageId, Timestamp)>,
) -> Option<(MessageId, Timestamp)> {
    match (held, new) {
        (Some(held), Some(new)) if new.0 > held.0 => Some(new),
        (Some(held), _) => Some(held),
        (None, new) => new,
    }
}

/// As the contract names them.
fn reason_of(code: &str) -> FailureReason {
    match code {
        "expired" => FailureReason::Expired,
        "blocked" => FailureReason::Blocked,
        _ => FailureReason::Unknown,
    }
}

#[cfg(test)]
mod tests;
