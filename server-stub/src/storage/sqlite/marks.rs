//! Marks in SQLite.
//!
//! A mark's newest moves stand in its own row, which every move writes anyway. So many of them at once go where moves are looked
//! for by message.

use super::columns::{number, of_number, text, thread_id, timestamp};
use super::inbox::others_up_to;
use super::moves::{DELIVERED, Moves, READ, SHOWN_READ, first_move};
use super::{Pending, Sqlite};
use crate::storage::{ChangedMarks, FirstMoves, Mark, Marks, Moved, RaiseRead, Raised, Reached};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use sealwire_wire::{MessageId, ThreadId, UserId};

/// The columns that [`mark`] reads, of `mark` as `k`.
const MARK: &str = "k.user_id, k.version, k.shown_version, k.delivered_up_to, k.delivered_at, k.read_up_to, k.read_at, \
     k.shown_read_up_to, k.shown_read_at";

impl Marks for Sqlite {
    fn raise_read(&self, step: RaiseRead) -> Pending<'_, Option<Moved>> {
        self.write(move |db| {
            let to = Reached {
                up_to: step.up_to,
                at: step.at,
            };
            let mut next = stored(db, step.thread_id, &step.user_id)?;
            let mut raised = Raised::default();
            let mark = &mut next.mark;
            for (kind, reached, raised) in [
                (DELIVERED, &mut mark.delivered, &mut raised.delivered),
                (READ, &mut mark.read, &mut raised.read),
                (SHOWN_READ, &mut mark.shown_read, &mut raised.shown_read),
            ] {
                if (kind != SHOWN_READ || step.shown)
                    && reached.is_none_or(|reached| reached.up_to < to.up_to)
                {
                    *reached = Some(to);
                    *raised = true;
                    next.moves.push(kind, to);
                }
            }
            if raised == Raised::default() {
                return Ok(None);
            }
            put(
                db,
                step.thread_id,
                &mut next,
                raised.delivered || raised.shown_read,
            )?;
            if raised.read {
                let others = others_up_to(db, step.thread_id, &step.user_id, step.up_to)?;
                db.prepare_cached(
                    "UPDATE mark SET read_others = ?3 WHERE thread_id = ?1 AND user_id = ?2",
                )?
                .execute(params![
                    step.thread_id.as_bytes(),
                    step.user_id.as_str(),
                    others
                ])?;
            }
            moved(db, step.thread_id, next.mark, raised).map(Some)
        })
    }

    fn marks(&self, thread: ThreadId) -> Pending<'_, Vec<Mark>> {
        self.read(move |db| of_thread(db, thread))
    }

    fn marks_changed(&self, user: UserId, after: u64, limit: u32) -> Pending<'_, ChangedMarks> {
        self.read(move |db| {
            let newest: u64 = db
                .prepare_cached("SELECT last FROM mark_change")?
                .query_row([], |row| number(row, 0))?;
            // A number of the future comes from data that is no more: everything may have changed.
            let after = if after > newest { 0 } else { after };
            let mut rows: Vec<(u64, ThreadId, Mark)> = db
                .prepare_cached(&format!(
                    "SELECT {MARK}, k.thread_id, iif(k.user_id = ?1, k.change, k.shown_change) AS changed
                     FROM participant p JOIN mark k ON k.thread_id = p.thread_id
                     WHERE p.user_id = ?1 AND changed > ?2 ORDER BY changed LIMIT ?3"
                ))?
                .query_map(
                    params![user.as_str(), of_number(after), i64::from(limit) + 1],
                    |row| Ok((number(row, 10)?, thread_id(row, 9)?, mark(row)?)),
                )?
                .collect::<Result<_>>()?;
            let has_more = rows.len() > limit as usize;
            rows.truncate(limit as usize);
            let up_to = match rows.last() {
                Some((change, _, _)) if has_more => *change,
                _ => newest,
            };
            Ok(ChangedMarks {
                marks: rows.into_iter().map(|(_, thread, mark)| (thread, mark)).collect(),
                up_to,
                has_more,
            })
        })
    }

    fn first_moves(&self, thread: ThreadId, id: MessageId) -> Pending<'_, Vec<FirstMoves>> {
        self.read(move |db| {
            let mut found = Vec::new();
            for Stored { mark, moves } in all_stored(db, thread)? {
                let at = |kind| first_move(db, thread, &mark.user_id, &moves, kind, id);
                found.push(FirstMoves {
                    delivered_at: at(DELIVERED)?,
                    read_at: at(READ)?,
                    shown_read_at: at(SHOWN_READ)?,
                    user_id: mark.user_id,
                });
            }
            Ok(found)
        })
    }
}

