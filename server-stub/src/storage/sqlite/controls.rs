//! Control messages in SQLite.

use super::columns::{
    device_id, envelope_type, message_id, of_envelope_type, of_number, text, timestamp,
};
use super::kept_keys::{self, Kept};
use super::{Pending, Sqlite};
use crate::storage::{AcceptControl, ControlAccepted, Controls};
use rusqlite::{Connection, Result, params};
use sealwire_wire::contract::{ControlMessage, DeviceName, EnvelopeBody, SentControl};
use sealwire_wire::{Base64, IdempotencyKey, MessageId, ThreadId, Timestamp, UserId};

impl Controls for Sqlite {
    fn earlier_control(
        &self,
        sender: DeviceName,
        key: IdempotencyKey,
        now: Timestamp,
    ) -> Pending<'_, Option<ControlAccepted>> {
        self.read(move |db| earlier(db, &sender, &key, now))
    }

    fn accept_control(&self, step: AcceptControl) -> Pending<'_, ControlAccepted> {
        self.write(move |db| {
            if let Some(earlier) = earlier(db, &step.sender, &step.key, step.created_at)? {
                return Ok(earlier);
            }
            let (user, device) = (step.sender.user_id.as_str(), step.sender.device_id.get());
            let mut insert = db.prepare_cached(
                "INSERT INTO control
                     (id, user_id, device_id, sender_id, sender_device_id, kind, body, created_at, queued)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0)",
            )?;
            for one in &step.envelopes {
                insert.execute(params![
                    step.id.to_bytes(),
                    one.user_id.as_str(),
                    one.device_id.get(),
                    user,
                    device,
                    of_envelope_type(one.kind),
                    one.body.as_slice(),
                    of_number(step.created_at.0),
                ])?;
            }
            let kept = Kept::Control(step.id);
            kept_keys::keep(db, &step.sender, &step.key, kept, step.key_expires_at)?;
            Ok(ControlAccepted::Accepted)
        })
    }

    fn sharing_a_thread(&self, user: UserId, others: Vec<UserId>) -> Pending<'_, Vec<UserId>> {
        self.read(move |db| {
            let mut direct = db.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM participant WHERE thread_id = ?1 AND user_id = ?2)",
            )?;
            let mut any = db.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM participant a JOIN participant b ON b.thread_id = a.thread_id
                     WHERE a.user_id = ?1 AND b.user_id = ?2)",
            )?;
            let mut sharing = Vec::new();
            for other in &others {
                // Most people who share a thread share the one of the two: looked for first, at the price of one row.
                let shares = direct.query_row(
                    params![ThreadId::direct(&user, other).as_bytes(), user.as_str()],
                    |row| row.get(0),
                )? || any
                    .query_row([user.as_str(), other.as_str()], |row| row.get(0))?;
                if shares {
                    sharing.push(other.clone());
                }
            }
            Ok(sharing)
        })
    }
}

/// The control message of a queue entry, as its device reads it.
pub(super) fn control(
    db: &Connection,
    id: MessageId,
    reader: &DeviceName,
) -> Result<ControlMessage> {
    db.prepare_cached(
        "SELECT id, sender_id, sender_device_id, kind, body, created_at FROM control
         WHERE id = ?1 AND user_id = ?2 AND device_id = ?3",
    )?
    .query_row(
        params![
            id.to_bytes(),
            reader.user_id.as_str(),
            reader.device_id.get()
        ],
        |row| {
            Ok(ControlMessage {
                id: message_id(row, 0)?,
                sender_id: text(row, 1)?,
                sender_device_id: device_id(row, 2)?,
                envelope: EnvelopeBody {
                    kind: envelope_type(row.get(3)?, 3)?,
                    body: row.get(4).map(Base64)?,
                },
                created_at: timestamp(row, 5)?,
            })
        },
    )
}

fn earlier(
    db: &Connection,
    sender: &DeviceName,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<ControlAccepted>> {
    let kept = kept_keys::find(db, sender, key, now)?;
    Ok(kept.map(|kept| match kept {
        Kept::Control(id) => ControlAccepted::Earlier(SentControl {
            id,
            created_at: Timestamp(id.time_ms()),
        }),
        Kept::Send(..) => ControlAccepted::KeyReused,
    }))
}
