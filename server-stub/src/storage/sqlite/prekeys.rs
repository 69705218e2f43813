//! Prekeys in SQLite.

use super::columns::{bytes, number};
use super::kem_prekeys;
use super::{Pending, Sqlite};
use crate::storage::{Prekeys, PrekeysStored, RepeatedPrekeys, TakenPrekeys};
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use sealwire_wire::contract::{
    DeviceName, PrekeyCount, PrekeyUpload, PublicPrekey, PublicSignedPrekey,
};

impl Prekeys for Sqlite {
    fn store_prekeys(
        &self,
        device: DeviceName,
        upload: PrekeyUpload,
        max_unused: u32,
    ) -> Pending<'_, PrekeysStored> {
        self.write(move |db| {
            let registered: bool = db
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM device WHERE user_id = ?1 AND device_id = ?2 AND state <> 2)",
                )?
                .query_row(params![device.user_id.as_str(), device.device_id.get()], |row| row.get(0))?;
            if !registered {
                return Ok(PrekeysStored::NoDevice);
            }
            let mut fresh = PrekeyUpload::default();
            if let Some(prekey) = &upload.signed_prekey {
                match known_signed(db, &device, prekey)? {
                    Known::Unknown => fresh.signed_prekey = Some(prekey.clone()),
                    Known::Same => {}
                    Known::Other => return Ok(PrekeysStored::Conflict(prekey.id)),
                }
            }
            for prekey in &upload.one_time_prekeys {
                match known_one_time(db, &device, prekey)? {
                    Known::Unknown => fresh.one_time_prekeys.push(prekey.clone()),
                    Known::Same => {}
                    Known::Other => return Ok(PrekeysStored::Conflict(prekey.id)),
                }
            }
            let after = unused(db, &device)?.saturating_add(fresh.one_time_prekeys.len() as u64);
            if !fresh.one_time_prekeys.is_empty() && after > u64::from(max_unused) {
                return Ok(PrekeysStored::TooMany);
            }
            if let Err(conflict) = kem_prekeys::keep_new(db, &device, &upload, &mut fresh)? {
                return Ok(PrekeysStored::Conflict(conflict));
            }
            let after = kem_prekeys::unused(db, &device)?
                .saturating_add(fresh.one_time_kem_prekeys.len() as u64);
            if !fresh.one_time_kem_prekeys.is_empty() && after > u64::from(max_unused) {
                return Ok(PrekeysStored::TooMany);
            }
            insert_new(db, &device, &fresh)?;
            Ok(PrekeysStored::Stored)
        })
    }

    fn prekey_count(&self, device: DeviceName) -> Pending<'_, Option<PrekeyCount>> {
        self.read(move |db| {
            let Some(signed) = current(db, &device)? else {
                return Ok(None);
            };
            let unused_kem = kem_prekeys::unused(db, &device)?;
            Ok(Some(PrekeyCount {
                one_time_prekeys: u32::try_from(unused(db, &device)?).unwrap_or(u32::MAX),
                signed_prekey_id: signed.id,
                one_time_kem_prekeys: u32::try_from(unused_kem).unwrap_or(u32::MAX),
                last_resort_kem_prekey_id: kem_prekeys::current(db, &device)?.map(|kem| kem.id),
            }))
        })
    }

    fn repeated_prekeys(&self, device: DeviceName) -> Pending<'_, Option<RepeatedPrekeys>> {
        self.read(move |db| {
            let Some(signed) = current(db, &device)? else {
                return Ok(None);
            };
            let last_resort_kem = kem_prekeys::current(db, &device)?;
            Ok(Some(RepeatedPrekeys {
                signed,
                last_resort_kem,
            }))
        })
    }

    fn take_prekeys(&self, device: DeviceName) -> Pending<'_, Option<TakenPrekeys>> {
        self.write(move |db| {
            let Some(signed) = current(db, &device)? else {
                return Ok(None);
            };
            let one_time = db
                .prepare_cached(
                    "UPDATE one_time_prekey SET taken = 1 WHERE user_id = ?1 AND device_id = ?2 AND key_id = (
                         SELECT key_id FROM one_time_prekey
                         WHERE user_id = ?1 AND device_id = ?2 AND taken = 0 ORDER BY key_id LIMIT 1
                     ) RETURNING key_id, key",
                )?
                .query_row(params![device.user_id.as_str(), device.device_id.get()], |row| {
                    Ok(PublicPrekey {
                        id: row.get(0)?,
                        key: bytes(row, 1)?,
                    })
                })
                .optional()?;
            let kem = kem_prekeys::take(db, &device)?;
            Ok(Some(TakenPrekeys {
                signed,
                one_time,
                kem,
            }))
        })
    }
}

