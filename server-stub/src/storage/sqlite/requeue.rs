//! A repeat of a send that had failed for somebody, in SQLite.

use super::columns::{message_id, of_envelope_type, of_number, timestamp};
use super::failures::{next_change, of_message, put};
use super::kept_keys::{self, Kept};
use super::order::MessageNumber;
use super::queues::MSG_AGAIN;
use super::sends;
use crate::storage::{Failure, Requeue, Requeued};
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use sealwire_wire::contract::{DeviceEnvelope, DeviceName, SentMessage};
use sealwire_wire::{MessageId, ThreadId, Timestamp, UserId};

/// Stores the content again and queues the envelopes of those whom the message failed for.
pub(super) fn requeue(db: &Connection, step: &Requeue) -> Result<Option<Requeued>> {
    let Some((number, id, created_at)) = sent(db, step)? else {
        return Ok(None);
    };
    let thread = step.name.thread_id;
    let sender = &step.name.sender.user_id;
    let failed = of_message(db, thread, id)?;
    let failed_for = |user: &UserId| {
        failed
            .iter()
            .any(|failed| failed.user_id == *user && failed.reason.is_some())
    };
    let mut fresh = Vec::new();
    for envelope in &step.envelopes {
        if failed_for(&envelope.user_id) && is_live(db, envelope)? {
            fresh.push(envelope);
        }
    }
    if fresh.is_empty() {
        return Ok(None);
    }
    write_again(db, step, id)?;
    let mut failures: Vec<Failure> = Vec::new();
    let mut told = Vec::new();
    for one in fresh {
        db.prepare_cached(
            "INSERT OR REPLACE INTO envelope (thread_id, message_id, user_id, device_id, kind, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            thread.as_bytes(),
            id.to_bytes(),
            one.user_id.as_str(),
            one.device_id.get(),
            of_envelope_type(one.kind),
            one.body.as_slice(),
        ])?;
        let device = DeviceName {
            user_id: one.user_id.clone(),
            device_id: one.device_id,
        };
        queue_again(db, thread, id, &device, step.at)?;
        told.push(device);
        if !failures
            .iter()
            .any(|known| known.failed.user_id == one.user_id)
        {
            failures.push(put(db, thread, id, sender, &one.user_id, None, step.at)?);
        }
    }
    let sent = Kept::Send(number);
    kept_keys::keep(db, &step.name.sender, &step.key, sent, step.key_expires_at)?;
    let answer = SentMessage {
        id,
        thread_id: thread,
        sender_id: sender.clone(),
        sender_device_id: step.name.sender.device_id,
        client_seq: step.name.client_seq,
        created_at,
        requeued_at: Some(step.at),
    };
    Ok(Some(Requeued {
        answer,
        told,
        failures,
    }))
}

fn sent(db: &Connection, step: &Requeue) -> Result<Option<(MessageNumber, MessageId, Timestamp)>> {
    let Some(number) = sends::find(db, &step.name)? else {
        return Ok(None);
    };
    db.prepare_cached(
        "SELECT id, created_at FROM message WHERE number = ?1 AND coalesce(requeued_at, created_at) < ?2",
    )?
    .query_row(params![number, of_number(step.at.0)], |row| {
        Ok((number, message_id(row, 0)?, timestamp(row, 1)?))
    })
    .optional()
}

fn write_again(db: &Connection, step: &Requeue, id: MessageId) -> Result<()> {
    let thread = step.name.thread_id;
    let change = next_change(db, thread)?;
    db.prepare_cached(
        "UPDATE message SET ciphertext = ?3, stamp_key_id = ?4, stamp_mac = ?5, requeued_at = ?6, removed_reason = NULL,
             removed_at = NULL, expires_at = ?6 + ttl_seconds * 1000, touched = ?7
         WHERE thread_id = ?1 AND id = ?2",
    )?
    .execute(params![
        thread.as_bytes(),
        id.to_bytes(),
        step.ciphertext.as_slice(),
        step.stamp.key_id,
        step.stamp.mac.0,
        of_number(step.at.0),
        change
    ])?;
    Ok(())
}

fn queue_again(
    db: &Connection,
    thread: ThreadId,
    id: MessageId,
    device: &DeviceName,
    at: Timestamp,
) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO queue_entry (user_id, device_id, kind, thread_id, message_id, queued_at, expiring)
         SELECT ?3, ?4, ?5, thread_id, id, ?6, iif(ttl_seconds IS NULL, NULL, 1) FROM message
         WHERE thread_id = ?1 AND id = ?2",
    )?
    .execute(params![
        thread.as_bytes(),
        id.to_bytes(),
        device.user_id.as_str(),
        device.device_id.get(),
        MSG_AGAIN,
        of_number(at.0)
    ])?;
    Ok(())
}

fn is_live(db: &Connection, envelope: &DeviceEnvelope) -> Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM device
             WHERE user_id = ?1 AND device_id = ?2 AND state = 1 AND disabled_at IS NULL)",
    )?
    .query_row(
        params![envelope.user_id.as_str(), envelope.device_id.get()],
        |row| row.get(0),
    )
}
