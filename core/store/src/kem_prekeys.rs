//! This device's KEM prekeys: those used once, and the last resorts, used when the others have run out. Their ids come from one
//! counter, so that an id in a message names one key.

use crate::columns::Col;
use crate::{PrekeyKind, Rows, SecretBytes, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, Row, params};
use sealwire_wire::Timestamp;

/// A KEM prekey.
pub struct KemPrekeyRow {
    /// Its id.
    pub id: u32,
    /// The 64 bytes that the pair follows from.
    pub seed: SecretBytes,
    /// The identity key's signature over the public half.
    pub signature: [u8; 64],
    /// Whether it is for when the others have run out: used many times.
    pub last_resort: bool,
    /// When it was made, by this device's clock.
    pub created_at: Timestamp,
}

impl Rows {
    /// A KEM prekey, if it is still held.
    pub fn kem_prekey(&self, id: u32) -> Result<Option<KemPrekeyRow>, StoreError> {
        self.statement(
            "SELECT id, seed, signature, last_resort, created_at_ms FROM kem_prekeys WHERE id = ?1",
        )?
        .query_row([id], read)
        .optional()
        .map_err(StoreError::from)
    }

    /// The last resorts that are held, newest first.
    pub fn last_resort_kem_prekeys(&self) -> Result<Vec<KemPrekeyRow>, StoreError> {
        self.statement(
            "SELECT id, seed, signature, last_resort, created_at_ms FROM kem_prekeys
             WHERE last_resort = 1 ORDER BY id DESC",
        )?
        .query_map([], read)?
        .map(|row| Ok(row?))
        .collect()
    }

    /// How many one-time ones are held, uploaded or not.
    pub fn count_one_time_kem_prekeys(&self) -> Result<u64, StoreError> {
        let count: Col<u64> = self
            .statement("SELECT count(*) FROM kem_prekeys WHERE last_resort = 0")?
            .query_row([], |row| row.get(0))?;
        Ok(count.0)
    }

    /// Those that the relay does not have, by id.
    pub fn kem_prekeys_to_upload(&self) -> Result<Vec<KemPrekeyRow>, StoreError> {
        let first = self.prekey_ids(PrekeyKind::Kem)?.first_not_uploaded;
        self.statement(
            "SELECT id, seed, signature, last_resort, created_at_ms FROM kem_prekeys
             WHERE id >= ?1 AND kept_back_at_ms IS NULL ORDER BY id",
        )?
        .query_map([first], read)?
        .map(|row| Ok(row?))
        .collect()
    }
}

impl Transaction<'_> {
    /// Keeps a KEM prekey under an id from [`Self::take_prekey_ids`].
    pub fn insert_kem_prekey(&mut self, prekey: &KemPrekeyRow) -> Result<(), StoreError> {
        self.insert_kem(prekey, None)
    }

    /// Keeps a one-time KEM prekey that one device alone is told of, and the relay never.
    pub fn keep_back_kem_prekey(
        &mut self,
        prekey: &KemPrekeyRow,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.insert_kem(prekey, Some(at))
    }

    /// The relay gives out the last resorts below `end` from now on: those before them were named until now.
    pub fn last_resorts_are_given_out(
        &mut self,
        end: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let first = self.prekey_ids(PrekeyKind::Kem)?.first_not_uploaded;
        self.statement(
            "UPDATE kem_prekeys SET created_at_ms = ?3 WHERE last_resort = 1 AND id >= ?1 AND id < ?2",
        )?
        .execute(params![first, end, Col(now)])?;
        Ok(())
    }

    /// Deletes a KEM prekey: a one-time one together with what the session made from it commits, a last resort with the base
    /// keys recorded against it. Whether it was there.
    pub fn delete_kem_prekey(&mut self, id: u32) -> Result<bool, StoreError> {
        Ok(self
            .statement("DELETE FROM kem_prekeys WHERE id = ?1")?
            .execute([id])?
            == 1)
    }

    fn insert_kem(
        &mut self,
        prekey: &KemPrekeyRow,
        kept_back_at: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let inserted = self
            .statement(
                "INSERT INTO kem_prekeys (id, seed, signature, last_resort, created_at_ms, kept_back_at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                prekey.id,
                Col(&prekey.seed),
                Col(&prekey.signature),
                prekey.last_resort,
                Col(prekey.created_at),
                Col::optional(kept_back_at),
            ])?;
        if inserted == 1 {
            Ok(())
        } else {
            Err(StoreError::Conflict("KEM prekey"))
        }
    }
}

