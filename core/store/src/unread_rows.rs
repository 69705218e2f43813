//! Placeholders that may become readable: what the relay delivered, kept until the sender's device has told what opens it.

use crate::columns::Col;
use crate::{LocalId, Rows, SecretBytes, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, params};
use sealwire_wire::control::MessageName;
use sealwire_wire::{DeviceId, MessageId, Timestamp, UserId};

/// A row that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUnreadRow {
    /// Its placeholder.
    pub local_id: LocalId,
    /// Whose it is.
    pub user: UserId,
    /// From which device.
    pub device: DeviceId,
    /// As the relay delivered it, in JSON; none where it is to be fetched again.
    pub row: Option<Vec<u8>>,
    /// This device's clock.
    pub received_at: Timestamp,
}

/// A row that waits for what opens it.
pub struct UnreadRow {
    /// Whose it is.
    pub user: UserId,
    /// From which device.
    pub device: DeviceId,
    /// As the relay delivered it last, in JSON.
    pub row: Option<Vec<u8>>,
    /// The plaintext of its envelope, which waits for the true row.
    pub answer: Option<SecretBytes>,
    /// How often the device was asked, or with an answer the relay.
    pub tries: u32,
}

impl Rows {
    /// What is kept of a placeholder's message.
    pub fn unread_row(&self, id: LocalId) -> Result<Option<UnreadRow>, StoreError> {
        self.statement(
            "SELECT user_id, device_id, row, answer, tries FROM unread_rows WHERE local_id = ?1",
        )?
        .query_row([id.0], |row| {
            Ok(UnreadRow {
                user: row.get::<_, Col<_>>(0)?.0,
                device: row.get::<_, Col<_>>(1)?.0,
                row: row.get(2)?,
                answer: row.get::<_, Option<Col<_>>>(3)?.map(|answer| answer.0),
                tries: row.get(4)?,
            })
        })
        .optional()
        .map_err(StoreError::from)
    }

    /// How many messages may become readable.
    pub fn count_unread_rows(&self) -> Result<u64, StoreError> {
        let count: Col<u64> = self
            .statement("SELECT count(*) FROM unread_rows")?
            .query_row([], |row| row.get(0))?;
        Ok(count.0)
    }

    /// The devices that are to be asked, and from when on.
    pub fn devices_to_ask(&self) -> Result<Vec<(UserId, DeviceId, Timestamp)>, StoreError> {
        // One look-up a device, however many rows each of them is asked for.
        let mut next = self.statement(
            "SELECT user_id, device_id, due_ms FROM unread_rows
             WHERE answer IS NULL AND due_ms IS NOT NULL AND (user_id, device_id) > (?1, ?2)
             ORDER BY user_id, device_id, due_ms LIMIT 1",
        )?;
        let mut devices: Vec<(UserId, DeviceId, Timestamp)> = Vec::new();
        loop {
            let (user, device) = devices
                .last()
                .map_or(("", 0), |(user, device, _)| (user.as_str(), device.get()));
            let found = next.query_row(params![user, device], |row| {
                Ok((
                    row.get::<_, Col<_>>(0)?.0,
                    row.get::<_, Col<_>>(1)?.0,
                    row.get::<_, Col<_>>(2)?.0,
                ))
            });
            match found.optional()? {
                Some(found) => devices.push(found),
                None => return Ok(devices),
            }
        }
    }

