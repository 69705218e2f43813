//! Marks in SQLite.
//!
//! A mark's newest moves stand in its own row, which every move writes anyway. So many of them at once go where moves are looked
//! for by message.

use super::columns::{message_id, number, of_number, text, thread_id, timestamp};
use super::inbox::others_up_to;
use super::moves::{DELIVERED, Moves, READ, SHOWN_READ, first_move};
use super::{Pending, Sqlite};
use crate::storage::{ChangedMarks, FirstMoves, Mark, Marks, Moved, RaiseRead, Raised, Reached};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use sealwire_wire::contract::DeviceName;
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};
use std::collections::BTreeMap;

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

/// Raises the delivered marks of the device's user for messages that the device has just acknowledged; `last` is the last
/// position among them.
pub(super) fn delivered(
    db: &Connection,
    device: &DeviceName,
    acknowledged: Vec<(ThreadId, MessageId)>,
    last: u64,
    now: Timestamp,
) -> Result<Vec<Moved>> {
    let mut by_thread: BTreeMap<ThreadId, Vec<MessageId>> = BTreeMap::new();
    for (thread, id) in acknowledged {
        by_thread.entry(thread).or_default().push(id);
    }
    if by_thread.is_empty() {
        return Ok(Vec::new());
    }
    let has_holes = entry_before(db, device, last)?;
    let mut all = Vec::new();
    for (thread, mut ids) in by_thread {
        ids.sort_unstable();
        let up_to = reaches(db, device, thread, &ids, has_holes)?;
        if let Some(up_to) = up_to {
            let to = Reached { up_to, at: now };
            all.extend(raise_delivered(db, thread, &device.user_id, to)?);
        }
    }
    Ok(all)
}

/// A message below the delivered mark was on its way again and is there: the mark says so with its time, as it cannot rise.
pub(super) fn delivered_again(
    db: &Connection,
    thread: ThreadId,
    user: &UserId,
    now: Timestamp,
) -> Result<Option<Moved>> {
    let mut next = stored(db, thread, user)?;
    let Some(reached) = &mut next.mark.delivered else {
        return Ok(None);
    };
    reached.at = now;
    put(db, thread, &mut next, true)?;
    moved(db, thread, next.mark, Raised::DELIVERED).map(Some)
}

/// Whether the device passed over an entry before this one. A socket acknowledges all up to a frame and never does.
fn entry_before(db: &Connection, device: &DeviceName, position: u64) -> Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM queue_entry WHERE user_id = ?1 AND device_id = ?2 AND position < ?3)",
    )?
    .query_row(
        params![device.user_id.as_str(), device.device_id.get(), of_number(position)],
        |row| row.get(0),
    )
}

