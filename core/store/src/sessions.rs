//! Ratchet sessions by device: opaque records under a version, so that a stale copy is never saved over a newer one.

use crate::columns::Col;
use crate::{Rows, SecretBytes, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, params};
use sealwire_wire::{DeviceId, UserId};

/// A session as it was read: saved again with this version, or not at all.
pub struct SessionRow {
    /// To be named when the session is saved.
    pub version: u64,
    /// The engine's record: current and archived states.
    pub record: SecretBytes,
}

impl Rows {
    /// The session with a device.
    pub fn session(
        &self,
        user: &UserId,
        device: DeviceId,
    ) -> Result<Option<SessionRow>, StoreError> {
        self.statement(
            "SELECT row_version, record FROM sessions WHERE user_id = ?1 AND device_id = ?2",
        )?
        .query_row(params![Col(user), Col(device)], |row| {
            Ok(SessionRow {
                version: row.get::<_, Col<_>>(0)?.0,
                record: row.get::<_, Col<_>>(1)?.0,
            })
        })
        .optional()
        .map_err(StoreError::from)
    }

    /// The devices of a user that a session is held with.
    pub fn session_devices(&self, user: &UserId) -> Result<Vec<DeviceId>, StoreError> {
        self.statement("SELECT device_id FROM sessions WHERE user_id = ?1 ORDER BY device_id")?
            .query_map([Col(user)], |row| Ok(row.get::<_, Col<_>>(0)?.0))?
            .map(|device| Ok(device?))
            .collect()
    }
}

impl Transaction<'_> {
    /// Saves a session that was read with `expected` (`None`: there was none); answers its new version.
    ///
    /// [`StoreError::StaleSession`] if the row is not as it was read.
    pub fn save_session(
        &mut self,
        user: &UserId,
        device: DeviceId,
        expected: Option<u64>,
        record: &[u8],
    ) -> Result<u64, StoreError> {
        let version = self.next_row_version()?;
        let changed = match expected {
            None => self
                .statement(
                    "INSERT INTO sessions (user_id, device_id, row_version, record) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![Col(user), Col(device), Col(version), record])?,
            Some(expected) => self
                .statement(
                    "UPDATE sessions SET row_version = ?3, record = ?4
                     WHERE user_id = ?1 AND device_id = ?2 AND row_version = ?5",
                )?
                .execute(params![Col(user), Col(device), Col(version), record, Col(expected)])?,
        };
        if changed == 1 {
            Ok(version)
        } else {
            Err(StoreError::StaleSession)
        }
    }

    /// Deletes the session with a device and its skipped keys. Used base keys stay: they must never open another.
    pub fn delete_sessions(&mut self, user: &UserId, device: DeviceId) -> Result<(), StoreError> {
        self.statement("DELETE FROM sessions WHERE user_id = ?1 AND device_id = ?2")?
            .execute(params![Col(user), Col(device)])?;
        self.delete_skipped_keys(user, device)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{device, memory, user, write};
    use crate::{SkippedKeyRow, StoreError};

    #[test]
    fn a_session_comes_back_as_it_was_saved() {
        let mut store = memory();
        assert!(store.session(&user("bob"), device(2)).unwrap().is_none());
        let version = write(&mut store, |tx| {
            tx.save_session(&user("bob"), device(2), None, b"one")
        });
        let held = store.session(&user("bob"), device(2)).unwrap().unwrap();
        assert_eq!(
            (held.version, held.record.as_slice()),
            (version, b"one".as_slice())
        );
        assert!(store.session(&user("bob"), device(1)).unwrap().is_none());
        assert_eq!(store.session_devices(&user("bob")).unwrap(), [device(2)]);
    }

    #[test]
    fn of_two_savers_from_one_reading_the_second_is_refused() {
        let mut store = memory();
        let first = write(&mut store, |tx| {
            tx.save_session(&user("bob"), device(1), None, b"one")
        });
        let second = write(&mut store, |tx| {
            tx.save_session(&user("bob"), device(1), Some(first), b"two")
        });
        assert_ne!(first, second);
        for stale in [None, Some(first), Some(second + 1)] {
            let refused =
                store.transaction(|tx| tx.save_session(&user("bob"), device(1), stale, b"stale"));
            assert_eq!(refused, Err(StoreError::StaleSession), "{stale:?}");
        }
        assert_eq!(
            store
                .session(&user("bob"), device(1))
                .unwrap()
                .unwrap()
                .record
                .as_slice(),
            b"two"
        );
    }

    #[test]
    fn a_copy_from_before_a_reset_is_stale_for_the_session_after_it() {
        let mut store = memory();
        let before = write(&mut store, |tx| {
            tx.save_session(&user("bob"), device(1), None, b"one")
        });
        write(&mut store, |tx| tx.delete_sessions(&user("bob"), device(1)));
        let gone = store
            .transaction(|tx| tx.save_session(&user("bob"), device(1), Some(before), b"stale"));
        assert_eq!(gone, Err(StoreError::StaleSession));
        write(&mut store, |tx| {
            tx.save_session(&user("bob"), device(1), None, b"anew")
        });
        let stale = store
            .transaction(|tx| tx.save_session(&user("bob"), device(1), Some(before), b"stale"));
        assert_eq!(stale, Err(StoreError::StaleSession));
    }

    #[test]
    fn deleting_a_session_takes_its_skipped_keys_and_no_other_devices() {
        let mut store = memory();
        let key = |counter| SkippedKeyRow {
            base_key: [1; 33],
            ratchet_key: [2; 33],
            counter,
            seed: [3; 32].into(),
        };
        write(&mut store, |tx| {
            for number in [1, 2] {
                tx.save_session(&user("bob"), device(number), None, b"record")?;
                tx.insert_skipped_keys(&user("bob"), device(number), &[key(4)])?;
            }
            tx.delete_sessions(&user("bob"), device(1))
        });
        assert!(store.session(&user("bob"), device(1)).unwrap().is_none());
        assert_eq!(
            store
                .skipped_keys(&user("bob"), device(1), &[2; 33], 4)
                .unwrap()
                .len(),
            0
        );
        assert!(store.session(&user("bob"), device(2)).unwrap().is_some());
        assert_eq!(
            store
                .skipped_keys(&user("bob"), device(2), &[2; 33], 4)
                .unwrap()
                .len(),
            1
        );
    }
}
