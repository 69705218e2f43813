//! Keys of messages that a ratchet has passed, one row each, until the message comes or newer ones push them out.

use crate::columns::Col;
use crate::{Rows, Secret32, StoreError, Transaction};
use rusqlite::params;
use sealwire_wire::{DeviceId, UserId};

/// How many skipped keys one session keeps (the Signal protocol's own limit for a chain, here for a whole session).
pub const SKIPPED_KEYS_MAX: u32 = 2_000;

/// The key of one passed message.
pub struct SkippedKeyRow {
    /// The session: the base key it began with.
    pub base_key: [u8; 33],
    /// The chain: its ratchet key.
    pub ratchet_key: [u8; 33],
    /// The message's number in the chain.
    pub counter: u32,
    /// The secret that the message's keys are made of.
    pub seed: Secret32,
}

impl Rows {
    /// The keys of a device's message by what the late message shows. More than one only if two of the device's
    /// sessions share a ratchet key: the one that opens the message is the one to delete.
    pub fn skipped_keys(
        &self,
        user: &UserId,
        device: DeviceId,
        ratchet_key: &[u8; 33],
        counter: u32,
    ) -> Result<Vec<SkippedKeyRow>, StoreError> {
        self.statement(
            "SELECT base_key, seed FROM skipped_keys
             WHERE user_id = ?1 AND device_id = ?2 AND ratchet_key = ?3 AND counter = ?4",
        )?
        .query_map(
            params![Col(user), Col(device), ratchet_key, counter],
            |row| {
                Ok(SkippedKeyRow {
                    base_key: row.get::<_, Col<_>>(0)?.0,
                    ratchet_key: *ratchet_key,
                    counter,
                    seed: row.get::<_, Col<_>>(1)?.0,
                })
            },
        )?
        .map(|row| Ok(row?))
        .collect()
    }

    /// How many keys a session of a device holds.
    pub fn count_skipped_keys(
        &self,
        user: &UserId,
        device: DeviceId,
        base_key: &[u8; 33],
    ) -> Result<u64, StoreError> {
        let count: Col<u64> = self
            .statement("SELECT count(*) FROM skipped_keys WHERE user_id = ?1 AND device_id = ?2 AND base_key = ?3")?
            .query_row(params![Col(user), Col(device), base_key], |row| row.get(0))?;
        Ok(count.0)
    }
}

