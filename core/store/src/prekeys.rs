//! This device's prekeys. Ids come from a counter that never falls, so that no id ever names two keys.

use crate::columns::{Col, number_column};
use crate::{Rows, SecretBytes, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, params};
use sealwire_wire::Timestamp;

/// Which of the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrekeyKind {
    /// Signed, used many times.
    Signed,
    /// Used once.
    OneTime,
    /// KEM prekeys, used once or the last resort.
    Kem,
}
number_column!(PrekeyKind { Signed = 1, OneTime = 2, Kem = 3 });

/// Two watermarks: ids from `first_not_uploaded` up to, not including, `next` are made but not at the relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrekeyIds {
    /// The next id to give.
    pub next: u32,
    /// The first that the relay does not have.
    pub first_not_uploaded: u32,
}

/// A signed prekey.
pub struct SignedPrekeyRow {
    /// Its id.
    pub id: u32,
    /// The private half.
    pub secret: SecretBytes,
    /// The identity key's signature over the public half.
    pub signature: [u8; 64],
    /// When it was made, by this device's clock; once the relay has it, when that became known.
    pub created_at: Timestamp,
    /// The highest protocol version that this device's list entry named then.
    pub listed_version: u32,
}

impl Rows {
    /// The watermarks of a kind.
    pub fn prekey_ids(&self, kind: PrekeyKind) -> Result<PrekeyIds, StoreError> {
        self.statement("SELECT next_id, first_not_uploaded FROM prekey_ids WHERE kind = ?1")?
            .query_row([kind], |row| {
                Ok(PrekeyIds {
                    next: row.get(0)?,
                    first_not_uploaded: row.get(1)?,
                })
            })
            .map_err(StoreError::from)
    }

    /// A one-time prekey's private half, if it was not used.
    pub fn one_time_prekey(&self, id: u32) -> Result<Option<SecretBytes>, StoreError> {
        self.statement("SELECT secret FROM one_time_prekeys WHERE id = ?1")?
            .query_row([id], |row| Ok(row.get::<_, Col<_>>(0)?.0))
            .optional()
            .map_err(StoreError::from)
    }

    /// How many one-time prekeys are held, uploaded or not.
    pub fn count_one_time_prekeys(&self) -> Result<u64, StoreError> {
        let count: Col<u64> = self
            .statement("SELECT count(*) FROM one_time_prekeys")?
            .query_row([], |row| row.get(0))?;
        Ok(count.0)
    }

    /// The one-time prekeys that the relay does not have, by id.
    pub fn one_time_prekeys_to_upload(&self) -> Result<Vec<(u32, SecretBytes)>, StoreError> {
        let first = self.prekey_ids(PrekeyKind::OneTime)?.first_not_uploaded;
        self.statement(
            "SELECT id, secret FROM one_time_prekeys WHERE id >= ?1 AND kept_back_at_ms IS NULL ORDER BY id",
        )?
        .query_map([first], |row| Ok((row.get(0)?, row.get::<_, Col<_>>(1)?.0)))?
        .map(|row| Ok(row?))
        .collect()
    }

    /// A signed prekey by id.
    pub fn signed_prekey(&self, id: u32) -> Result<Option<SignedPrekeyRow>, StoreError> {
        self.statement(
            "SELECT id, secret, signature, created_at_ms, listed_version FROM signed_prekeys WHERE id = ?1",
        )?
        .query_row([id], read_signed)
        .optional()
        .map_err(StoreError::from)
    }

    /// Every signed prekey that is kept, newest first.
    pub fn signed_prekeys(&self) -> Result<Vec<SignedPrekeyRow>, StoreError> {
        self.statement(
            "SELECT id, secret, signature, created_at_ms, listed_version FROM signed_prekeys ORDER BY id DESC",
        )?
        .query_map([], read_signed)?
        .map(|row| Ok(row?))
        .collect()
    }
}

