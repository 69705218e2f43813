//! Linking mailboxes in SQLite.

use super::columns::{number, of_number};
use super::{Pending, Sqlite};
use crate::storage::{Mailboxes, SlotPut, SlotTaken};
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use sealwire_crypto::primitives::sha256;
use sealwire_wire::{IdempotencyKey, Timestamp};

impl Mailboxes for Sqlite {
    fn create_mailbox(
        &self,
        id: String,
        expires_at: Timestamp,
        now: Timestamp,
        max: u64,
    ) -> Pending<'_, bool> {
        self.write(move |db| {
            let open: u64 = db
                .prepare_cached("SELECT count(*) FROM mailbox WHERE expires_at > ?1")?
                .query_row([of_number(now.0)], |row| number(row, 0))?;
            if open >= max {
                return Ok(false);
            }
            db.prepare_cached("INSERT INTO mailbox (id, expires_at) VALUES (?1, ?2)")?
                .execute(params![id, of_number(expires_at.0)])?;
            Ok(true)
        })
    }

    fn put_slot(
        &self,
        id: String,
        slot: u8,
        data: Vec<u8>,
        now: Timestamp,
    ) -> Pending<'_, SlotPut> {
        self.write(move |db| {
            if !is_open(db, &id, now)? {
                return Ok(SlotPut::Gone);
            }
            let digest = sha256(&data);
            let known: Option<[u8; 32]> = db
                .prepare_cached("SELECT digest FROM mailbox_slot WHERE mailbox_id = ?1 AND slot = ?2")?
                .query_row(params![id, slot], |row| row.get(0))
                .optional()?;
            match known {
                Some(known) if known == digest => Ok(SlotPut::Put),
                Some(_) => Ok(SlotPut::Taken),
                None => {
                    db.prepare_cached(
                        "INSERT INTO mailbox_slot (mailbox_id, slot, digest, data) VALUES (?1, ?2, ?3, ?4)",
                    )?
                    .execute(params![id, slot, digest, data])?;
                    Ok(SlotPut::Put)
                }
            }
        })
    }

    fn take_slot(
        &self,
        id: String,
        slot: u8,
        reader: Option<IdempotencyKey>,
        now: Timestamp,
    ) -> Pending<'_, SlotTaken> {
        self.write(move |db| {
            if !is_open(db, &id, now)? {
                return Ok(SlotTaken::Gone);
            }
            let reader = reader.as_ref().map(ToString::to_string);
            let written: Option<(Option<Vec<u8>>, Option<String>)> = db
                .prepare_cached(
                    "SELECT data, reader FROM mailbox_slot WHERE mailbox_id = ?1 AND slot = ?2",
                )?
                .query_row(params![id, slot], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            match written {
                None => Ok(SlotTaken::Empty),
                Some((None, _)) => Ok(SlotTaken::Read),
                Some((Some(_), Some(before))) if reader.as_ref() != Some(&before) => {
                    Ok(SlotTaken::Read)
                }
                Some((Some(data), _)) => {
                    db.prepare_cached(
                        "UPDATE mailbox_slot SET reader = ?3, data = CASE WHEN ?3 IS NULL THEN NULL ELSE data END
                         WHERE mailbox_id = ?1 AND slot = ?2",
                    )?
                    .execute(params![id, slot, reader])?;
                    Ok(SlotTaken::Data(data))
                }
            }
        })
    }
}

fn is_open(db: &Connection, id: &str, now: Timestamp) -> Result<bool> {
    db.prepare_cached("SELECT EXISTS (SELECT 1 FROM mailbox WHERE id = ?1 AND expires_at > ?2)")?
        .query_row(params![id, of_number(now.0)], |row| row.get(0))
}
