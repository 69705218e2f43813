//! Accounts in SQLite.

use super::columns::{bytes, device_id, number, of_number, some_timestamp, timestamp};
use super::queues::retire;
use super::{Pending, Sqlite, inbox, prekeys};
use crate::storage::{
    Account, Accounts, AdmitDevice, Admitted, AppendList, Appended, DeviceRecord, DeviceState,
    ListRecord, OpenAccount, Opened,
};
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use sealwire_wire::contract::{DeviceName, SignedList};
use sealwire_wire::{DeviceId, Timestamp, UserId};

const REGISTERED: i64 = 0;
const LIVE: i64 = 1;
const REMOVED: i64 = 2;

impl Accounts for Sqlite {
    fn open_account(&self, step: OpenAccount) -> Pending<'_, Opened> {
        self.write(move |db| {
            let added = db
                .prepare_cached(
                    "INSERT OR IGNORE INTO account (user_id, next_device_id) VALUES (?1, ?2)",
                )?
                .execute(params![
                    step.user_id.as_str(),
                    i64::from(step.device.device_id.get()) + 1
                ])?;
            if added == 0 {
                return Ok(Opened::Exists);
            }
            insert_device(db, &step.user_id, &step.device)?;
            insert_list(db, &step.user_id, &step.list)?;
            let name = DeviceName {
                user_id: step.user_id.clone(),
                device_id: step.device.device_id,
            };
            prekeys::insert_new(db, &name, &step.prekeys)?;
            Ok(Opened::Opened)
        })
    }

    fn account(&self, user: UserId) -> Pending<'_, Option<Account>> {
        self.read(move |db| {
            let next: Option<i64> = db
                .prepare_cached("SELECT next_device_id FROM account WHERE user_id = ?1")?
                .query_row([user.as_str()], |row| row.get(0))
                .optional()?;
            let Some(next) = next else { return Ok(None) };
            let list = db
                .prepare_cached(
                    "SELECT version, hash, payload, account_signature, signer_device_id, signer_signature
                     FROM device_list WHERE user_id = ?1 ORDER BY version DESC LIMIT 1",
                )?
                .query_row([user.as_str()], list)?;
            let devices = db
                .prepare_cached(
                    "SELECT device_id, registration_id, identity_key, registered_by, registered_at, state, disabled_at
                     FROM device WHERE user_id = ?1 ORDER BY device_id",
                )?
                .query_map([user.as_str()], device)?
                .collect::<Result<_>>()?;
            Ok(Some(Account {
                // An account whose ids have run out stays at the last one.
                next_device_id: u32::try_from(next).unwrap_or(u32::MAX),
                devices,
                list,
            }))
        })
    }

    fn reserve_device_id(&self, user: UserId) -> Pending<'_, Option<DeviceId>> {
        self.write(move |db| {
            db.prepare_cached(
                "UPDATE account SET next_device_id = next_device_id + 1
                 WHERE user_id = ?1 AND next_device_id <= 4294967295 RETURNING next_device_id - 1",
            )?
            .query_row([user.as_str()], |row| device_id(row, 0))
            .optional()
        })
    }

    fn admit_device(&self, step: AdmitDevice) -> Pending<'_, Admitted> {
        self.write(move |db| {
            let user = step.user_id.as_str();
            let id = step.device.device_id;
            let known = db
                .prepare_cached(
                    "SELECT registered_by, state FROM device WHERE user_id = ?1 AND device_id = ?2",
                )?
                .query_row(params![user, id.get()], |row| {
                    Ok((row.get::<_, [u8; 32]>(0)?, state(row, 1)?))
                })
                .optional()?;
            if let Some((registered_by, state)) = known
                && registered_by == step.device.registered_by
            {
                return Ok(Admitted::Repeated(state));
            }
            let spent: bool = db
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM spent_grant WHERE user_id = ?1 AND nonce = ?2)",
                )?
                .query_row(params![user, step.nonce], |row| row.get(0))?;
            if spent {
                return Ok(Admitted::GrantUsed);
            }
            if known.is_some() {
                return Ok(Admitted::IdTaken);
            }
            let reserved: Option<bool> = db
                .prepare_cached("SELECT next_device_id > ?2 FROM account WHERE user_id = ?1")?
                .query_row(params![user, id.get()], |row| row.get(0))
                .optional()?;
            if reserved != Some(true) {
                return Ok(Admitted::NotReserved);
            }
            db.prepare_cached("INSERT INTO spent_grant (user_id, nonce) VALUES (?1, ?2)")?
                .execute(params![user, step.nonce])?;
            insert_device(db, &step.user_id, &step.device)?;
            let name = DeviceName {
                user_id: step.user_id.clone(),
                device_id: id,
            };
            prekeys::insert_new(db, &name, &step.prekeys)?;
            Ok(Admitted::Admitted)
        })
    }

    fn append_list(&self, step: AppendList) -> Pending<'_, Appended> {
        self.write(move |db| {
            let user = step.user_id.as_str();
            let newest: Option<(u64, [u8; 32])> = db
                .prepare_cached(
                    "SELECT version, hash FROM device_list WHERE user_id = ?1 ORDER BY version DESC LIMIT 1",
                )?
                .query_row([user], |row| Ok((number(row, 0)?, row.get(1)?)))
                .optional()?;
            let continues = newest.is_some_and(|(version, hash)| {
                version.checked_add(1) == Some(step.list.version) && hash == step.prev_hash
            });
            if !continues {
                return Ok(Appended::Conflict);
            }
            for id in &step.holds {
                let stands: bool = db
                    .prepare_cached(
                        "SELECT EXISTS (SELECT 1 FROM device WHERE user_id = ?1 AND device_id = ?2 AND state <> ?3)",
                    )?
                    .query_row(params![user, id.get(), REMOVED], |row| row.get(0))?;
                if !stands {
                    return Ok(Appended::NotRegistered(*id));
                }
            }
            insert_list(db, &step.user_id, &step.list)?;
            db.prepare_cached("UPDATE device SET state = ?3 WHERE user_id = ?1 AND state = ?2")?
                .execute(params![user, LIVE, REMOVED])?;
            let mut holds_new = false;
            for id in &step.holds {
                let is_new: bool = db
                    .prepare_cached(
                        "SELECT EXISTS (SELECT 1 FROM device WHERE user_id = ?1 AND device_id = ?2 AND state = ?3)",
                    )?
                    .query_row(params![user, id.get(), REGISTERED], |row| row.get(0))?;
                holds_new |= is_new;
                db.prepare_cached("UPDATE device SET state = ?3 WHERE user_id = ?1 AND device_id = ?2")?
                    .execute(params![user, id.get(), LIVE])?;
            }
            if holds_new {
                inbox::tell_preferences_again(db, &step.user_id)?;
            }
            Ok(Appended::Appended)
        })
    }

    fn disable_device(&self, device: DeviceName, at: Timestamp) -> Pending<'_, ()> {
        self.write(move |db| {
            let disabled = db
                .prepare_cached(
                    "UPDATE device SET disabled_at = ?3
                     WHERE user_id = ?1 AND device_id = ?2 AND disabled_at IS NULL",
                )?
                .execute(params![
                    device.user_id.as_str(),
                    device.device_id.get(),
                    of_number(at.0)
                ])?;
            if disabled == 1 {
                retire(db, &device)?;
            }
            Ok(())
        })
    }

    fn lists_after(&self, user: UserId, since: u64, limit: u32) -> Pending<'_, Vec<ListRecord>> {
        self.read(move |db| {
            db.prepare_cached(
                "SELECT version, hash, payload, account_signature, signer_device_id, signer_signature
                 FROM device_list WHERE user_id = ?1 AND version > ?2 ORDER BY version LIMIT ?3",
            )?
            .query_map(params![user.as_str(), of_number(since), limit], list)?
            .collect()
        })
    }
}

