//! KEM prekeys in SQLite. What was given out or replaced is kept as the digest of its key: a hundred keys are 160 KB.

use super::columns::{bytes, number};
use rusqlite::{Connection, OptionalExtension as _, Result, Row, params};
use sealwire_crypto::primitives::sha256;
use sealwire_wire::contract::{DeviceName, PrekeyUpload, PublicKemPrekey};

/// Puts the KEM prekeys of an upload whose ids stand for nothing yet into `fresh`, or tells an id that stands for another key.
pub(super) fn keep_new(
    db: &Connection,
    device: &DeviceName,
    upload: &PrekeyUpload,
    fresh: &mut PrekeyUpload,
) -> Result<std::result::Result<(), u32>> {
    let mut known = db.prepare_cached(
        "SELECT digest, state FROM kem_prekey WHERE user_id = ?1 AND device_id = ?2 AND key_id = ?3",
    )?;
    let mut is_new = |prekey: &PublicKemPrekey, last_resort: bool| {
        let (user, id) = (device.user_id.as_str(), device.device_id.get());
        let known: Option<([u8; 32], u8)> = known
            .query_row(params![user, id, prekey.id], |row| {
                Ok((row.get(0)?, row.get(1)?))
            })
            .optional()?;
        Ok::<_, rusqlite::Error>(known.map_or(Ok(true), |(digest, state)| {
            let same = digest == sha256(prekey.key.as_slice()) && (state >= CURRENT) == last_resort;
            if same { Ok(false) } else { Err(prekey.id) }
        }))
    };
    if let Some(prekey) = &upload.last_resort_kem_prekey {
        match is_new(prekey, true)? {
            Ok(true) => fresh.last_resort_kem_prekey = Some(prekey.clone()),
            Ok(false) => {}
            Err(id) => return Ok(Err(id)),
        }
    }
    for prekey in &upload.one_time_kem_prekeys {
        match is_new(prekey, false)? {
            Ok(true) => fresh.one_time_kem_prekeys.push(prekey.clone()),
            Ok(false) => {}
            Err(id) => return Ok(Err(id)),
        }
    }
    Ok(Ok(()))
}

/// Stores keys whose ids are known to be free.
pub(super) fn insert_new(
    db: &Connection,
    device: &DeviceName,
    upload: &PrekeyUpload,
) -> Result<()> {
    let (user, id) = (device.user_id.as_str(), device.device_id.get());
    let mut insert = db.prepare_cached(
        "INSERT INTO kem_prekey (user_id, device_id, key_id, digest, key, signature, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let mut insert = |prekey: &PublicKemPrekey, state: u8| {
        insert.execute(params![
            user,
            id,
            prekey.id,
            sha256(prekey.key.as_slice()),
            prekey.key.as_slice(),
            prekey.signature.as_slice(),
            state
        ])
    };
    if let Some(prekey) = &upload.last_resort_kem_prekey {
        db.prepare_cached(
            "UPDATE kem_prekey SET state = 3, key = NULL, signature = NULL
             WHERE user_id = ?1 AND device_id = ?2 AND state = 2",
        )?
        .execute(params![user, id])?;
        insert(prekey, CURRENT)?;
    }
    for prekey in &upload.one_time_kem_prekeys {
        insert(prekey, LEFT)?;
    }
    Ok(())
}

/// A one-time one, never to be given out again, else the last resort.
pub(super) fn take(db: &Connection, device: &DeviceName) -> Result<Option<PublicKemPrekey>> {
    let (user, id) = (device.user_id.as_str(), device.device_id.get());
    let left = db
        .prepare_cached(
            "SELECT key_id, key, signature FROM kem_prekey
             WHERE user_id = ?1 AND device_id = ?2 AND state = 0 ORDER BY key_id LIMIT 1",
        )?
        .query_row(params![user, id], read)
        .optional()?;
    let Some(one_time) = left else {
        return current(db, device);
    };
    db.prepare_cached(
        "UPDATE kem_prekey SET state = 1, key = NULL, signature = NULL
         WHERE user_id = ?1 AND device_id = ?2 AND key_id = ?3",
    )?
    .execute(params![user, id, one_time.id])?;
    Ok(Some(one_time))
}

/// The last resort.
pub(super) fn current(db: &Connection, device: &DeviceName) -> Result<Option<PublicKemPrekey>> {
    db.prepare_cached(
        "SELECT key_id, key, signature FROM kem_prekey WHERE user_id = ?1 AND device_id = ?2 AND state = 2",
    )?
    .query_row(params![device.user_id.as_str(), device.device_id.get()], read)
    .optional()
}

/// How many one-time ones are left.
pub(super) fn unused(db: &Connection, device: &DeviceName) -> Result<u64> {
    db.prepare_cached(
        "SELECT count(*) FROM kem_prekey WHERE user_id = ?1 AND device_id = ?2 AND state = 0",
    )?
    .query_row(
        params![device.user_id.as_str(), device.device_id.get()],
        |row| number(row, 0),
    )
}

const LEFT: u8 = 0;
const CURRENT: u8 = 2;

fn read(row: &Row<'_>) -> Result<PublicKemPrekey> {
    Ok(PublicKemPrekey {
        id: row.get(0)?,
        key: bytes(row, 1)?,
        signature: bytes(row, 2)?,
    })
}
