//! Which message a device's number names.
//!
//! Numbers in turn are a chain from the sender's last backwards, and the index has every 64th of them; those that came out of
//! turn it has each. Numbers are compared as the integers in their columns, whatever they are as u64: any order will do.

use super::columns::{message_id, of_seq, some_timestamp, timestamp};
use super::kept_keys::{self, Kept};
use super::order::MessageNumber;
use crate::storage::{Accepted, EarlierSend, SendName};
use rusqlite::{Connection, OptionalExtension as _, Result, params};
use sealwire_wire::contract::SentMessage;
use sealwire_wire::{IdempotencyKey, Timestamp};

/// What a send finds of an earlier one: its key used for another, or its number used or void.
pub(super) fn earlier(
    db: &Connection,
    name: &SendName,
    key: &IdempotencyKey,
    now: Timestamp,
) -> Result<Option<Accepted>> {
    let named = find(db, name)?;
    let kept = kept_keys::find(db, &name.sender, key, now)?;
    if kept.is_some_and(|kept| Some(kept) != named.map(Kept::Send)) {
        return Ok(Some(Accepted::KeyReused));
    }
    if let Some(number) = named {
        return answered(db, name, number).map(|sent| Some(Accepted::Earlier(sent)));
    }
    Ok(is_void(db, name)?.then_some(Accepted::Void))
}

pub(super) fn sent_earlier(db: &Connection, name: &SendName) -> Result<Option<EarlierSend>> {
    let named = find(db, name)?;
    named.map(|number| answered(db, name, number)).transpose()
}

/// The message that the number names, if there is one.
pub(super) fn find(db: &Connection, name: &SendName) -> Result<Option<MessageNumber>> {
    let seq = of_seq(name.client_seq);
    let place = params![
        name.thread_id.as_bytes(),
        name.sender.user_id.as_str(),
        name.sender.device_id.get(),
        seq
    ];
    let last: Option<(i64, MessageNumber)> = db
        .prepare_cached(
            "SELECT last_seq, last_message FROM sender WHERE thread_id = ?1 AND user_id = ?2 AND device_id = ?3",
        )?
        .query_row(&place[..3], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((last_seq, last_message)) = last else {
        return Ok(None);
    };
    if seq > last_seq {
        return Ok(None);
    }
    let out_of_turn = db
        .prepare_cached(
            "SELECT number FROM message INDEXED BY message_out_of_turn WHERE thread_id = ?1 AND sender_id = ?2
                 AND sender_device_id = ?3 AND client_seq = ?4 AND turn IS NULL",
        )?
        .query_row(place, |row| row.get(0))
        .optional()?;
    if out_of_turn.is_some() {
        return Ok(out_of_turn);
    }
    let indexed = db
        .prepare_cached(
            "SELECT number FROM message INDEXED BY message_in_turn WHERE thread_id = ?1 AND sender_id = ?2
                 AND sender_device_id = ?3 AND client_seq >= ?4 AND turn % 64 = 0 ORDER BY client_seq LIMIT 1",
        )?
        .query_row(place, |row| row.get(0))
        .optional()?;
    let mut link =
        db.prepare_cached("SELECT client_seq, previous_turn FROM message WHERE number = ?1")?;
    let mut next = indexed.or(Some(last_message));
    while let Some(row) = next {
        let (found, before): (i64, _) =
            link.query_row([row], |row| Ok((row.get(0)?, row.get(1)?)))?;
        if found <= seq {
            return Ok((found == seq).then_some(row));
        }
        next = before;
    }
    Ok(None)
}

fn answered(db: &Connection, name: &SendName, number: MessageNumber) -> Result<EarlierSend> {
    db.prepare_cached(
        "SELECT fingerprint, id, created_at, requeued_at FROM message WHERE number = ?1",
    )?
    .query_row([number], |row| {
        Ok(EarlierSend {
            fingerprint: row.get(0)?,
            answer: SentMessage {
                id: message_id(row, 1)?,
                thread_id: name.thread_id,
                sender_id: name.sender.user_id.clone(),
                sender_device_id: name.sender.device_id,
                client_seq: name.client_seq,
                created_at: timestamp(row, 2)?,
                requeued_at: some_timestamp(row, 3)?,
            },
        })
    })
}

fn is_void(db: &Connection, name: &SendName) -> Result<bool> {
    db.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM void_send
             WHERE thread_id = ?1 AND user_id = ?2 AND device_id = ?3 AND client_seq = ?4)",
    )?
    .query_row(
        params![
            name.thread_id.as_bytes(),
            name.sender.user_id.as_str(),
            name.sender.device_id.get(),
            of_seq(name.client_seq)
        ],
        |row| row.get(0),
    )
}

#[cfg(test)]
mod tests {
    use super::super::long_thread::{MANY, little_each, long_thread, user};
    use super::*;
    use crate::service::tests::run;
    use sealwire_wire::contract::DeviceName;
    use sealwire_wire::{ClientSeq, DeviceId};

    #[test]
    fn what_a_number_names_is_found_in_a_few_steps_however_many_came_after_it() {
        let folder = tempfile::TempDir::new().unwrap();
        let (storage, thread_id) = long_thread(&folder);
        let named = |seq: u64| {
            let name = SendName {
                thread_id,
                sender: DeviceName {
                    user_id: user("alice"),
                    device_id: DeviceId::FIRST,
                },
                client_seq: ClientSeq(seq),
            };
            run(storage.read(move |db| find(db, &name))).unwrap()
        };
        little_each(&storage, |number| {
            let seq = number * (MANY / 100);
            assert_eq!(named(seq), Some(seq.cast_signed()));
        });
        for nothing in [0, MANY + 1, u64::MAX] {
            assert_eq!(named(nothing), None);
        }
    }
}