/// The newest message of others up to which the device has everything in this thread.
fn reaches(
    db: &Connection,
    device: &DeviceName,
    thread: ThreadId,
    acknowledged: &[MessageId],
    has_holes: bool,
) -> Result<Option<MessageId>> {
    let (user, id) = (device.user_id.as_str(), device.device_id.get());
    let mut look = db.prepare_cached(
        "SELECT (SELECT sender_id <> ?3 FROM message WHERE thread_id = ?1 AND id = ?2),
             (SELECT up_to FROM acknowledged_ahead WHERE user_id = ?3 AND device_id = ?4 AND thread_id = ?1)",
    )?;
    let (mut newest, mut ahead) = (None, None);
    for message in acknowledged.iter().rev() {
        let (is_of_others, further): (Option<bool>, Option<[u8; 16]>) = look.query_row(
            params![thread.as_bytes(), message.to_bytes(), user, id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        ahead = further.map(MessageId::from_bytes);
        if is_of_others == Some(true) {
            newest = Some(*message);
            break;
        }
    }
    let newest = newest.max(ahead);
    let hole = if newest.is_some() && (has_holes || ahead.is_some()) {
        oldest_waiting(db, device, thread)?
    } else {
        None
    };
    match (newest, hole) {
        (Some(reached), Some(hole)) if hole < reached => {
            db.prepare_cached(
                "INSERT INTO acknowledged_ahead (user_id, device_id, thread_id, up_to) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET up_to = ?4",
            )?
            .execute(params![user, id, thread.as_bytes(), reached.to_bytes()])?;
            below(db, thread, hole, user)
        }
        _ => {
            if ahead.is_some() {
                db.prepare_cached(
                    "DELETE FROM acknowledged_ahead WHERE user_id = ?1 AND device_id = ?2 AND thread_id = ?3",
                )?
                .execute(params![user, id, thread.as_bytes()])?;
            }
            Ok(newest)
        }
    }
}

/// Of what stands above the mark: a message below it has reached another device. Messages are looked at from the mark on and
/// not the queue, which may hold a hundred thousand entries of other threads; what is on its way again comes out of its turn.
fn oldest_waiting(
    db: &Connection,
    device: &DeviceName,
    thread: ThreadId,
) -> Result<Option<MessageId>> {
    db.prepare_cached(
        "SELECT m.id FROM message m WHERE m.thread_id = ?3 AND m.id > coalesce(
             (SELECT delivered_up_to FROM mark WHERE thread_id = ?3 AND user_id = ?1), x'')
             AND EXISTS (
                 SELECT 1 FROM envelope e
                 WHERE e.message_id = m.id AND e.thread_id = ?3 AND e.user_id = ?1 AND e.device_id = ?2)
             AND NOT EXISTS (
                 SELECT 1 FROM failure f WHERE f.thread_id = ?3 AND f.message_id = m.id AND f.user_id = ?1)
         ORDER BY m.id LIMIT 1",
    )?
    .query_row(
        params![device.user_id.as_str(), device.device_id.get(), thread.as_bytes()],
        |row| message_id(row, 0),
    )
    .optional()
}

/// The newest message of others below one, above the mark that stands.
fn below(
    db: &Connection,
    thread: ThreadId,
    hole: MessageId,
    user: &str,
) -> Result<Option<MessageId>> {
    db.prepare_cached(
        "SELECT id FROM message WHERE thread_id = ?1 AND id < ?2 AND sender_id <> ?3 AND id > coalesce(
             (SELECT delivered_up_to FROM mark WHERE thread_id = ?1 AND user_id = ?3), x'')
         ORDER BY id DESC LIMIT 1",
    )?
    .query_row(params![thread.as_bytes(), hole.to_bytes(), user], |row| {
        message_id(row, 0)
    })
    .optional()
}

/// None if it is there or further.
fn raise_delivered(
    db: &Connection,
    thread: ThreadId,
    user: &UserId,
    to: Reached,
) -> Result<Option<Moved>> {
    let mut next = stored(db, thread, user)?;
    let before = next.mark.delivered;
    if before.is_some_and(|before| before.up_to >= to.up_to) {
        return Ok(None);
    }
    next.mark.delivered = Some(to);
    next.moves.push(DELIVERED, to);
    put(db, thread, &mut next, true)?;
    moved(db, thread, next.mark, Raised::DELIVERED).map(Some)
}

