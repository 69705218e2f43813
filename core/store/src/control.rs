//! Control messages on their way: sealed, and kept as they are until the relay has taken them.

use crate::columns::{Col, number_column};
use crate::{Rows, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, Row, params};
use sealwire_wire::contract::EnvelopeType;
use sealwire_wire::{DeviceId, IdempotencyKey, Timestamp, UserId};

/// A control message, sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewControl {
    /// For whom.
    pub user: UserId,
    /// For which device.
    pub device: DeviceId,
    /// That device's registration.
    pub registration_id: u32,
    /// How the body opens.
    pub kind: EnvelopeType,
    /// The ratchet message.
    pub body: Vec<u8>,
    /// The same at every try.
    pub idempotency_key: IdempotencyKey,
    /// This device's clock.
    pub created_at: Timestamp,
}

/// A control message that the relay does not have yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingControl {
    /// Never given again.
    pub id: i64,
    /// As it was sealed.
    pub control: NewControl,
    /// How often it was tried in vain.
    pub attempts: u32,
    /// When to try next.
    pub next_attempt_at: Timestamp,
}

/// What is done to one device only so often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ControlLimit {
    /// Asking it.
    Asking,
    /// Answering it.
    Answering,
}
number_column!(ControlLimit { Asking = 1, Answering = 2 });

/// Every column, in the order that [`read_outgoing`] takes them.
macro_rules! outgoing_columns {
    () => {
        "id, user_id, device_id, registration_id, type, body, idempotency_key, created_at_ms, attempts, next_attempt_at_ms"
    };
}

impl Rows {
    /// What is on its way, the longest due first; at most `limit`.
    pub fn outgoing_controls(&self, limit: u32) -> Result<Vec<OutgoingControl>, StoreError> {
        self.outgoing_controls_but_for(std::iter::empty(), limit)
    }

    /// The same without what is for these users: what waits for them takes nobody else's place.
    pub fn outgoing_controls_but_for<'a>(
        &self,
        users: impl IntoIterator<Item = &'a UserId>,
        limit: u32,
    ) -> Result<Vec<OutgoingControl>, StoreError> {
        // Ids of users have no character that JSON escapes (limits of the contract).
        let users: Vec<_> = users
            .into_iter()
            .map(|user| format!("\"{user}\""))
            .collect();
        self.statement(concat!(
            "SELECT ",
            outgoing_columns!(),
            " FROM outgoing_control WHERE user_id NOT IN (SELECT value FROM json_each(?2))
             ORDER BY next_attempt_at_ms, id LIMIT ?1"
        ))?
        .query_map(
            params![limit, format!("[{}]", users.join(","))],
            read_outgoing,
        )?
        .map(|row| Ok(row?))
        .collect()
    }

    /// One of them.
    pub fn outgoing_control(&self, id: i64) -> Result<Option<OutgoingControl>, StoreError> {
        self.statement(concat!(
            "SELECT ",
            outgoing_columns!(),
            " FROM outgoing_control WHERE id = ?1"
        ))?
        .query_row([id], read_outgoing)
        .optional()
        .map_err(StoreError::from)
    }

    /// How many are on their way to a device.
    pub fn count_outgoing_controls(
        &self,
        user: &UserId,
        device: DeviceId,
    ) -> Result<u64, StoreError> {
        let count: Col<u64> = self
            .statement(
                "SELECT count(*) FROM outgoing_control WHERE user_id = ?1 AND device_id = ?2",
            )?
            .query_row(params![Col(user), Col(device)], |row| row.get(0))?;
        Ok(count.0)
    }

    /// When nothing stands against it any more; none where nothing does.
    pub fn control_limit(
        &self,
        user: &UserId,
        device: DeviceId,
        kind: ControlLimit,
    ) -> Result<Option<Timestamp>, StoreError> {
        self.statement(
            "SELECT free_at_ms FROM control_limits WHERE user_id = ?1 AND device_id = ?2 AND kind = ?3",
        )?
        .query_row(params![Col(user), Col(device), kind], |row| {
            Ok(row.get::<_, Col<_>>(0)?.0)
        })
        .optional()
        .map_err(StoreError::from)
    }
}