impl Transaction<'_> {
    /// Takes `count` ids that were never given before, and answers the first.
    pub fn take_prekey_ids(&mut self, kind: PrekeyKind, count: u32) -> Result<u32, StoreError> {
        let first = self.prekey_ids(kind)?.next;
        let next = first
            .checked_add(count)
            .ok_or(StoreError::OutOfRange("prekey id"))?;
        self.statement("UPDATE prekey_ids SET next_id = ?2 WHERE kind = ?1")?
            .execute(params![kind, next])?;
        Ok(first)
    }

    /// Leaves out all ids below `next`, as when the relay holds another key under one of them.
    pub fn skip_prekey_ids(&mut self, kind: PrekeyKind, next: u32) -> Result<(), StoreError> {
        self.statement("UPDATE prekey_ids SET next_id = max(next_id, ?2) WHERE kind = ?1")?
            .execute(params![kind, next])?;
        Ok(())
    }

    /// From now on the relay gives out the signed prekeys below `end` that it did not have: what they replace grows old from
    /// here on. To be said before [`Self::mark_prekeys_uploaded`].
    pub fn signed_prekeys_are_given_out(
        &mut self,
        end: u32,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let first = self.prekey_ids(PrekeyKind::Signed)?.first_not_uploaded;
        self.statement("UPDATE signed_prekeys SET created_at_ms = ?3 WHERE id >= ?1 AND id < ?2")?
            .execute(params![first, end, Col(now)])?;
        Ok(())
    }

    /// The relay has every prekey below `end`.
    pub fn mark_prekeys_uploaded(&mut self, kind: PrekeyKind, end: u32) -> Result<(), StoreError> {
        self.statement(
            "UPDATE prekey_ids SET first_not_uploaded = max(first_not_uploaded, min(?2, next_id)) WHERE kind = ?1",
        )?
        .execute(params![kind, end])?;
        Ok(())
    }

    /// Keeps a one-time prekey under an id from [`Self::take_prekey_ids`].
    pub fn insert_one_time_prekey(
        &mut self,
        id: u32,
        secret: &SecretBytes,
    ) -> Result<(), StoreError> {
        let inserted = self
            .statement(
                "INSERT INTO one_time_prekeys (id, secret) VALUES (?1, ?2) ON CONFLICT DO NOTHING",
            )?
            .execute(params![id, Col(secret)])?;
        if inserted == 1 {
            Ok(())
        } else {
            Err(StoreError::Conflict("one-time prekey"))
        }
    }

    /// Keeps a one-time prekey that one device alone is told of, and the relay never.
    pub fn keep_back_one_time_prekey(
        &mut self,
        id: u32,
        secret: &SecretBytes,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        self.insert_one_time_prekey(id, secret)?;
        self.statement("UPDATE one_time_prekeys SET kept_back_at_ms = ?2 WHERE id = ?1")?
            .execute(params![id, Col(at)])?;
        Ok(())
    }

    /// Forgets the prekeys of either kind kept back before `before` that nobody used; how many.
    pub fn prune_kept_back_prekeys(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        let one_time = self
            .statement(
                "DELETE FROM one_time_prekeys WHERE kept_back_at_ms IS NOT NULL AND kept_back_at_ms < ?1",
            )?
            .execute([Col(before)])?;
        let kem = self
            .statement(
                "DELETE FROM kem_prekeys WHERE kept_back_at_ms IS NOT NULL AND kept_back_at_ms < ?1",
            )?
            .execute([Col(before)])?;
        Ok(one_time + kem)
    }

    /// Forgets the `count` oldest one-time prekeys of a kind that the relay has, or had, and nobody used; how many. Signed
    /// prekeys are no one-time prekeys: none of them goes.
    pub fn prune_oldest_one_time_prekeys(
        &mut self,
        kind: PrekeyKind,
        count: u32,
    ) -> Result<usize, StoreError> {
        let statement = match kind {
            PrekeyKind::Signed => return Ok(0),
            PrekeyKind::OneTime => {
                "DELETE FROM one_time_prekeys WHERE id IN (SELECT id FROM one_time_prekeys
                 WHERE id < ?1 AND kept_back_at_ms IS NULL ORDER BY id LIMIT ?2)"
            }
            PrekeyKind::Kem => {
                "DELETE FROM kem_prekeys WHERE id IN (SELECT id FROM kem_prekeys
                 WHERE id < ?1 AND kept_back_at_ms IS NULL AND last_resort = 0 ORDER BY id LIMIT ?2)"
            }
        };
        let uploaded = self.prekey_ids(kind)?.first_not_uploaded;
        Ok(self.statement(statement)?.execute([uploaded, count])?)
    }

    /// Deletes a one-time prekey, together with what the session made from it commits; whether it was there.
    pub fn delete_one_time_prekey(&mut self, id: u32) -> Result<bool, StoreError> {
        Ok(self
            .statement("DELETE FROM one_time_prekeys WHERE id = ?1")?
            .execute([id])?
            == 1)
    }

    /// Keeps a signed prekey under an id from [`Self::take_prekey_ids`].
    pub fn insert_signed_prekey(&mut self, prekey: &SignedPrekeyRow) -> Result<(), StoreError> {
        let inserted = self
            .statement(
                "INSERT INTO signed_prekeys (id, secret, signature, created_at_ms, listed_version)
                 VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING",
            )?
            .execute(params![
                prekey.id,
                Col(&prekey.secret),
                Col(&prekey.signature),
                Col(prekey.created_at),
                prekey.listed_version
            ])?;
        if inserted == 1 {
            Ok(())
        } else {
            Err(StoreError::Conflict("signed prekey"))
        }
    }

    /// Deletes a signed prekey and the base keys recorded against it, which it alone could open again.
    pub fn delete_signed_prekey(&mut self, id: u32) -> Result<bool, StoreError> {
        Ok(self
            .statement("DELETE FROM signed_prekeys WHERE id = ?1")?
            .execute([id])?
            == 1)
    }
}