fn read(row: &Row<'_>) -> rusqlite::Result<KemPrekeyRow> {
    Ok(KemPrekeyRow {
        id: row.get(0)?,
        seed: row.get::<_, Col<_>>(1)?.0,
        signature: row.get::<_, Col<_>>(2)?.0,
        last_resort: row.get(3)?,
        created_at: row.get::<_, Col<_>>(4)?.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{kem_prekey, memory, write};

    #[test]
    fn both_kinds_are_uploaded_once_and_told_apart() {
        let mut store = memory();
        write(&mut store, |tx| {
            let first = tx.take_prekey_ids(PrekeyKind::Kem, 3)?;
            tx.insert_kem_prekey(&kem_prekey(first, true))?;
            tx.insert_kem_prekey(&kem_prekey(first + 1, false))?;
            tx.keep_back_kem_prekey(&kem_prekey(first + 2, false), Timestamp(5))
        });
        let ids = |rows: Vec<KemPrekeyRow>| rows.iter().map(|row| row.id).collect::<Vec<_>>();
        assert_eq!(ids(store.kem_prekeys_to_upload().unwrap()), [1, 2]);
        assert_eq!(ids(store.last_resort_kem_prekeys().unwrap()), [1]);
        assert_eq!(store.count_one_time_kem_prekeys().unwrap(), 2);
        write(&mut store, |tx| {
            tx.mark_prekeys_uploaded(PrekeyKind::Kem, 4)
        });
        assert!(store.kem_prekeys_to_upload().unwrap().is_empty());
        let held = store.kem_prekey(2).unwrap().unwrap();
        assert_eq!(
            (held.seed.as_slice(), held.signature),
            (&[2; 64][..], [3; 64])
        );
        assert!(!held.last_resort);
        assert!(write(&mut store, |tx| tx.delete_kem_prekey(2)));
        assert!(store.kem_prekey(2).unwrap().is_none());
        assert_eq!(
            write(&mut store, |tx| tx.prune_kept_back_prekeys(Timestamp(6))),
            1
        );
        assert_eq!(store.count_one_time_kem_prekeys().unwrap(), 0);
        let again = store.transaction(|tx| tx.insert_kem_prekey(&kem_prekey(1, false)));
        assert_eq!(again, Err(StoreError::Conflict("KEM prekey")));
    }

    #[test]
    fn the_oldest_one_time_ones_make_room_and_no_last_resort_does() {
        let mut store = memory();
        write(&mut store, |tx| {
            let first = tx.take_prekey_ids(PrekeyKind::Kem, 6)?;
            tx.insert_kem_prekey(&kem_prekey(first, true))?;
            tx.keep_back_kem_prekey(&kem_prekey(first + 1, false), Timestamp(5))?;
            (first + 2..first + 6)
                .try_for_each(|id| tx.insert_kem_prekey(&kem_prekey(id, false)))?;
            tx.mark_prekeys_uploaded(PrekeyKind::Kem, first + 5)
        });
        let held = |store: &crate::Store| {
            (1..=6)
                .filter(|id| store.kem_prekey(*id).unwrap().is_some())
                .collect::<Vec<_>>()
        };
        let prune = |store: &mut crate::Store, count| {
            write(store, |tx| {
                tx.prune_oldest_one_time_prekeys(PrekeyKind::Kem, count)
            })
        };
        assert_eq!(prune(&mut store, 1), 1);
        assert_eq!(held(&store), [1, 2, 4, 5, 6]);
        assert_eq!(prune(&mut store, 9), 2);
        assert_eq!(held(&store), [1, 2, 6]);
    }
}