impl Transaction<'_> {
    /// Keeps a control message until it is sent, together with the session that it was sealed in.
    pub fn queue_control(&mut self, control: &NewControl) -> Result<i64, StoreError> {
        self.statement(
            "INSERT INTO outgoing_control (user_id, device_id, registration_id, type, body, idempotency_key, attempts,
                 next_attempt_at_ms, created_at_ms)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0, ?7, ?7)",
        )?
        .execute(params![
            Col(&control.user),
            Col(control.device),
            control.registration_id,
            Col(control.kind),
            control.body,
            Col(&control.idempotency_key),
            Col(control.created_at),
        ])?;
        Ok(self.connection.last_insert_rowid())
    }

    /// It was tried in vain.
    pub fn note_control_attempt(
        &mut self,
        id: i64,
        attempts: u32,
        next: Timestamp,
    ) -> Result<(), StoreError> {
        self.statement(
            "UPDATE outgoing_control SET attempts = ?2, next_attempt_at_ms = ?3 WHERE id = ?1",
        )?
        .execute(params![id, attempts, Col(next)])?;
        Ok(())
    }

    /// It is sent, or never will be; whether it was there.
    pub fn delete_control(&mut self, id: i64) -> Result<bool, StoreError> {
        Ok(self
            .statement("DELETE FROM outgoing_control WHERE id = ?1")?
            .execute([id])?
            == 1)
    }

    /// Notes from when on nothing stands against it any more.
    pub fn set_control_limit(
        &mut self,
        user: &UserId,
        device: DeviceId,
        kind: ControlLimit,
        free_at: Timestamp,
    ) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO control_limits (user_id, device_id, kind, free_at_ms) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (user_id, device_id, kind) DO UPDATE SET free_at_ms = excluded.free_at_ms",
        )?
        .execute(params![Col(user), Col(device), kind, Col(free_at)])?;
        Ok(())
    }

    /// Forgets the limits that stood against nothing before `before` any more; how many.
    pub fn prune_control_limits(&mut self, before: Timestamp) -> Result<usize, StoreError> {
        Ok(self
            .statement("DELETE FROM control_limits WHERE free_at_ms < ?1")?
            .execute([Col(before)])?)
    }
}

fn read_outgoing(row: &Row<'_>) -> rusqlite::Result<OutgoingControl> {
    Ok(OutgoingControl {
        id: row.get(0)?,
        control: NewControl {
            user: row.get::<_, Col<_>>(1)?.0,
            device: row.get::<_, Col<_>>(2)?.0,
            registration_id: row.get(3)?,
            kind: row.get::<_, Col<_>>(4)?.0,
            body: row.get(5)?,
            idempotency_key: row.get::<_, Col<_>>(6)?.0,
            created_at: row.get::<_, Col<_>>(7)?.0,
        },
        attempts: row.get(8)?,
        next_attempt_at: row.get::<_, Col<_>>(9)?.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{device, memory, user, write};

    fn control(number: u8) -> NewControl {
        NewControl {
            user: user("bob"),
            device: device(1),
            registration_id: u32::MAX,
            kind: EnvelopeType::Prekey,
            body: vec![number; 40],
            idempotency_key: format!("key-{number}").parse().unwrap(),
            created_at: Timestamp(u64::from(number)),
        }
    }

    #[test]
    fn a_control_message_stays_as_it_was_sealed_until_it_is_sent() {
        let mut store = memory();
        let first = write(&mut store, |tx| tx.queue_control(&control(1)));
        let second = write(&mut store, |tx| tx.queue_control(&control(2)));
        write(&mut store, |tx| {
            tx.note_control_attempt(first, 3, Timestamp(90))
        });
        let outgoing = store.outgoing_controls(10).unwrap();
        assert_eq!(
            outgoing.iter().map(|one| one.id).collect::<Vec<_>>(),
            [second, first]
        );
        assert_eq!(outgoing[1].control, control(1));
        assert_eq!(outgoing[1].attempts, 3);
        assert_eq!(store.outgoing_controls(1).unwrap().len(), 1);
        assert_eq!(
            store
                .count_outgoing_controls(&user("bob"), device(1))
                .unwrap(),
            2
        );
        assert_eq!(
            store
                .count_outgoing_controls(&user("bob"), device(2))
                .unwrap(),
            0
        );
        let but_for = |name| {
            let left = store.outgoing_controls_but_for([&user("al.i_c-e"), &user(name)], 10);
            left.unwrap().len()
        };
        assert_eq!((but_for("bob"), but_for("bobby")), (0, 2));
        assert!(write(&mut store, |tx| tx.delete_control(first)));
        assert!(!write(&mut store, |tx| tx.delete_control(first)));
        assert!(store.outgoing_control(first).unwrap().is_none());
        let third = write(&mut store, |tx| tx.queue_control(&control(3)));
        assert!(third > second);
    }

    #[test]
    fn each_device_has_its_own_limit_for_asking_and_answering() {
        let mut store = memory();
        let bob = user("bob");
        write(&mut store, |tx| {
            tx.set_control_limit(&bob, device(1), ControlLimit::Asking, Timestamp(5))?;
            tx.set_control_limit(&bob, device(1), ControlLimit::Asking, Timestamp(7))
        });
        let limit = |store: &crate::Store, number, kind| {
            store.control_limit(&bob, device(number), kind).unwrap()
        };
        assert_eq!(limit(&store, 1, ControlLimit::Asking), Some(Timestamp(7)));
        assert_eq!(limit(&store, 1, ControlLimit::Answering), None);
        assert_eq!(limit(&store, 2, ControlLimit::Asking), None);
        assert_eq!(
            write(&mut store, |tx| tx.prune_control_limits(Timestamp(7))),
            0
        );
        assert_eq!(
            write(&mut store, |tx| tx.prune_control_limits(Timestamp(8))),
            1
        );
    }
}
