//! This device's prekeys. Ids come from a counter that never falls, so that no id ever names two keys.

use crate::columns::{Col, number_column};
use crate::{Rows, SecretBytes, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, params};
use sealwire_wire::{DeviceId, Timestamp, UserId};

/// Which of the counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PrekeyKind {
    /// Signed, used many times.
    Signed,
    /// Used once.
    OneTime,
}
number_column!(PrekeyKind { Signed = 1, OneTime = 2 });

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
    /// When it was made, by this device's clock.
    pub created_at: Timestamp,
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

    /// The one-time prekeys that the relay does not have, by id.
    pub fn one_time_prekeys_to_upload(&self) -> Result<Vec<(u32, SecretBytes)>, StoreError> {
        let first = self.prekey_ids(PrekeyKind::OneTime)?.first_not_uploaded;
        self.statement("SELECT id, secret FROM one_time_prekeys WHERE id >= ?1 ORDER BY id")?
            .query_map([first], |row| Ok((row.get(0)?, row.get::<_, Col<_>>(1)?.0)))?
            .map(|row| Ok(row?))
            .collect()
    }

    /// A signed prekey by id.
    pub fn signed_prekey(&self, id: u32) -> Result<Option<SignedPrekeyRow>, StoreError> {
        self.statement(
            "SELECT id, secret, signature, created_at_ms FROM signed_prekeys WHERE id = ?1",
        )?
        .query_row([id], read_signed)
        .optional()
        .map_err(StoreError::from)
    }

    /// Every signed prekey that is kept, newest first.
    pub fn signed_prekeys(&self) -> Result<Vec<SignedPrekeyRow>, StoreError> {
        self.statement(
            "SELECT id, secret, signature, created_at_ms FROM signed_prekeys ORDER BY id DESC",
        )?
        .query_map([], read_signed)?
        .map(|row| Ok(row?))
        .collect()
    }

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
                "INSERT INTO signed_prekeys (id, secret, signature, created_at_ms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO NOTHING",
            )?
            .execute(params![prekey.id, Col(&prekey.secret), Col(&prekey.signature), Col(prekey.created_at)])?;
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

    /// Records a base key; `false` if it was recorded before: then it must open nothing.
    pub fn record_base_key(
        &mut self,
        user: &UserId,
        device: DeviceId,
        signed_prekey_id: u32,
        base_key: &[u8; 33],
    ) -> Result<bool, StoreError> {
        let inserted = self
            .statement(
                "INSERT INTO used_base_keys (user_id, device_id, signed_prekey_id, base_key)
                 VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING",
            )?
            .execute(params![Col(user), Col(device), signed_prekey_id, base_key])
            .map_err(|error| match StoreError::is_constraint(&error) {
                true => StoreError::NoSuch("signed prekey"),
                false => error.into(),
            })?;
        Ok(inserted == 1)
    }
}

fn read_signed(row: &rusqlite::Row<'_>) -> rusqlite::Result<SignedPrekeyRow> {
    Ok(SignedPrekeyRow {
        id: row.get(0)?,
        secret: row.get::<_, Col<_>>(1)?.0,
        signature: row.get::<_, Col<_>>(2)?.0,
        created_at: row.get::<_, Col<_>>(3)?.0,
    })
}
