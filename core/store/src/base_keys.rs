//! Base keys of sessions begun without a one-time key: one that was used never opens a second session.

use crate::columns::Col;
use crate::{Rows, StoreError, Transaction};
use rusqlite::params;
use sealwire_wire::{DeviceId, UserId};

impl Rows {
    /// Whether a session was begun with this base key on this signed prekey before.
    pub fn base_key_used(
        &self,
        user: &UserId,
        device: DeviceId,
        signed_prekey_id: u32,
        base_key: &[u8; 33],
    ) -> Result<bool, StoreError> {
        Ok(self
            .statement(
                "SELECT 1 FROM used_base_keys
                 WHERE user_id = ?1 AND device_id = ?2 AND signed_prekey_id = ?3 AND base_key = ?4",
            )?
            .exists(params![Col(user), Col(device), signed_prekey_id, base_key])?)
    }

    /// How many base keys are recorded of a device.
    pub fn count_used_base_keys(&self, user: &UserId, device: DeviceId) -> Result<u64, StoreError> {
        let count: Col<u64> = self
            .statement("SELECT count(*) FROM used_base_keys WHERE user_id = ?1 AND device_id = ?2")?
            .query_row(params![Col(user), Col(device)], |row| row.get(0))?;
        Ok(count.0)
    }
}

impl Transaction<'_> {
    /// Records a base key with the signed prekey and the KEM prekey that it was used with, for as long as both are held; `false`
    /// if it was recorded with this signed prekey before: then it must open nothing.
    pub fn record_base_key(
        &mut self,
        user: &UserId,
        device: DeviceId,
        signed_prekey_id: u32,
        kem_prekey_id: Option<u32>,
        base_key: &[u8; 33],
    ) -> Result<bool, StoreError> {
        let inserted = self
            .statement(
                "INSERT INTO used_base_keys (user_id, device_id, signed_prekey_id, base_key, kem_prekey_id)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                Col(user),
                Col(device),
                signed_prekey_id,
                base_key,
                kem_prekey_id
            ])
            .map_err(|error| match StoreError::is_constraint(&error) {
                true => StoreError::NoSuch("prekey of a base key"),
                false => error.into(),
            })?;
        Ok(inserted == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SignedPrekeyRow;
    use crate::testing::{device, memory, user, write};
    use sealwire_wire::Timestamp;

    fn signed(id: u32) -> SignedPrekeyRow {
        SignedPrekeyRow {
            id,
            secret: vec![id as u8; 32].into(),
            signature: [3; 64],
            created_at: Timestamp(9),
            listed_version: 4,
        }
    }

    #[test]
    fn a_base_key_counts_as_used_until_its_prekey_is_gone() {
        let mut store = memory();
        let record = |tx: &mut Transaction<'_>, prekey, base: u8| {
            tx.record_base_key(&user("bob"), device(1), prekey, None, &[base; 33])
        };
        write(&mut store, |tx| {
            (1..=2).try_for_each(|id| tx.insert_signed_prekey(&signed(id)))
        });
        assert!(write(&mut store, |tx| record(tx, 1, 5)));
        assert!(
            !write(&mut store, |tx| record(tx, 1, 5)),
            "a used one is told"
        );
        assert!(write(&mut store, |tx| record(tx, 2, 5)));
        assert_eq!(
            store.count_used_base_keys(&user("bob"), device(1)).unwrap(),
            2
        );
        write(&mut store, |tx| tx.delete_sessions(&user("bob"), device(1)));
        assert!(
            store
                .base_key_used(&user("bob"), device(1), 1, &[5; 33])
                .unwrap(),
            "also after a reset"
        );
        write(&mut store, |tx| tx.delete_signed_prekey(1));
        assert!(
            !store
                .base_key_used(&user("bob"), device(1), 1, &[5; 33])
                .unwrap()
        );
        assert_eq!(
            store.count_used_base_keys(&user("bob"), device(1)).unwrap(),
            1
        );
        let gone = store.transaction(|tx| record(tx, 1, 6));
        assert_eq!(gone, Err(StoreError::NoSuch("prekey of a base key")));
    }

    #[test]
    fn a_base_key_is_forgotten_with_its_kem_prekey_too() {
        let mut store = memory();
        let record = |tx: &mut Transaction<'_>, kem, base: u8| {
            tx.record_base_key(&user("bob"), device(1), 1, Some(kem), &[base; 33])
        };
        write(&mut store, |tx| {
            tx.insert_signed_prekey(&signed(1))?;
            (1..=2).try_for_each(|id| tx.insert_kem_prekey(&crate::testing::kem_prekey(id, true)))
        });
        assert!(write(&mut store, |tx| record(tx, 1, 5)));
        assert!(
            !write(&mut store, |tx| record(tx, 2, 5)),
            "another KEM prekey does not make it a fresh one"
        );
        assert!(write(&mut store, |tx| record(tx, 2, 6)));
        let used = |store: &crate::Store, base: u8| {
            let (user, device) = (user("bob"), device(1));
            store.base_key_used(&user, device, 1, &[base; 33]).unwrap()
        };
        write(&mut store, |tx| tx.delete_kem_prekey(1));
        assert_eq!((used(&store, 5), used(&store, 6)), (false, true));
        write(&mut store, |tx| tx.delete_signed_prekey(1));
        assert!(!used(&store, 6));
        let gone = store.transaction(|tx| record(tx, 1, 7));
        assert_eq!(gone, Err(StoreError::NoSuch("prekey of a base key")));
    }
}
