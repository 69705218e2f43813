//! A message is accepted: its row in the next place of its thread, its envelopes, its entries.

use super::columns::{number, of_envelope_type, of_message_kind, of_number, of_seq};
use super::kept_keys::{self, Recent};
use super::order::MessageNumber;
use super::queues::{queue_messages, queue_one};
use super::sends::earlier;
use crate::storage::{AcceptMessage, Accepted, Queued, SendName};
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use sealwire_wire::contract::{DeviceEnvelope, MessageKind, MessageRow};
use sealwire_wire::{MessageId, Timestamp};

/// The message with its envelopes, if number, key and id are free.
pub(super) fn accept(db: &Connection, step: &AcceptMessage) -> Result<Accepted> {
    match insert_next(db, step, false)? {
        Ok(_) => {
            insert_envelopes(db, step)?;
            Ok(Accepted::Accepted)
        }
        Err(refused) => Ok(refused),
    }
}

/// The message with its envelopes, and their entries when nothing before it is due.
pub(super) fn accept_and_queue(
    db: &Connection,
    step: &AcceptMessage,
    now: Timestamp,
) -> Result<(Accepted, Vec<Queued>)> {
    let queued = match insert_next(db, step, true)? {
        Ok(queued) => queued,
        Err(refused) => return Ok((refused, Vec::new())),
    };
    if !queued {
        insert_envelopes(db, step)?;
        let told = queue_messages(db, step.row.thread_id, step.row.id, now)?;
        let queued = told.into_iter().map(|device| Queued {
            device,
            place: None,
        });
        return Ok((Accepted::Accepted, queued.collect()));
    }
    let mut queued = Vec::with_capacity(step.envelopes.len());
    for envelope in &step.envelopes {
        // A removed device reads no more.
        if let Some(after) = last_entry_of_live(db, envelope)? {
            insert_envelope(db, &step.row, envelope)?;
            queued.push(queue_one(db, &step.row, envelope, after, now)?);
        }
    }
    Ok((Accepted::Accepted, queued))
}

/// Where a message stands in its thread.
#[derive(Clone, Copy)]
struct Place {
    change: i64,
    /// Of messages, reactions among them.
    nth: i64,
    /// Of messages, reactions apart.
    ordinal: i64,
    /// Of those that are its sender's.
    of_sender: i64,
    /// The message before it.
    previous: Option<MessageNumber>,
}

/// What a device has sent to the thread.
#[derive(Clone, Copy)]
struct Sender {
    sent: i64,
    turns: i64,
    last_seq: i64,
    last_message: MessageNumber,
}

/// What a send finds: thread, sender, device, key, day, now and client_seq. The three days of a key stand apart: `IN` would make
/// a table of them, with a cache and pages of its own, for every send.
const STANDING: &str = "SELECT t.last_id, t.last_change, t.last_nth, t.messages,
     coalesce((SELECT sum(sent) FROM sender WHERE thread_id = ?1 AND user_id = ?2), 0), t.last_number,
     EXISTS (SELECT 1 FROM message WHERE thread_id = ?1 AND queued = 0),
     EXISTS (SELECT 1 FROM kept_key WHERE day = ?5 AND user_id = ?2 AND device_id = ?3 AND digest = ?4 AND expires_at > ?6)
     OR EXISTS (SELECT 1 FROM kept_key WHERE day = ?5 + 1 AND user_id = ?2 AND device_id = ?3 AND digest = ?4 AND expires_at > ?6)
     OR EXISTS (SELECT 1 FROM kept_key WHERE day = ?5 + 2 AND user_id = ?2 AND device_id = ?3 AND digest = ?4 AND expires_at > ?6)
     OR EXISTS (SELECT 1 FROM void_send WHERE thread_id = ?1 AND user_id = ?2 AND device_id = ?3 AND client_seq = ?7),
     r.day, r.entries, s.sent, s.turns, s.last_seq, s.last_message
     FROM thread t LEFT JOIN recent_key r ON r.user_id = ?2 AND r.device_id = ?3
     LEFT JOIN sender s ON s.thread_id = ?1 AND s.user_id = ?2 AND s.device_id = ?3 WHERE t.thread_id = ?1";

/// Where a thread is.
struct Standing {
    last_id: Option<MessageId>,
    place: Place,
    is_anything_due: bool,
    is_used: bool,
    keys: Recent,
    /// None before its first message.
    sender: Option<Sender>,
}