    /// What a device is to be asked for by now, the longest due first; at most `limit`.
    pub fn rows_to_ask_for(
        &self,
        user: &UserId,
        device: DeviceId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<(LocalId, MessageName)>, StoreError> {
        self.statement(
            "SELECT u.local_id, m.thread_id, m.client_seq, m.revision
             FROM unread_rows u JOIN messages m ON m.local_id = u.local_id
             WHERE u.user_id = ?1 AND u.device_id = ?2 AND u.answer IS NULL AND u.due_ms IS NOT NULL AND u.due_ms <= ?3
             ORDER BY u.due_ms LIMIT ?4",
        )?
        .query_map(params![Col(user), Col(device), Col(now), limit], |row| {
            Ok((
                LocalId(row.get(0)?),
                MessageName {
                    thread_id: row.get::<_, Col<_>>(1)?.0,
                    client_seq: row.get::<_, Col<_>>(2)?.0,
                    revision: row.get(3)?,
                },
            ))
        })?
        .map(|row| Ok(row?))
        .collect()
    }

    /// The message whose true row is due to be fetched first: what opens it is here.
    pub fn row_to_fetch(&self) -> Result<Option<(LocalId, MessageId, Timestamp)>, StoreError> {
        self.statement(
            "SELECT u.local_id, m.message_id, u.due_ms FROM unread_rows u JOIN messages m ON m.local_id = u.local_id
             WHERE u.answer IS NOT NULL AND u.due_ms IS NOT NULL AND m.message_id IS NOT NULL
             ORDER BY u.due_ms LIMIT 1",
        )?
        .query_row([], |row| {
            Ok((
                LocalId(row.get(0)?),
                row.get::<_, Col<_>>(1)?.0,
                row.get::<_, Col<_>>(2)?.0,
            ))
        })
        .optional()
        .map_err(StoreError::from)
    }
}

impl Transaction<'_> {
    /// Keeps a row, to be asked for at once; in place of what was delivered for the same placeholder before.
    pub fn keep_unread_row(&mut self, row: &NewUnreadRow) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO unread_rows (local_id, user_id, device_id, row, received_at_ms, tries, due_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, 0, ?5)
             ON CONFLICT (local_id) DO UPDATE SET row = coalesce(excluded.row, row)",
        )?
        .execute(params![
            row.local_id.0,
            Col(&row.user),
            Col(row.device),
            row.row,
            Col(row.received_at)
        ])
        .map_err(|error| match StoreError::is_constraint(&error) {
            true => StoreError::NoSuch("placeholder"),
            false => error.into(),
        })?;
        Ok(())
    }

    /// One more try is on its way; `again`: when the next is due.
    pub fn note_unread_try(
        &mut self,
        id: LocalId,
        again: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        self.statement(
            "UPDATE unread_rows SET tries = tries + 1, due_ms = ?2 WHERE local_id = ?1",
        )?
        .execute(params![id.0, Col::optional(again)])?;
        Ok(())
    }

    /// What the device was asked for is to be asked for again from `after` on: the way to it was broken.
    pub fn ask_device_again(
        &mut self,
        user: &UserId,
        device: DeviceId,
        after: Timestamp,
    ) -> Result<(), StoreError> {
        self.statement(
            "UPDATE unread_rows SET due_ms = ?3
             WHERE user_id = ?1 AND device_id = ?2 AND answer IS NULL AND due_ms IS NOT NULL AND due_ms > ?3",
        )?
        .execute(params![Col(user), Col(device), Col(after)])?;
        Ok(())
    }

    /// The answer came, and the row that was delivered is not the true one, or not here: from `after` on it is fetched.
    pub fn keep_answer(
        &mut self,
        id: LocalId,
        answer: &SecretBytes,
        after: Timestamp,
    ) -> Result<(), StoreError> {
        self.statement(
            "UPDATE unread_rows SET answer = ?2, row = NULL, tries = 0, due_ms = ?3 WHERE local_id = ?1",
        )?
        .execute(params![id.0, Col(answer), Col(after)])?;
        Ok(())
    }

    /// Nothing opens it any more, or it is open.
    pub fn delete_unread_row(&mut self, id: LocalId) -> Result<bool, StoreError> {
        Ok(self
            .statement("DELETE FROM unread_rows WHERE local_id = ?1")?
            .execute([id.0])?
            == 1)
    }

    /// Forgets the rows that came before `before`: no device can tell any more what opens them. How many.
    pub fn prune_unread_rows(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        Ok(self
            .statement("DELETE FROM unread_rows WHERE received_at_ms < ?1")?
            .execute([Col(before)])?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{device, text, user, with_thread, write};
    use crate::{MessageKind, MessageState, NewMessage, Store};

    fn placeholder(number: u64) -> NewMessage {
        NewMessage {
            uid: None,
            kind: MessageKind::Placeholder,
            state: MessageState::Unreadable,
            content: None,
            text: None,
            ..text(number, "")
        }
    }

    fn unread(id: LocalId, row: &[u8], at: u64) -> NewUnreadRow {
        NewUnreadRow {
            local_id: id,
            user: user("bob"),
            device: device(1),
            row: Some(row.to_vec()),
            received_at: Timestamp(at),
        }
    }

    fn held(store: &mut Store, number: u64) -> LocalId {
        write(store, |tx| {
            let id = tx.insert_message(&placeholder(number))?.local_id();
            tx.keep_unread_row(&unread(id, &[number as u8], number))?;
            Ok(id)
        })
    }

    fn asked_for(store: &Store, now: u64) -> Vec<u64> {
        let rows = store.rows_to_ask_for(&user("bob"), device(1), Timestamp(now), 2);
        let rows = rows.unwrap().into_iter();
        rows.map(|(_, name)| name.client_seq.0).collect()
    }

    #[test]
    fn a_row_is_asked_for_from_its_time_on_and_not_for_ever() {
        let mut store = with_thread();
        let ids: Vec<_> = (1..=3).map(|number| held(&mut store, number)).collect();
        assert_eq!(
            store.devices_to_ask().unwrap(),
            [(user("bob"), device(1), Timestamp(1))]
        );
        assert_eq!(asked_for(&store, 2), [1, 2]);
        write(&mut store, |tx| {
            tx.note_unread_try(ids[0], Some(Timestamp(50)))?;
            tx.note_unread_try(ids[1], None)
        });
        assert_eq!(asked_for(&store, 49), [3]);
        write(&mut store, |tx| {
            tx.ask_device_again(&user("bob"), device(1), Timestamp(20))
        });
        assert_eq!(asked_for(&store, 20), [3, 1]);
    }

    #[test]
    fn each_device_is_named_once_with_the_first_time_that_it_may_be_asked() {
        let mut store = with_thread();
        write(&mut store, |tx| {
            for number in 1..=12 {
                let id = tx.insert_message(&placeholder(number))?.local_id();
                let mut row = unread(id, &[1], 100 - number);
                row.user = user(["bob", "carol"][number as usize % 2]);
                row.device = device(1 + number as u32 / 2 % 2);
                tx.keep_unread_row(&row)?;
            }
            Ok(())
        });
        let named = |name, number, due| (user(name), device(number), Timestamp(due));
        assert_eq!(
            store.devices_to_ask().unwrap(),
            [
                named("bob", 1, 88),
                named("bob", 2, 90),
                named("carol", 1, 91),
                named("carol", 2, 89),
            ]
        );
    }

    #[test]
    fn what_has_its_answer_waits_for_the_true_row() {
        let mut store = with_thread();
        let id = held(&mut store, 1);
        assert_eq!(store.row_to_fetch().unwrap(), None);
        write(&mut store, |tx| {
            tx.keep_answer(id, &vec![7].into(), Timestamp(30))
        });
        assert!(asked_for(&store, 99).is_empty());
        let place = store.message(id).unwrap().unwrap().message_id.unwrap();
        assert_eq!(
            store.row_to_fetch().unwrap(),
            Some((id, place, Timestamp(30)))
        );
        let row = store.unread_row(id).unwrap().unwrap();
        assert_eq!((row.row, row.tries), (None, 0));
        assert_eq!(row.answer.unwrap().as_slice(), [7]);
        write(&mut store, |tx| tx.note_unread_try(id, None));
        assert_eq!(store.row_to_fetch().unwrap(), None);
    }

    #[test]
    fn a_row_delivered_again_takes_the_place_of_the_first_and_keeps_its_time() {
        let mut store = with_thread();
        let id = held(&mut store, 1);
        write(&mut store, |tx| tx.note_unread_try(id, Some(Timestamp(50))));
        write(&mut store, |tx| tx.keep_unread_row(&unread(id, &[9], 30)));
        assert_eq!(store.unread_row(id).unwrap().unwrap().row, Some(vec![9]));
        assert!(asked_for(&store, 49).is_empty());
        assert_eq!(store.count_unread_rows().unwrap(), 1);
        assert_eq!(
            write(&mut store, |tx| tx.prune_unread_rows(Timestamp(2))),
            1
        );
        assert!(!write(&mut store, |tx| tx.delete_unread_row(id)));
        let orphan = store.transaction(|tx| tx.keep_unread_row(&unread(LocalId(99), &[], 0)));
        assert_eq!(orphan, Err(StoreError::NoSuch("placeholder")));
    }
}
