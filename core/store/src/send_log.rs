//! What each device was given for each own message: the envelope's plaintext, to answer that device's resend request.

use crate::columns::Col;
use crate::{LocalId, Rows, SecretBytes, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, params};
use sealwire_wire::{DeviceId, Timestamp, UserId};

/// One device's share of one own message.
pub struct SendLogEntry {
    /// The message.
    pub local_id: LocalId,
    /// For whom it was wrapped.
    pub user: UserId,
    /// For which device.
    pub device: DeviceId,
    /// The envelope's plaintext.
    pub envelope: SecretBytes,
    /// When, by this device's clock.
    pub created_at: Timestamp,
}

impl Rows {
    /// The envelope plaintext that a device was given for a message.
    pub fn logged_send(
        &self,
        id: LocalId,
        user: &UserId,
        device: DeviceId,
    ) -> Result<Option<SecretBytes>, StoreError> {
        self.statement(
            "SELECT envelope FROM send_log WHERE local_id = ?1 AND user_id = ?2 AND device_id = ?3",
        )?
        .query_row(params![id.0, Col(user), Col(device)], |row| {
            Ok(row.get::<_, Col<_>>(0)?.0)
        })
        .optional()
        .map_err(StoreError::from)
    }
}

impl Transaction<'_> {
    /// Logs what a device was given, in place of what it was given for this message before.
    pub fn log_send(&mut self, entry: &SendLogEntry) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO send_log (local_id, user_id, device_id, envelope, created_at_ms) VALUES (?1, ?2, ?3, ?4, ?5)
             ON CONFLICT (local_id, user_id, device_id) DO UPDATE SET
                 envelope = excluded.envelope, created_at_ms = excluded.created_at_ms",
        )?
        .execute(params![
            entry.local_id.0,
            Col(&entry.user),
            Col(entry.device),
            Col(&entry.envelope),
            Col(entry.created_at)
        ])
        .map_err(|error| match StoreError::is_constraint(&error) {
            true => StoreError::NoSuch("message"),
            false => error.into(),
        })?;
        Ok(())
    }

    /// Forgets what devices were given for a message: no resend request for it is answered.
    pub(crate) fn delete_logged_sends(&mut self, id: LocalId) -> Result<(), StoreError> {
        self.statement("DELETE FROM send_log WHERE local_id = ?1")?
            .execute([id.0])?;
        Ok(())
    }

    /// Forgets what was logged before `before`; how many.
    pub fn prune_send_log(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        Ok(self
            .statement("DELETE FROM send_log WHERE created_at_ms < ?1")?
            .execute([Col(before)])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::StoreError;
    use crate::testing::{device, pending, user, with_thread, write};

    #[test]
    fn what_a_device_was_given_is_kept_until_it_is_too_old() {
        let mut store = with_thread();
        let id = write(&mut store, |tx| tx.insert_message(&pending(1, "words"))).local_id();
        let entry = |number, envelope: &[u8], at| SendLogEntry {
            local_id: id,
            user: user("bob"),
            device: device(number),
            envelope: envelope.to_vec().into(),
            created_at: Timestamp(at),
        };
        write(&mut store, |tx| {
            tx.log_send(&entry(1, b"first", 10))?;
            tx.log_send(&entry(1, b"wrapped again", 30))?;
            tx.log_send(&entry(2, b"second", 20))
        });
        let logged = |store: &crate::Store, number| {
            store
                .logged_send(id, &user("bob"), device(number))
                .unwrap()
                .map(|envelope| envelope.to_vec())
        };
        assert_eq!(logged(&store, 1), Some(b"wrapped again".to_vec()));
        assert_eq!(logged(&store, 3), None, "never wrapped for, never answered");
        assert_eq!(write(&mut store, |tx| tx.prune_send_log(Timestamp(30))), 1);
        assert_eq!(
            (logged(&store, 1).is_some(), logged(&store, 2)),
            (true, None)
        );
        let mut orphan = entry(1, b"of no message", 1);
        orphan.local_id = LocalId(99);
        assert_eq!(
            store.transaction(|tx| tx.log_send(&orphan)),
            Err(StoreError::NoSuch("message"))
        );
    }
}
