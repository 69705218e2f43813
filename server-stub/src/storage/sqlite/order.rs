//! The order of a thread's messages.
//!
//! Each row names the one before it, and the thread its last. The index has every sixteenth, so that no walk to a place is
//! longer. Single messages are found by their id; whoever goes along a thread does it here.

use super::columns::message_id;
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use sealwire_wire::{MessageId, ThreadId};
use std::ops::{Bound, ControlFlow};

/// The row of one message, to be read by it.
pub(super) type MessageNumber = i64;

/// Visits the messages up to or below an id, or all of them, newest first, until the visitor has enough.
pub(super) fn newest_first(
    db: &Connection,
    thread: ThreadId,
    from: Bound<MessageId>,
    mut visit: impl FnMut(MessageNumber, MessageId) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut chain = Chain::new(db)?;
    let mut next = match from {
        Bound::Included(id) => chain.up_to(thread, id, true)?,
        Bound::Excluded(id) => chain.up_to(thread, id, false)?,
        Bound::Unbounded => last(db, thread)?,
    };
    while let Some(row) = next {
        let (id, before) = chain.link(row)?;
        if visit(row, id)?.is_break() {
            break;
        }
        next = before;
    }
    Ok(())
}

/// Visits the messages above an id, or all of them, oldest first, until the visitor has enough.
pub(super) fn oldest_first(
    db: &Connection,
    thread: ThreadId,
    above: Option<MessageId>,
    mut visit: impl FnMut(MessageNumber, MessageId) -> Result<ControlFlow<()>>,
) -> Result<()> {
    let mut chain = Chain::new(db)?;
    let mut above = above;
    loop {
        let indexed = chain.indexed_above(thread, above)?;
        let Some(end) = indexed.map_or_else(|| last(db, thread), |row| Ok(Some(row)))? else {
            return Ok(());
        };
        for (row, id) in chain.back_to(end, above)?.into_iter().rev() {
            if visit(row, id)?.is_break() {
                return Ok(());
            }
            above = Some(id);
        }
        if indexed.is_none() {
            return Ok(());
        }
    }
}

/// The last message of a thread.
fn last(db: &Connection, thread: ThreadId) -> Result<Option<MessageNumber>> {
    let found: Option<Option<MessageNumber>> = db
        .prepare_cached("SELECT last_number FROM thread WHERE thread_id = ?1")?
        .query_row([thread.as_bytes()], |row| row.get(0))
        .optional()?;
    Ok(found.flatten())
}

struct Chain<'db> {
    db: &'db Connection,
    link: rusqlite::CachedStatement<'db>,
}

impl<'db> Chain<'db> {
    fn new(db: &'db Connection) -> Result<Self> {
        let link = db.prepare_cached("SELECT id, previous FROM message WHERE number = ?1")?;
        Ok(Self { db, link })
    }

    /// The id of a message, and the one before it.
    fn link(&mut self, row: MessageNumber) -> Result<(MessageId, Option<MessageNumber>)> {
        self.link
            .query_row([row], |row| Ok((message_id(row, 0)?, row.get(1)?)))
    }

    /// From a message back to the first one above an id.
    fn back_to(
        &mut self,
        from: MessageNumber,
        above: Option<MessageId>,
    ) -> Result<Vec<(MessageNumber, MessageId)>> {
        let mut passed = Vec::new();
        let mut next = Some(from);
        while let Some(row) = next {
            let (id, before) = self.link(row)?;
            if above.is_some_and(|above| id <= above) {
                break;
            }
            passed.push((row, id));
            next = before;
        }
        Ok(passed)
    }

    /// The newest message below an id, which need not be a message's; or the one that has it.
    fn up_to(
        &mut self,
        thread: ThreadId,
        id: MessageId,
        included: bool,
    ) -> Result<Option<MessageNumber>> {
        let exact: Option<(MessageNumber, Option<MessageNumber>)> = self
            .db
            .prepare_cached(
                "SELECT number, previous FROM message WHERE id = ?2 AND thread_id = ?1",
            )?
            .query_row(params![thread.as_bytes(), id.to_bytes()], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        if let Some((number, previous)) = exact {
            return Ok(if included { Some(number) } else { previous });
        }
        let mut next = match self.indexed_above(thread, Some(id))? {
            Some(row) => Some(row),
            None => last(self.db, thread)?,
        };
        while let Some(row) = next {
            let (found, before) = self.link(row)?;
            if found < id {
                break;
            }
            next = before;
        }
        Ok(next)
    }

    /// The first message above an id that the index has.
    fn indexed_above(
        &self,
        thread: ThreadId,
        id: Option<MessageId>,
    ) -> Result<Option<MessageNumber>> {
        let above = id.map(MessageId::to_bytes);
        self.db
            .prepare_cached(
                "SELECT number FROM message INDEXED BY message_in_thread
                 WHERE thread_id = ?1 AND id > ?2 AND nth % 16 = 0 ORDER BY id LIMIT 1",
            )?
            .query_row(
                params![thread.as_bytes(), above.as_ref().map_or(&[][..], |id| id)],
                |row| row.get(0),
            )
            .optional()
    }
}

#[cfg(test)]
mod tests {
    use super::super::long_thread::{MANY, little_each, long_thread};
    use super::*;
    use crate::service::tests::run;

    #[test]
    fn a_place_in_a_long_thread_is_reached_in_a_few_steps_from_either_side() {
        let folder = tempfile::TempDir::new().unwrap();
        let (storage, thread) = long_thread(&folder);
        let few = |from: u64, up: bool| {
            let at = MessageId::from_u128(from.into());
            let walk = storage.read(move |db| {
                let mut seen = Vec::new();
                let visit = |number, _: MessageId| {
                    seen.push(number);
                    Ok(match seen.len() {
                        3 => ControlFlow::Break(()),
                        _ => ControlFlow::Continue(()),
                    })
                };
                if up {
                    oldest_first(db, thread, Some(at), visit)?;
                } else {
                    newest_first(db, thread, Bound::Excluded(at), visit)?;
                }
                Ok(seen)
            });
            run(walk).unwrap()
        };
        little_each(&storage, |number| {
            let from = number * (MANY / 100);
            let at = from.cast_signed();
            assert_eq!(few(from, true), [at + 1, at + 2, at + 3]);
            assert_eq!(few(from, false), [at - 1, at - 2, at - 3]);
        });
        let last = MANY.cast_signed();
        assert_eq!(few(MANY + 9, false), [last, last - 1, last - 2]);
        assert_eq!(few(MANY - 1, true), [last]);
        assert!(few(MANY, true).is_empty());
        assert!(few(1, false).is_empty());
    }
}