/// Writes a mark that changed; `shown` where others may know that it did.
pub(super) fn put(db: &Connection, thread: ThreadId, next: &mut Stored, shown: bool) -> Result<()> {
    let change: i64 = db
        .prepare_cached("SELECT last + 1 FROM mark_change WHERE one = 1")?
        .query_row([], |row| row.get(0))?;
    db.prepare_cached("UPDATE mark_change SET last = ?1 WHERE one = 1")?
        .execute([change])?;
    next.mark.version += 1;
    next.mark.shown_version += u64::from(shown);
    next.moves.put_away(db, thread, &next.mark.user_id)?;
    let mark = &next.mark;
    let up_to = |reached: Option<Reached>| reached.map(|reached| reached.up_to.to_bytes());
    let at = |reached: Option<Reached>| reached.map(|reached| of_number(reached.at.0));
    db.prepare_cached(
        "INSERT INTO mark (thread_id, user_id, version, change, shown_version, shown_change, delivered_up_to, delivered_at,
             read_up_to, read_at, shown_read_up_to, shown_read_at, moves)
         VALUES (?1, ?2, ?3, ?4, ?5, coalesce(?6, 0), ?7, ?8, ?9, ?10, ?11, ?12, ?13)
         ON CONFLICT DO UPDATE SET version = ?3, change = ?4, shown_version = ?5, shown_change = coalesce(?6, shown_change),
             delivered_up_to = ?7, delivered_at = ?8, read_up_to = ?9, read_at = ?10, shown_read_up_to = ?11, shown_read_at = ?12,
             moves = ?13",
    )?
    .execute(params![
        thread.as_bytes(),
        mark.user_id.as_str(),
        of_number(mark.version),
        change,
        of_number(mark.shown_version),
        shown.then_some(change),
        up_to(mark.delivered),
        at(mark.delivered),
        up_to(mark.read),
        at(mark.read),
        up_to(mark.shown_read),
        at(mark.shown_read),
        next.moves.as_bytes(),
    ])?;
    Ok(())
}

pub(super) fn moved(
    db: &Connection,
    thread: ThreadId,
    mark: Mark,
    raised: Raised,
) -> Result<Moved> {
    Ok(Moved {
        thread_id: thread,
        participants: participants(db, thread)?,
        mark,
        raised,
    })
}

pub(super) fn participants(db: &Connection, thread: ThreadId) -> Result<Vec<UserId>> {
    db.prepare_cached("SELECT user_id FROM participant WHERE thread_id = ?1 ORDER BY user_id")?
        .query_map([thread.as_bytes()], |row| text(row, 0))?
        .collect()
}

/// A mark with its newest moves.
pub(super) struct Stored {
    pub(super) mark: Mark,
    pub(super) moves: Moves,
}

/// One that was never raised has moved nowhere.
pub(super) fn stored(db: &Connection, thread: ThreadId, user: &UserId) -> Result<Stored> {
    let found = db
        .prepare_cached(&format!(
            "SELECT {MARK}, k.moves FROM mark k WHERE k.thread_id = ?1 AND k.user_id = ?2"
        ))?
        .query_row(params![thread.as_bytes(), user.as_str()], of_row)
        .optional()?;
    Ok(found.unwrap_or_else(|| Stored {
        mark: Mark::none(user.clone()),
        moves: Moves::default(),
    }))
}

fn all_stored(db: &Connection, thread: ThreadId) -> Result<Vec<Stored>> {
    db.prepare_cached(&format!(
        "SELECT {MARK}, k.moves FROM mark k WHERE k.thread_id = ?1 ORDER BY k.user_id"
    ))?
    .query_map([thread.as_bytes()], of_row)?
    .collect()
}

fn of_row(row: &Row<'_>) -> Result<Stored> {
    Ok(Stored {
        mark: mark(row)?,
        moves: Moves::from_bytes(row.get(9)?),
    })
}

pub(super) fn of_thread(db: &Connection, thread: ThreadId) -> Result<Vec<Mark>> {
    db.prepare_cached(&format!(
        "SELECT {MARK} FROM mark k WHERE k.thread_id = ?1 ORDER BY k.user_id"
    ))?
    .query_map([thread.as_bytes()], mark)?
    .collect()
}

fn mark(row: &Row<'_>) -> Result<Mark> {
    Ok(Mark {
        user_id: text(row, 0)?,
        version: number(row, 1)?,
        shown_version: number(row, 2)?,
        delivered: reached(row, 3)?,
        read: reached(row, 5)?,
        shown_read: reached(row, 7)?,
    })
}

fn reached(row: &Row<'_>, at: usize) -> Result<Option<Reached>> {
    let up_to: Option<[u8; 16]> = row.get(at)?;
    up_to
        .map(|up_to| {
            Ok(Reached {
                up_to: MessageId::from_bytes(up_to),
                at: timestamp(row, at + 1)?,
            })
        })
        .transpose()
}

#[cfg(test)]
mod tests {
    use super::super::long_thread::{little_each, long_thread, user};
    use super::*;
    use crate::service::tests::run;
    use sealwire_wire::Timestamp;

    #[test]
    fn a_read_mark_costs_the_same_however_much_stands_above_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let (storage, thread) = long_thread(&folder);
        little_each(&storage, |number| {
            let step = RaiseRead {
                thread_id: thread,
                user_id: user("alice"),
                up_to: MessageId::from_u128(number.into()),
                shown: true,
                at: Timestamp(1),
            };
            run(storage.raise_read(step)).unwrap().unwrap();
        });
    }
}