fn read_signed(row: &rusqlite::Row<'_>) -> rusqlite::Result<SignedPrekeyRow> {
    Ok(SignedPrekeyRow {
        id: row.get(0)?,
        secret: row.get::<_, Col<_>>(1)?.0,
        signature: row.get::<_, Col<_>>(2)?.0,
        created_at: row.get::<_, Col<_>>(3)?.0,
        listed_version: row.get(4)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{memory, write};

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
    fn an_id_is_never_given_twice_even_when_its_key_is_gone() {
        let mut store = memory();
        let first = write(&mut store, |tx| {
            tx.take_prekey_ids(PrekeyKind::OneTime, 100)
        });
        write(&mut store, |tx| {
            tx.insert_one_time_prekey(first + 99, &vec![1; 32].into())
        });
        assert!(write(&mut store, |tx| tx.delete_one_time_prekey(first + 99)));
        assert!(!write(&mut store, |tx| tx.delete_one_time_prekey(first + 99)));
        assert_eq!(
            write(&mut store, |tx| tx.take_prekey_ids(PrekeyKind::OneTime, 1)),
            first + 100
        );
        write(&mut store, |tx| {
            tx.skip_prekey_ids(PrekeyKind::OneTime, 500)
        });
        write(&mut store, |tx| tx.skip_prekey_ids(PrekeyKind::OneTime, 3));
        assert_eq!(
            write(&mut store, |tx| tx.take_prekey_ids(PrekeyKind::OneTime, 1)),
            500
        );
        assert_eq!(
            write(&mut store, |tx| tx.take_prekey_ids(PrekeyKind::Signed, 1)),
            1,
            "each kind counts apart"
        );
        let beyond = store.transaction(|tx| tx.take_prekey_ids(PrekeyKind::OneTime, u32::MAX));
        assert_eq!(beyond, Err(StoreError::OutOfRange("prekey id")));
    }

    #[test]
    fn only_what_the_relay_does_not_have_is_uploaded() {
        let mut store = memory();
        write(&mut store, |tx| {
            let first = tx.take_prekey_ids(PrekeyKind::OneTime, 3)?;
            (first..first + 3)
                .try_for_each(|id| tx.insert_one_time_prekey(id, &vec![id as u8].into()))
        });
        let ids = |store: &crate::Store| {
            store
                .one_time_prekeys_to_upload()
                .unwrap()
                .into_iter()
                .map(|(id, _)| id)
                .collect::<Vec<_>>()
        };
        assert_eq!(ids(&store), [1, 2, 3]);
        write(&mut store, |tx| {
            tx.mark_prekeys_uploaded(PrekeyKind::OneTime, 3)
        });
        write(&mut store, |tx| {
            tx.mark_prekeys_uploaded(PrekeyKind::OneTime, 1)
        });
        assert_eq!(ids(&store), [3]);
        write(&mut store, |tx| {
            tx.mark_prekeys_uploaded(PrekeyKind::OneTime, u32::MAX)
        });
        let marks = store.prekey_ids(PrekeyKind::OneTime).unwrap();
        assert_eq!(
            marks,
            PrekeyIds {
                next: 4,
                first_not_uploaded: 4
            },
            "never beyond what was made"
        );
        assert_eq!(store.one_time_prekey(2).unwrap().unwrap().as_slice(), [2]);
    }

    #[test]
    fn a_prekey_that_is_kept_back_is_never_uploaded_and_goes_when_it_is_too_old() {
        let mut store = memory();
        write(&mut store, |tx| {
            let first = tx.take_prekey_ids(PrekeyKind::OneTime, 2)?;
            tx.keep_back_one_time_prekey(first, &vec![1].into(), Timestamp(5))?;
            tx.insert_one_time_prekey(first + 1, &vec![2].into())
        });
        let to_upload = store.one_time_prekeys_to_upload().unwrap();
        assert_eq!(to_upload.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [2]);
        let prune = |store: &mut crate::Store, before| {
            write(store, |tx| tx.prune_kept_back_prekeys(Timestamp(before)))
        };
        assert_eq!(prune(&mut store, 5), 0);
        assert!(store.one_time_prekey(1).unwrap().is_some());
        assert_eq!(prune(&mut store, 6), 1);
        assert!(store.one_time_prekey(1).unwrap().is_none());
        assert!(store.one_time_prekey(2).unwrap().is_some());
    }

    #[test]
    fn the_oldest_go_of_those_that_the_relay_was_given_alone() {
        let mut store = memory();
        write(&mut store, |tx| {
            let first = tx.take_prekey_ids(PrekeyKind::OneTime, 6)?;
            tx.keep_back_one_time_prekey(first, &vec![1].into(), Timestamp(5))?;
            (first + 1..first + 6)
                .try_for_each(|id| tx.insert_one_time_prekey(id, &vec![id as u8].into()))?;
            tx.mark_prekeys_uploaded(PrekeyKind::OneTime, first + 4)
        });
        let held = |store: &crate::Store| {
            (1..=6)
                .filter(|id| store.one_time_prekey(*id).unwrap().is_some())
                .collect::<Vec<_>>()
        };
        let prune = |store: &mut crate::Store, count| {
            write(store, |tx| {
                tx.prune_oldest_one_time_prekeys(PrekeyKind::OneTime, count)
            })
        };
        assert_eq!(prune(&mut store, 2), 2);
        assert_eq!(held(&store), [1, 4, 5, 6]);
        assert_eq!(prune(&mut store, 9), 1);
        assert_eq!(held(&store), [1, 5, 6]);
    }

    #[test]
    fn a_second_key_under_one_id_is_a_conflict() {
        let mut store = memory();
        write(&mut store, |tx| {
            tx.insert_one_time_prekey(1, &vec![1].into())
        });
        write(&mut store, |tx| tx.insert_signed_prekey(&signed(1)));
        let one_time = store.transaction(|tx| tx.insert_one_time_prekey(1, &vec![2].into()));
        assert_eq!(one_time, Err(StoreError::Conflict("one-time prekey")));
        let again = store.transaction(|tx| tx.insert_signed_prekey(&signed(1)));
        assert_eq!(again, Err(StoreError::Conflict("signed prekey")));
    }

    #[test]
    fn signed_prekeys_are_listed_newest_first() {
        let mut store = memory();
        write(&mut store, |tx| {
            (1..=2).try_for_each(|id| tx.insert_signed_prekey(&signed(id)))
        });
        let ids: Vec<_> = store
            .signed_prekeys()
            .unwrap()
            .into_iter()
            .map(|prekey| prekey.id)
            .collect();
        assert_eq!(ids, [2, 1]);
        let held = store.signed_prekey(1).unwrap().unwrap();
        assert_eq!(
            (held.secret.as_slice(), held.signature),
            ([1; 32].as_slice(), [3; 64])
        );
    }
}
