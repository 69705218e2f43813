//! Settings and blocks in SQLite.

use super::columns::{number, of_number, text};
use super::{Pending, Sqlite};
use crate::storage::{BlockAdded, Privacy, PrivacyRecord};
use rusqlite::{OptionalExtension as _, Result, params};
use sealwire_wire::contract::{AccountSettings, DirectMessages};
use sealwire_wire::{ThreadId, Timestamp, UserId};

impl Privacy for Sqlite {
    fn privacy(&self, user: UserId) -> Pending<'_, PrivacyRecord> {
        self.read(move |db| {
            let settings = db
                .prepare_cached(
                    "SELECT direct_messages, read_receipts, presence FROM account_settings WHERE user_id = ?1",
                )?
                .query_row([user.as_str()], |row| {
                    Ok(AccountSettings {
                        direct_messages: match row.get(0)? {
                            0 => DirectMessages::Everyone,
                            1 => DirectMessages::Followers,
                            2 => DirectMessages::Verified,
                            // The strictest, whatever it was.
                            _ => DirectMessages::None,
                        },
                        read_receipts: row.get(1)?,
                        presence: row.get(2)?,
                    })
                })
                .optional()?
                .unwrap_or_default();
            let blocked = db
                .prepare_cached("SELECT blocked_id FROM block WHERE user_id = ?1")?
                .query_map([user.as_str()], |row| text(row, 0))?
                .collect::<Result<_>>()?;
            Ok(PrivacyRecord { settings, blocked })
        })
    }

    fn put_settings(&self, user: UserId, settings: AccountSettings) -> Pending<'_, ()> {
        self.write(move |db| {
            db.prepare_cached(
                "INSERT INTO account_settings (user_id, direct_messages, read_receipts, presence) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET direct_messages = ?2, read_receipts = ?3, presence = ?4",
            )?
            .execute(params![
                user.as_str(),
                match settings.direct_messages {
                    DirectMessages::Everyone => 0,
                    DirectMessages::Followers => 1,
                    DirectMessages::Verified => 2,
                    DirectMessages::None => 3,
                },
                settings.read_receipts,
                settings.presence
            ])?;
            Ok(())
        })
    }

    fn block(
        &self,
        user: UserId,
        other: UserId,
        at: Timestamp,
        max: usize,
    ) -> Pending<'_, BlockAdded> {
        self.write(move |db| {
            let is_blocked: bool = db
                .prepare_cached(
                    "SELECT EXISTS (SELECT 1 FROM block WHERE user_id = ?1 AND blocked_id = ?2)",
                )?
                .query_row([user.as_str(), other.as_str()], |row| row.get(0))?;
            if is_blocked {
                return Ok(BlockAdded::Blocked);
            }
            let blocked: u64 = db
                .prepare_cached("SELECT count(*) FROM block WHERE user_id = ?1")?
                .query_row([user.as_str()], |row| number(row, 0))?;
            if blocked >= max as u64 {
                return Ok(BlockAdded::TooMany);
            }
            db.prepare_cached("INSERT INTO block (user_id, blocked_id, at) VALUES (?1, ?2, ?3)")?
                .execute(params![user.as_str(), other.as_str(), of_number(at.0)])?;
            Ok(BlockAdded::Blocked)
        })
    }

    fn unblock(&self, user: UserId, other: UserId) -> Pending<'_, ()> {
        self.write(move |db| {
            db.prepare_cached("DELETE FROM block WHERE user_id = ?1 AND blocked_id = ?2")?
                .execute([user.as_str(), other.as_str()])?;
            Ok(())
        })
    }

    fn has_written(&self, user: UserId, thread: ThreadId) -> Pending<'_, bool> {
        self.read(move |db| {
            db.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM sender WHERE thread_id = ?1 AND user_id = ?2)",
            )?
            .query_row(params![thread.as_bytes(), user.as_str()], |row| row.get(0))
        })
    }
}
