//! What is known of attachments, in SQLite.

use super::columns::{device_name, number, of_number, timestamp};
use super::{Pending, Sqlite};
use crate::storage::{AttachmentRecord, Attachments, Completed};
use rusqlite::{OptionalExtension as _, params};
use sealwire_wire::{AttachmentId, ThreadId, UserId};

impl Attachments for Sqlite {
    fn create_attachment(&self, record: AttachmentRecord) -> Pending<'_, ()> {
        self.write(move |db| {
            db.prepare_cached(
                "INSERT INTO attachment (id, user_id, device_id, size, created_at, digest)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            )?
            .execute(params![
                record.id.as_str(),
                record.owner.user_id.as_str(),
                record.owner.device_id.get(),
                of_number(record.size),
                of_number(record.created_at.0),
                record.digest,
            ])?;
            Ok(())
        })
    }

    fn attachment_bytes(&self, owner: UserId) -> Pending<'_, u64> {
        self.read(move |db| {
            db.prepare_cached("SELECT coalesce(sum(size), 0) FROM attachment WHERE user_id = ?1")?
                .query_row([owner.as_str()], |row| number(row, 0))
        })
    }

    fn attachment(&self, id: AttachmentId) -> Pending<'_, Option<AttachmentRecord>> {
        self.read(move |db| {
            db.prepare_cached(
                "SELECT user_id, device_id, size, created_at, digest FROM attachment WHERE id = ?1",
            )?
            .query_row([id.as_str()], |row| {
                Ok(AttachmentRecord {
                    id: id.clone(),
                    owner: device_name(row, 0)?,
                    size: number(row, 2)?,
                    created_at: timestamp(row, 3)?,
                    digest: row.get(4)?,
                })
            })
            .optional()
        })
    }

    fn complete_attachment(&self, id: AttachmentId, digest: [u8; 32]) -> Pending<'_, Completed> {
        self.write(move |db| {
            let known: Option<Option<[u8; 32]>> = db
                .prepare_cached("SELECT digest FROM attachment WHERE id = ?1")?
                .query_row([id.as_str()], |row| row.get(0))
                .optional()?;
            match known {
                None => Ok(Completed::Unknown),
                Some(Some(known)) if known != digest => Ok(Completed::Conflict),
                Some(Some(_)) => Ok(Completed::Completed),
                Some(None) => {
                    db.prepare_cached("UPDATE attachment SET digest = ?2 WHERE id = ?1")?
                        .execute(params![id.as_str(), digest])?;
                    Ok(Completed::Completed)
                }
            }
        })
    }

    fn bind_attachment(&self, id: AttachmentId, thread: ThreadId) -> Pending<'_, ()> {
        self.write(move |db| {
            db.prepare_cached("INSERT OR IGNORE INTO attachment_thread (attachment_id, thread_id) VALUES (?1, ?2)")?
                .execute(params![id.as_str(), thread.as_bytes()])?;
            db.prepare_cached("UPDATE attachment SET named = 1 WHERE id = ?1 AND named = 0")?
                .execute([id.as_str()])?;
            Ok(())
        })
    }

    fn attachment_shared_with(&self, id: AttachmentId, user: UserId) -> Pending<'_, bool> {
        self.read(move |db| {
            db.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM attachment_thread a JOIN participant p ON p.thread_id = a.thread_id
                 WHERE a.attachment_id = ?1 AND p.user_id = ?2)",
            )?
            .query_row(params![id.as_str(), user.as_str()], |row| row.get(0))
        })
    }
}