fn standing(db: &Connection, step: &AcceptMessage) -> Result<Option<Standing>> {
    let row = &step.row;
    db.prepare_cached(STANDING)?
        .query_row(
            params![
                row.thread_id.as_bytes(),
                row.sender_id.as_str(),
                row.sender_device_id.get(),
                kept_keys::digest(&step.key),
                kept_keys::day(row.created_at),
                of_number(row.created_at.0),
                of_seq(row.client_seq)
            ],
            |row| {
                let keys = Recent::new(row.get(8)?, row.get(9)?);
                let sender = match row.get::<_, Option<i64>>(10)? {
                    Some(sent) => Some(Sender {
                        sent,
                        turns: row.get(11)?,
                        last_seq: row.get(12)?,
                        last_message: row.get(13)?,
                    }),
                    None => None,
                };
                Ok(Standing {
                    last_id: row
                        .get::<_, Option<[u8; 16]>>(0)?
                        .map(MessageId::from_bytes),
                    place: Place {
                        change: row.get(1)?,
                        nth: row.get(2)?,
                        ordinal: row.get(3)?,
                        of_sender: row.get(4)?,
                        previous: row.get(5)?,
                    },
                    is_anything_due: row.get(6)?,
                    is_used: row.get(7)? || keys.find(&step.key, step.row.created_at).is_some(),
                    keys,
                    sender,
                })
            },
        )
        .optional()
}

/// The row in the next place of its thread, with its key kept, if number, key and id are free. It counts as queued when
/// nothing before it is due; whether it does.
fn insert_next(
    db: &Connection,
    step: &AcceptMessage,
    may_be_queued: bool,
) -> Result<std::result::Result<bool, Accepted>> {
    let name = step.name();
    let refused = |last_id: Option<MessageId>| -> Result<Accepted> {
        let earlier = earlier(db, &name, &step.key, step.row.created_at)?;
        Ok(earlier.unwrap_or(match last_id {
            Some(last) => Accepted::IdPassed(last),
            None => Accepted::NoThread,
        }))
    };
    let Some(found) = standing(db, step)? else {
        return refused(None).map(Err);
    };
    let seq = of_seq(name.client_seq);
    let is_in_turn = found.sender.is_none_or(|sender| sender.last_seq < seq);
    if (found.is_used || !is_in_turn)
        && let Some(earlier) = earlier(db, &name, &step.key, step.row.created_at)?
    {
        return Ok(Err(earlier));
    }
    if found.last_id.is_some_and(|last| last >= step.row.id) {
        return refused(found.last_id).map(Err);
    }
    let counts = i64::from(step.row.kind == MessageKind::Message);
    let place = Place {
        change: found.place.change.saturating_add(1),
        nth: found.place.nth.saturating_add(1),
        ordinal: found.place.ordinal.saturating_add(counts),
        of_sender: found.place.of_sender.saturating_add(counts),
        previous: found.place.previous,
    };
    let before = found.sender.filter(|_| is_in_turn);
    let turn = is_in_turn.then(|| before.map_or(1, |sender| sender.turns.saturating_add(1)));
    let queued = may_be_queued && !found.is_anything_due;
    let previous_turn = before.map(|sender| sender.last_message);
    let number = insert(db, step, place, (turn, previous_turn), queued)?;
    let (last_seq, last_message) = match found.sender {
        Some(sender) if !is_in_turn => (sender.last_seq, sender.last_message),
        _ => (seq, number),
    };
    let sender = Sender {
        sent: found
            .sender
            .map_or(0, |sender| sender.sent)
            .saturating_add(counts),
        turns: turn
            .or(found.sender.map(|sender| sender.turns))
            .unwrap_or(1),
        last_seq,
        last_message,
    };
    put_sender(db, &name, sender)?;
    db.prepare_cached(
        "UPDATE thread SET last_id = ?2, last_number = ?3, last_nth = ?4, last_change = ?5, messages = ?6,
             place = iif(?7, ?2, place) WHERE thread_id = ?1",
    )?
    .execute(params![
        step.row.thread_id.as_bytes(),
        step.row.id.to_bytes(),
        number,
        place.nth,
        place.change,
        place.ordinal,
        counts
    ])?;
    let expires_at = step.key_expires_at;
    found
        .keys
        .keep(db, &name.sender, &step.key, number, expires_at)?;
    Ok(Ok(queued))
}