/// Writes a mark that changed; `shown` where others may know that it did.
fn put(db: &Connection, thread: ThreadId, next: &mut Stored, shown: bool) -> Result<()> {
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

fn moved(db: &Connection, thread: ThreadId, mark: Mark, raised: Raised) -> Result<Moved> {
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
struct Stored {
    mark: Mark,
    moves: Moves,
}

/// One that was never raised has moved nowhere.
fn stored(db: &Connection, thread: ThreadId, user: &UserId) -> Result<Stored> {
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
    use super::super::lanes::Lanes;
    use super::super::{SqliteOptions, Threading};
    use super::*;
    use crate::service::tests::run;
    use crate::storage::Queues as _;
    use sealwire_wire::DeviceId;
    use std::time::{Duration, Instant};

    const MANY: u64 = 50_000;

    /// Alice and bob, with so many messages of alice; all but the first few wait for the second of bob's devices.
    fn long_thread(folder: &tempfile::TempDir) -> (Sqlite, ThreadId) {
        let options = SqliteOptions {
            threading: Threading::Inline,
            ..SqliteOptions::default()
        };
        let storage = Sqlite::open_with(folder.path(), options).unwrap();
        // What is measured is the work, not the disk.
        if let Lanes::Inline(db) = &storage.lanes {
            let db = db.lock().unwrap();
            db.pragma_update(None, "synchronous", "off").unwrap();
        }
        let thread = ThreadId::direct(&user("alice"), &user("bob"));
        run(storage.write(move |db| {
            db.execute(
                "INSERT INTO thread VALUES (?1, 0, 1, NULL, ?2, ?2, x'')",
                params![thread.as_bytes(), of_number(MANY)],
            )?;
            db.execute(
                "INSERT INTO participant VALUES (?1, 'alice', ?2), (?1, 'bob', 0)",
                params![thread.as_bytes(), of_number(MANY)],
            )?;
            db.execute(
                "WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < ?2)
                 INSERT INTO message (thread_id, id, sender_id, sender_device_id, client_seq, fingerprint, revision, kind,
                     ciphertext, commitment, stamp_key_id, stamp_mac, created_at, ordinal, of_sender, change, queued)
                 SELECT ?1, unhex(printf('%032x', n)), 'alice', 1, n, x'', 0, 0, zeroblob(200), x'', 1, x'', 1, n, n, n, 1 FROM n",
                params![thread.as_bytes(), of_number(MANY)],
            )?;
            db.execute(
                "INSERT INTO envelope SELECT thread_id, id, 'bob', 2, 1, x'00' FROM message WHERE client_seq > 3",
                [],
            )?;
            db.execute(
                "INSERT INTO queue_entry (user_id, device_id, kind, thread_id, message_id, queued_at)
                 SELECT 'bob', 2, 0, thread_id, id, 1 FROM message WHERE client_seq > 3 ORDER BY id",
                [],
            )?;
            Ok(())
        }))
        .unwrap();
        (storage, thread)
    }

    fn user(name: &str) -> UserId {
        name.parse().unwrap()
    }

    /// So many steps of one kind take no longer than a few looks at everything.
    fn quick(mut step: impl FnMut(u64)) {
        let began = Instant::now();
        (4..500).for_each(&mut step);
        assert!(
            began.elapsed() < Duration::from_secs(3),
            "{:?}",
            began.elapsed()
        );
    }

    #[test]
    fn a_read_mark_costs_the_same_however_much_stands_above_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let (storage, thread) = long_thread(&folder);
        quick(|number| {
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

    #[test]
    fn an_acknowledgement_costs_the_same_however_long_the_queue() {
        let folder = tempfile::TempDir::new().unwrap();
        let (storage, thread) = long_thread(&folder);
        // Of another thread, and passed over: from now on the device's acknowledgements have holes.
        let hole = storage.write(move |db| {
            let other = ThreadId::direct(&user("bob"), &user("carol"));
            db.execute(
                "UPDATE queue_entry SET thread_id = ?1 WHERE position = 1",
                [other.as_bytes()],
            )?;
            db.execute("DELETE FROM queue_entry WHERE position IN (2, 3)", [])?;
            db.execute(
                "DELETE FROM envelope WHERE thread_id = ?1 AND message_id <= unhex(printf('%032x', 6))",
                [thread.as_bytes()],
            )
        });
        run(hole).unwrap();
        let device = DeviceName {
            user_id: user("bob"),
            device_id: DeviceId::new(2).unwrap(),
        };
        quick(|position| {
            let moved = storage.acknowledge(device.clone(), vec![position], Timestamp(1));
            assert_eq!(run(moved).unwrap().len(), 1);
        });
    }
}
