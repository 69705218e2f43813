//! Frames that need the network before they can be opened: kept raw, so that they can be acknowledged and wait.

use crate::columns::{Col, number_column};
use crate::{Rows, StoreError, Transaction};
use rusqlite::{Row, params};
use sealwire_wire::{Timestamp, UserId};

/// A frame to park.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewParkedFrame {
    /// The frame's JSON as received.
    pub frame: Vec<u8>,
    /// What it waits for.
    pub reason: ParkReason,
    /// The user whose device list must come first.
    pub waits_for: UserId,
    /// The list version that must come first, if the frame names one.
    pub version: Option<u64>,
    /// This device's clock.
    pub received_at: Timestamp,
}

/// A frame that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParkedFrame {
    /// Rising in the order of arrival.
    pub id: i64,
    /// As parked.
    pub frame: NewParkedFrame,
}

/// What a parked frame waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParkReason {
    /// The sending device stands in no list held.
    UnknownDevice,
    /// The sender wrapped it under a newer list than is held.
    NewerList,
}
number_column!(ParkReason { UnknownDevice = 1, NewerList = 2 });

impl Rows {
    /// The frames that wait for a user's list, in the order of their arrival, from behind one of them on: so many that no more
    /// than the last goes beyond these bytes.
    pub fn parked_frames(
        &self,
        user: &UserId,
        after: Option<i64>,
        bytes: u64,
    ) -> Result<Vec<ParkedFrame>, StoreError> {
        let mut statement = self.statement(
            "SELECT id, frame, reason, waits_for_user_id, waits_for_version, received_at_ms FROM parked_frames
             WHERE waits_for_user_id = ?1 AND id > ?2 ORDER BY id",
        )?;
        let rows = statement.query_map(params![Col(user), after.unwrap_or(0)], read_parked)?;
        let (mut frames, mut held) = (Vec::new(), 0u64);
        for row in rows {
            let parked = row?;
            held += parked.frame.frame.len() as u64;
            frames.push(parked);
            if held >= bytes {
                break;
            }
        }
        Ok(frames)
    }

    /// The users whose lists are waited for, with the highest version named.
    pub fn parked_for(&self) -> Result<Vec<(UserId, Option<u64>)>, StoreError> {
        self.statement(
            "SELECT waits_for_user_id, max(waits_for_version) FROM parked_frames GROUP BY waits_for_user_id",
        )?
        .query_map([], |row| {
            Ok((row.get::<_, Col<_>>(0)?.0, row.get::<_, Option<Col<_>>>(1)?.map(|version| version.0)))
        })?
        .map(|row| Ok(row?))
        .collect()
    }

    /// How many frames wait for one user's list.
    pub fn count_parked_for(&self, user: &UserId) -> Result<u64, StoreError> {
        let count: Col<u64> = self
            .statement("SELECT count(*) FROM parked_frames WHERE waits_for_user_id = ?1")?
            .query_row([Col(user)], |row| row.get(0))?;
        Ok(count.0)
    }

    /// How many frames wait.
    pub fn count_parked(&self) -> Result<u64, StoreError> {
        let count: Col<u64> = self
            .statement("SELECT count(*) FROM parked_frames")?
            .query_row([], |row| row.get(0))?;
        Ok(count.0)
    }
}

impl Transaction<'_> {
    /// Parks a frame; it may be acknowledged once this is committed.
    pub fn park_frame(&mut self, frame: &NewParkedFrame) -> Result<i64, StoreError> {
        self.statement(
            "INSERT INTO parked_frames (frame, reason, waits_for_user_id, waits_for_version, received_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute(params![
            frame.frame,
            frame.reason,
            Col(&frame.waits_for),
            Col::optional(frame.version),
            Col(frame.received_at)
        ])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// Deletes a parked frame, together with what came of it; whether it was there.
    pub fn delete_parked(&mut self, id: i64) -> Result<bool, StoreError> {
        Ok(self
            .statement("DELETE FROM parked_frames WHERE id = ?1")?
            .execute([id])?
            == 1)
    }
}

fn read_parked(row: &Row<'_>) -> rusqlite::Result<ParkedFrame> {
    Ok(ParkedFrame {
        id: row.get(0)?,
        frame: NewParkedFrame {
            frame: row.get(1)?,
            reason: row.get(2)?,
            waits_for: row.get::<_, Col<_>>(3)?.0,
            version: row.get::<_, Option<Col<_>>>(4)?.map(|version| version.0),
            received_at: row.get::<_, Col<_>>(5)?.0,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{memory, user, write};

    fn frame(of: &str, number: u8, version: Option<u64>) -> NewParkedFrame {
        NewParkedFrame {
            frame: vec![number],
            reason: if version.is_some() {
                ParkReason::NewerList
            } else {
                ParkReason::UnknownDevice
            },
            waits_for: user(of),
            version,
            received_at: Timestamp(7),
        }
    }

    #[test]
    fn frames_wait_by_user_in_the_order_of_their_arrival() {
        let mut store = memory();
        let parked = [
            frame("bob", 1, Some(4)),
            frame("carol", 2, None),
            frame("bob", 3, Some(6)),
            frame("bob", 4, None),
        ];
        write(&mut store, |tx| {
            parked
                .iter()
                .try_for_each(|frame| tx.park_frame(frame).map(drop))
        });
        let frames = store.parked_frames(&user("bob"), None, 99).unwrap();
        // Each is of one byte.
        let some = |after, bytes| store.parked_frames(&user("bob"), after, bytes).unwrap();
        assert_eq!(some(None, 2), frames[..2]);
        assert_eq!(some(Some(frames[1].id), 1), frames[2..]);
        assert!(some(Some(frames[2].id), 1).is_empty());
        let held: Vec<_> = frames.iter().map(|parked| &parked.frame).collect();
        assert_eq!(held, [&parked[0], &parked[2], &parked[3]]);
        assert_eq!(
            store.parked_for().unwrap(),
            [(user("bob"), Some(6)), (user("carol"), None)]
        );
        assert!(write(&mut store, |tx| tx.delete_parked(frames[0].id)));
        assert!(!write(&mut store, |tx| tx.delete_parked(frames[0].id)));
        assert_eq!(store.count_parked().unwrap(), 3);
        assert_eq!(store.count_parked_for(&user("bob")).unwrap(), 2);
        let next = write(&mut store, |tx| tx.park_frame(&frame("bob", 5, None)));
        assert!(next > frames[2].id);
    }
}