fn put_sender(db: &Connection, name: &SendName, sender: Sender) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO sender (thread_id, user_id, device_id, sent, turns, last_seq, last_message)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET sent = ?4, turns = ?5, last_seq = ?6, last_message = ?7",
    )?
    .execute(params![
        name.thread_id.as_bytes(),
        name.sender.user_id.as_str(),
        name.sender.device_id.get(),
        sender.sent,
        sender.turns,
        sender.last_seq,
        sender.last_message
    ])?;
    Ok(())
}

/// The number of its row.
fn insert(
    db: &Connection,
    step: &AcceptMessage,
    place: Place,
    (turn, previous_turn): (Option<i64>, Option<MessageNumber>),
    queued: bool,
) -> Result<MessageNumber> {
    let row = &step.row;
    db.prepare_cached(
        "INSERT INTO message (thread_id, id, sender_id, sender_device_id, client_seq, fingerprint, revision, kind,
             target_id, ttl_seconds, ciphertext, commitment, stamp_key_id, stamp_mac, created_at, change, expires_at, queued,
             ordinal, of_sender, previous, nth, turn, previous_turn)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?15 + ?10 * 1000, ?17, ?18, ?19, ?20,
             ?21, ?22, ?23)",
    )?
    .insert(params![
        row.thread_id.as_bytes(),
        row.id.to_bytes(),
        row.sender_id.as_str(),
        row.sender_device_id.get(),
        of_seq(row.client_seq),
        step.fingerprint,
        row.revision,
        of_message_kind(row.kind),
        row.target_msg_id.map(MessageId::to_bytes),
        row.ttl_seconds,
        row.ciphertext.as_slice(),
        row.commitment.0,
        row.stamp.key_id,
        row.stamp.mac.0,
        of_number(row.created_at.0),
        place.change,
        queued,
        place.ordinal,
        place.of_sender,
        place.previous,
        place.nth,
        turn,
        previous_turn,
    ])
}

fn insert_envelopes(db: &Connection, step: &AcceptMessage) -> Result<()> {
    step.envelopes
        .iter()
        .try_for_each(|one| insert_envelope(db, &step.row, one))
}

fn insert_envelope(db: &Connection, row: &MessageRow, one: &DeviceEnvelope) -> Result<()> {
    db.prepare_cached(
        "INSERT INTO envelope (thread_id, message_id, user_id, device_id, kind, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?
    .execute(params![
        row.thread_id.as_bytes(),
        row.id.to_bytes(),
        one.user_id.as_str(),
        one.device_id.get(),
        of_envelope_type(one.kind),
        one.body.as_slice(),
    ])?;
    Ok(())
}

/// The last entry that waits for the device of an envelope, 0 for none; none for a device that is not live.
fn last_entry_of_live(db: &Connection, envelope: &DeviceEnvelope) -> Result<Option<u64>> {
    db.prepare_cached(
        "SELECT ifnull((SELECT max(position) FROM queue_entry WHERE user_id = ?1 AND device_id = ?2), 0)
         FROM device WHERE user_id = ?1 AND device_id = ?2 AND state = 1 AND disabled_at IS NULL",
    )?
    .query_row(
        params![envelope.user_id.as_str(), envelope.device_id.get()],
        |row| number(row, 0),
    )
    .optional()
}

#[cfg(test)]
mod tests {
    use super::super::{Sqlite, SqliteOptions, Threading};
    use super::*;
    use crate::service::tests::run;

    #[test]
    fn what_a_send_finds_is_found_by_keys_and_without_a_table_made_for_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let options = SqliteOptions {
            threading: Threading::Inline,
            ..SqliteOptions::default()
        };
        let storage = Sqlite::open_with(folder.path(), options).unwrap();
        let steps = |explain: &'static str, column| {
            let listed = storage.read(move |db| {
                db.prepare(&format!("{explain} {STANDING}"))?
                    .raw_query()
                    .mapped(|row| row.get::<_, String>(column))
                    .collect::<Result<Vec<_>>>()
            });
            run(listed).unwrap()
        };
        let made = steps("EXPLAIN", 1);
        assert!(made.iter().any(|step| step == "OpenRead"), "{made:#?}");
        assert!(
            !made.iter().any(|step| step == "OpenEphemeral"),
            "{made:#?}"
        );
        let plan = steps("EXPLAIN QUERY PLAN", 3);
        assert!(
            !plan.iter().any(|step| step.starts_with("SCAN")),
            "{plan:#?}"
        );
    }
}