/// What an id stands for, beside a key that is offered under it.
enum Known {
    Unknown,
    Same,
    Other,
}

/// Stores keys whose ids are known to be free.
pub(super) fn insert_new(
    db: &Connection,
    device: &DeviceName,
    upload: &PrekeyUpload,
) -> Result<()> {
    let (user, id) = (device.user_id.as_str(), device.device_id.get());
    if let Some(prekey) = &upload.signed_prekey {
        db.prepare_cached("UPDATE signed_prekey SET current = 0 WHERE user_id = ?1 AND device_id = ?2 AND current = 1")?
            .execute(params![user, id])?;
        db.prepare_cached(
            "INSERT INTO signed_prekey (user_id, device_id, key_id, key, signature, current)
             VALUES (?1, ?2, ?3, ?4, ?5, 1)",
        )?
        .execute(params![
            user,
            id,
            prekey.id,
            prekey.key.as_slice(),
            prekey.signature.as_slice()
        ])?;
    }
    let mut insert = db.prepare_cached(
        "INSERT INTO one_time_prekey (user_id, device_id, key_id, key, taken) VALUES (?1, ?2, ?3, ?4, 0)",
    )?;
    for prekey in &upload.one_time_prekeys {
        insert.execute(params![user, id, prekey.id, prekey.key.as_slice()])?;
    }
    kem_prekeys::insert_new(db, device, upload)
}

fn known_signed(
    db: &Connection,
    device: &DeviceName,
    prekey: &PublicSignedPrekey,
) -> Result<Known> {
    let key = db
        .prepare_cached(
            "SELECT key FROM signed_prekey WHERE user_id = ?1 AND device_id = ?2 AND key_id = ?3",
        )?
        .query_row(
            params![device.user_id.as_str(), device.device_id.get(), prekey.id],
            |row| bytes(row, 0),
        )
        .optional()?;
    Ok(compare(key, &prekey.key))
}

fn known_one_time(db: &Connection, device: &DeviceName, prekey: &PublicPrekey) -> Result<Known> {
    let key = db
        .prepare_cached(
            "SELECT key FROM one_time_prekey WHERE user_id = ?1 AND device_id = ?2 AND key_id = ?3",
        )?
        .query_row(
            params![device.user_id.as_str(), device.device_id.get(), prekey.id],
            |row| bytes(row, 0),
        )
        .optional()?;
    Ok(compare(key, &prekey.key))
}

fn compare(known: Option<sealwire_wire::Base64>, offered: &sealwire_wire::Base64) -> Known {
    match known {
        None => Known::Unknown,
        Some(key) if key == *offered => Known::Same,
        Some(_) => Known::Other,
    }
}

fn current(db: &Connection, device: &DeviceName) -> Result<Option<PublicSignedPrekey>> {
    db.prepare_cached(
        "SELECT key_id, key, signature FROM signed_prekey WHERE user_id = ?1 AND device_id = ?2 AND current = 1",
    )?
    .query_row(params![device.user_id.as_str(), device.device_id.get()], |row| {
        Ok(PublicSignedPrekey {
            id: row.get(0)?,
            key: bytes(row, 1)?,
            signature: bytes(row, 2)?,
        })
    })
    .optional()
}

fn unused(db: &Connection, device: &DeviceName) -> Result<u64> {
    db.prepare_cached(
        "SELECT count(*) FROM one_time_prekey WHERE user_id = ?1 AND device_id = ?2 AND taken = 0",
    )?
    .query_row(
        params![device.user_id.as_str(), device.device_id.get()],
        |row| number(row, 0),
    )
}