impl Transaction<'_> {
    /// Keeps keys, oldest first, and evicts the oldest of each session beyond [`SKIPPED_KEYS_MAX`].
    pub fn insert_skipped_keys(
        &mut self,
        user: &UserId,
        device: DeviceId,
        keys: &[SkippedKeyRow],
    ) -> Result<(), StoreError> {
        let mut insert = self.statement(
            "INSERT INTO skipped_keys (user_id, device_id, base_key, ratchet_key, counter, seed)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT DO NOTHING",
        )?;
        for key in keys {
            insert.execute(params![
                Col(user),
                Col(device),
                key.base_key,
                key.ratchet_key,
                key.counter,
                Col(&key.seed)
            ])?;
        }
        drop(insert);
        let mut sessions: Vec<_> = keys.iter().map(|key| key.base_key).collect();
        sessions.sort_unstable();
        sessions.dedup();
        for base_key in sessions {
            self.statement(
                "DELETE FROM skipped_keys WHERE user_id = ?1 AND device_id = ?2 AND base_key = ?3 AND id <= (
                     SELECT id FROM skipped_keys WHERE user_id = ?1 AND device_id = ?2 AND base_key = ?3
                     ORDER BY id DESC LIMIT 1 OFFSET ?4)",
            )?
            .execute(params![Col(user), Col(device), base_key, SKIPPED_KEYS_MAX])?;
        }
        Ok(())
    }

    /// Deletes the one key that opened a message; whether it was there.
    pub fn delete_skipped_key(
        &mut self,
        user: &UserId,
        device: DeviceId,
        base_key: &[u8; 33],
        ratchet_key: &[u8; 33],
        counter: u32,
    ) -> Result<bool, StoreError> {
        let deleted = self
            .statement(
                "DELETE FROM skipped_keys WHERE user_id = ?1 AND device_id = ?2 AND ratchet_key = ?3
                     AND counter = ?4 AND base_key = ?5",
            )?
            .execute(params![Col(user), Col(device), ratchet_key, counter, base_key])?;
        Ok(deleted == 1)
    }

    /// Deletes all keys of one chain.
    pub fn delete_skipped_chain(
        &mut self,
        user: &UserId,
        device: DeviceId,
        base_key: &[u8; 33],
        ratchet_key: &[u8; 33],
    ) -> Result<(), StoreError> {
        self.statement(
            "DELETE FROM skipped_keys WHERE user_id = ?1 AND device_id = ?2 AND ratchet_key = ?3 AND base_key = ?4",
        )?
        .execute(params![Col(user), Col(device), ratchet_key, base_key])?;
        Ok(())
    }

    /// Deletes all keys of one session.
    pub fn delete_skipped_session(
        &mut self,
        user: &UserId,
        device: DeviceId,
        base_key: &[u8; 33],
    ) -> Result<(), StoreError> {
        self.statement(
            "DELETE FROM skipped_keys WHERE user_id = ?1 AND device_id = ?2 AND base_key = ?3",
        )?
        .execute(params![Col(user), Col(device), base_key])?;
        Ok(())
    }

    /// Deletes every key of a device.
    pub(crate) fn delete_skipped_keys(
        &mut self,
        user: &UserId,
        device: DeviceId,
    ) -> Result<(), StoreError> {
        self.statement("DELETE FROM skipped_keys WHERE user_id = ?1 AND device_id = ?2")?
            .execute(params![Col(user), Col(device)])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Store;
    use crate::testing::{device, memory, user, write};

    fn key(session: u8, chain: u8, counter: u32) -> SkippedKeyRow {
        let mut seed = [session; 32];
        seed[..4].copy_from_slice(&counter.to_be_bytes());
        SkippedKeyRow {
            base_key: [session; 33],
            ratchet_key: [chain; 33],
            counter,
            seed: seed.into(),
        }
    }

    fn insert(store: &mut Store, keys: &[SkippedKeyRow]) {
        write(store, |tx| {
            tx.insert_skipped_keys(&user("bob"), device(1), keys)
        });
    }

    fn held(store: &Store, chain: u8, counter: u32) -> Vec<SkippedKeyRow> {
        store
            .skipped_keys(&user("bob"), device(1), &[chain; 33], counter)
            .unwrap()
    }

    #[test]
    fn a_key_is_found_by_what_the_late_message_shows_and_deleted_once() {
        let mut store = memory();
        insert(&mut store, &[key(1, 5, 3), key(1, 5, 4)]);
        let found = held(&store, 5, 3);
        assert_eq!(*found[0].seed, *key(1, 5, 3).seed);
        assert_eq!(found[0].base_key, [1; 33]);
        let delete = |store: &mut Store| {
            write(store, |tx| {
                tx.delete_skipped_key(&user("bob"), device(1), &[1; 33], &[5; 33], 3)
            })
        };
        assert!(delete(&mut store));
        assert!(!delete(&mut store));
        assert_eq!(held(&store, 5, 3).len(), 0);
        assert_eq!(held(&store, 5, 4).len(), 1);
    }

    #[test]
    fn the_oldest_keys_of_a_full_session_make_room_and_other_sessions_keep_theirs() {
        let mut store = memory();
        insert(&mut store, &[key(2, 9, 0)]);
        let first: Vec<_> = (0..SKIPPED_KEYS_MAX)
            .map(|counter| key(1, 5, counter))
            .collect();
        insert(&mut store, &first);
        insert(&mut store, &[key(1, 6, 0), key(1, 6, 1)]);
        let count = |session: u8| {
            store
                .count_skipped_keys(&user("bob"), device(1), &[session; 33])
                .unwrap()
        };
        assert_eq!(count(1), u64::from(SKIPPED_KEYS_MAX));
        assert_eq!(count(2), 1);
        assert_eq!((held(&store, 5, 0).len(), held(&store, 5, 1).len()), (0, 0));
        assert_eq!((held(&store, 5, 2).len(), held(&store, 6, 1).len()), (1, 1));
    }

    #[test]
    fn a_key_put_in_again_stays_the_first() {
        let mut store = memory();
        let mut other = key(1, 5, 3);
        other.seed = [0xff; 32].into();
        insert(&mut store, &[key(1, 5, 3)]);
        insert(&mut store, &[other]);
        let found = held(&store, 5, 3);
        assert_eq!(found.len(), 1);
        assert_eq!(*found[0].seed, *key(1, 5, 3).seed);
    }

    #[test]
    fn a_chain_or_a_session_is_deleted_whole_and_alone() {
        let mut store = memory();
        insert(
            &mut store,
            &[key(1, 5, 1), key(1, 5, 2), key(1, 6, 1), key(2, 7, 1)],
        );
        write(&mut store, |tx| {
            tx.delete_skipped_chain(&user("bob"), device(1), &[1; 33], &[5; 33])
        });
        assert_eq!(
            (
                held(&store, 5, 1).len(),
                held(&store, 5, 2).len(),
                held(&store, 6, 1).len()
            ),
            (0, 0, 1)
        );
        write(&mut store, |tx| {
            tx.delete_skipped_session(&user("bob"), device(1), &[1; 33])
        });
        assert_eq!((held(&store, 6, 1).len(), held(&store, 7, 1).len()), (0, 1));
    }
}