fn insert_device(db: &Connection, user: &UserId, device: &DeviceRecord) -> Result<()> {
    let state = match device.state {
        DeviceState::Registered => REGISTERED,
        DeviceState::Live => LIVE,
        DeviceState::Removed => REMOVED,
    };
    db.prepare_cached(
        "INSERT INTO device (user_id, device_id, registration_id, identity_key, registered_by, registered_at, state)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![
        user.as_str(),
        device.device_id.get(),
        device.registration_id,
        device.identity_key,
        device.registered_by,
        of_number(device.registered_at.0),
        state,
    ])?;
    Ok(())
}

fn insert_list(db: &Connection, user: &UserId, list: &ListRecord) -> Result<()> {
    // The first version has nobody to be told to: no thread is there before it.
    let queued = list.version == 1;
    db.prepare_cached(
        "INSERT INTO device_list
             (user_id, version, hash, payload, account_signature, signer_device_id, signer_signature, queued)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![
        user.as_str(),
        of_number(list.version),
        list.hash,
        list.signed.payload.as_slice(),
        list.signed.account_signature.as_slice(),
        list.signed.signer_device_id.get(),
        list.signed.signer_signature.as_slice(),
        queued,
    ])?;
    Ok(())
}

fn device(row: &rusqlite::Row<'_>) -> Result<DeviceRecord> {
    Ok(DeviceRecord {
        device_id: device_id(row, 0)?,
        registration_id: row.get(1)?,
        identity_key: row.get(2)?,
        registered_by: row.get(3)?,
        registered_at: timestamp(row, 4)?,
        state: state(row, 5)?,
        disabled_at: some_timestamp(row, 6)?,
    })
}

fn list(row: &rusqlite::Row<'_>) -> Result<ListRecord> {
    Ok(ListRecord {
        version: number(row, 0)?,
        hash: row.get(1)?,
        signed: SignedList {
            payload: bytes(row, 2)?,
            account_signature: bytes(row, 3)?,
            signer_device_id: device_id(row, 4)?,
            signer_signature: bytes(row, 5)?,
        },
    })
}

fn state(row: &rusqlite::Row<'_>, at: usize) -> Result<DeviceState> {
    Ok(match row.get::<_, i64>(at)? {
        REGISTERED => DeviceState::Registered,
        LIVE => DeviceState::Live,
        _ => DeviceState::Removed,
    })
}
