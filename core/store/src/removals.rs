//! Devices that a signed list no longer holds: received from until the next complete catch-up, then refused.

use crate::columns::{Col, number_column};
use crate::{Rows, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, params};
use sealwire_wire::{DeviceId, UserId};

/// A device that was taken out of its user's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRemoval {
    /// Whose.
    pub user: UserId,
    /// Which.
    pub device: DeviceId,
    /// The first version without it.
    pub since_version: u64,
    /// Whether it is refused yet.
    pub state: RemovalState,
}

/// Whether a removed device is refused yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RemovalState {
    /// What it sent before may still be on its way.
    Pending,
    /// Nothing of it is taken.
    Refused,
}
number_column!(RemovalState { Pending = 1, Refused = 2 });

impl Rows {
    /// The removal of a device, if it was removed.
    pub fn device_removal(
        &self,
        user: &UserId,
        device: DeviceId,
    ) -> Result<Option<DeviceRemoval>, StoreError> {
        self.statement(
            "SELECT user_id, device_id, since_version, state FROM device_removals
             WHERE user_id = ?1 AND device_id = ?2",
        )?
        .query_row(params![Col(user), Col(device)], read_removal)
        .optional()
        .map_err(StoreError::from)
    }

    /// The removed devices that are not refused yet.
    pub fn pending_removals(&self) -> Result<Vec<DeviceRemoval>, StoreError> {
        self.statement(
            "SELECT user_id, device_id, since_version, state FROM device_removals WHERE state = ?1",
        )?
        .query_map([RemovalState::Pending], read_removal)?
        .map(|row| Ok(row?))
        .collect()
    }
}

impl Transaction<'_> {
    /// Notes that a list no longer holds a device. A removal that is known stays as it is.
    pub fn note_removal(
        &mut self,
        user: &UserId,
        device: DeviceId,
        since_version: u64,
    ) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO device_removals (user_id, device_id, since_version, state) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![Col(user), Col(device), Col(since_version), RemovalState::Pending])?;
        Ok(())
    }

    /// From now on nothing of this device is taken; its sessions and skipped keys are deleted.
    pub fn refuse_device(&mut self, user: &UserId, device: DeviceId) -> Result<(), StoreError> {
        let changed = self
            .statement(
                "UPDATE device_removals SET state = ?3 WHERE user_id = ?1 AND device_id = ?2",
            )?
            .execute(params![Col(user), Col(device), RemovalState::Refused])?;
        if changed != 1 {
            return Err(StoreError::NoSuch("removed device"));
        }
        self.delete_sessions(user, device)
    }
}

fn read_removal(row: &rusqlite::Row<'_>) -> rusqlite::Result<DeviceRemoval> {
    Ok(DeviceRemoval {
        user: row.get::<_, Col<_>>(0)?.0,
        device: row.get::<_, Col<_>>(1)?.0,
        since_version: row.get::<_, Col<_>>(2)?.0,
        state: row.get(3)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{device, memory, user, write};

    #[test]
    fn a_removed_device_is_pending_until_refused_and_its_session_goes_then() {
        let mut store = memory();
        write(&mut store, |tx| {
            tx.save_session(&user("bob"), device(2), None, b"record")?;
            tx.note_removal(&user("bob"), device(2), 5)?;
            tx.note_removal(&user("bob"), device(2), 6)
        });
        let removal = store
            .device_removal(&user("bob"), device(2))
            .unwrap()
            .unwrap();
        assert_eq!(
            (removal.since_version, removal.state),
            (5, RemovalState::Pending)
        );
        assert_eq!(store.pending_removals().unwrap(), [removal]);
        assert!(store.session(&user("bob"), device(2)).unwrap().is_some());
        write(&mut store, |tx| tx.refuse_device(&user("bob"), device(2)));
        assert!(store.session(&user("bob"), device(2)).unwrap().is_none());
        assert_eq!(store.pending_removals().unwrap(), []);
        write(&mut store, |tx| tx.note_removal(&user("bob"), device(2), 5));
        let state = store
            .device_removal(&user("bob"), device(2))
            .unwrap()
            .unwrap()
            .state;
        assert_eq!(
            state,
            RemovalState::Refused,
            "noted again, it stays refused"
        );
    }

    #[test]
    fn only_a_removed_device_is_refused() {
        let mut store = memory();
        let refused = store.transaction(|tx| tx.refuse_device(&user("bob"), device(1)));
        assert_eq!(refused, Err(StoreError::NoSuch("removed device")));
        assert_eq!(store.device_removal(&user("bob"), device(1)).unwrap(), None);
    }
}
