//! Delivered marks, which acknowledgements raise: up to the newest message below which a device has passed over none.

use super::columns::of_number;
use super::marks::{moved, put, stored};
use super::moves::DELIVERED;
use super::order::{newest_first, oldest_first};
use crate::storage::{Moved, Raised, Reached};
use rusqlite::{Connection, Result, params};
use sealwire_wire::contract::DeviceName;
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};
use std::collections::BTreeMap;
use std::ops::{Bound, ControlFlow};

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
            keep_ahead(db, thread, &device.user_id, acknowledged, hole)?;
            below(db, thread, hole, &device.user_id)
        }
        _ => {
            if ahead.is_some() {
                db.prepare_cached(
                    "DELETE FROM acknowledged_ahead WHERE user_id = ?1 AND device_id = ?2 AND thread_id = ?3",
                )?
                .execute(params![user, id, thread.as_bytes()])?;
                // The mark covers them from now on.
                db.prepare_cached(
                    "DELETE FROM delivered_ahead WHERE thread_id = ?1 AND user_id = ?2 AND message_id <= ?3",
                )?
                .execute(params![thread.as_bytes(), user, newest.map(MessageId::to_bytes)])?;
            }
            Ok(newest)
        }
    }
}

/// Messages of others that are there though the mark stays below the hole: they do not fail any more.
fn keep_ahead(
    db: &Connection,
    thread: ThreadId,
    user: &UserId,
    acknowledged: &[MessageId],
    hole: MessageId,
) -> Result<()> {
    let mut keep = db.prepare_cached(
        "INSERT OR IGNORE INTO delivered_ahead (thread_id, user_id, message_id)
         SELECT thread_id, ?2, id FROM message WHERE thread_id = ?1 AND id = ?3 AND sender_id <> ?2",
    )?;
    for message in acknowledged.iter().filter(|message| **message > hole) {
        keep.execute(params![
            thread.as_bytes(),
            user.as_str(),
            message.to_bytes()
        ])?;
    }
    Ok(())
}

/// Of what stands above the mark: a message below it has reached another device. Messages are looked at from the mark on and
/// not the queue, which may hold a hundred thousand entries of other threads; what is on its way again comes out of its turn.
fn oldest_waiting(
    db: &Connection,
    device: &DeviceName,
    thread: ThreadId,
) -> Result<Option<MessageId>> {
    let mark = stored(db, thread, &device.user_id)?.mark.delivered;
    let mut waits = db.prepare_cached(
        "SELECT EXISTS (
             SELECT 1 FROM envelope
             WHERE message_id = ?4 AND thread_id = ?3 AND user_id = ?1 AND device_id = ?2)
         AND NOT EXISTS (
             SELECT 1 FROM failure WHERE thread_id = ?3 AND message_id = ?4 AND user_id = ?1)",
    )?;
    let mut oldest = None;
    oldest_first(db, thread, mark.map(|mark| mark.up_to), |_, id| {
        let (user, device) = (device.user_id.as_str(), device.device_id.get());
        let of = params![user, device, thread.as_bytes(), id.to_bytes()];
        if waits.query_row(of, |row| row.get(0))? {
            oldest = Some(id);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(oldest)
}

/// The newest message of others below one, above the mark that stands.
fn below(
    db: &Connection,
    thread: ThreadId,
    hole: MessageId,
    user: &UserId,
) -> Result<Option<MessageId>> {
    let mark = stored(db, thread, user)?.mark.delivered;
    let mut is_of_others =
        db.prepare_cached("SELECT sender_id <> ?2 FROM message WHERE number = ?1")?;
    let mut newest = None;
    newest_first(db, thread, Bound::Excluded(hole), |number, id| {
        if mark.is_some_and(|mark| id <= mark.up_to) {
            return Ok(ControlFlow::Break(()));
        }
        if is_of_others.query_row(params![number, user.as_str()], |row| row.get(0))? {
            newest = Some(id);
            return Ok(ControlFlow::Break(()));
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(newest)
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

#[cfg(test)]
mod tests {
    use super::super::long_thread::{little_each, long_thread, user};
    use super::*;
    use crate::service::tests::run;
    use crate::storage::Queues as _;
    use sealwire_wire::DeviceId;

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
        little_each(&storage, |position| {
            let moved = storage.acknowledge(device.clone(), vec![position], Timestamp(1));
            assert_eq!(run(moved).unwrap().len(), 1);
        });
    }
}
