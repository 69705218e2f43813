//! Signed device lists of every user, each version as it travelled, and the account key first seen of each.

use crate::columns::Col;
use crate::{Rows, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, params};
use sealwire_wire::UserId;

/// One version of a user's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceListRow {
    /// Its version.
    pub version: u64,
    /// The signed list as received.
    pub bytes: Vec<u8>,
    /// The hash that the next version names.
    pub hash: [u8; 32],
}

/// What is known of a user's account key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PinnedAccount {
    /// First seen, or accepted since.
    pub account_key: [u8; 33],
    /// One that the app has not accepted: until it does, nothing is sent. It may be the same, said by a recovery.
    pub offered_key: Option<[u8; 33]>,
    /// The first list version that the app has not accepted with it.
    pub offered_since: Option<u64>,
}

impl Rows {
    /// The newest list of a user that was accepted.
    pub fn newest_list(&self, user: &UserId) -> Result<Option<DeviceListRow>, StoreError> {
        self.statement(
            "SELECT version, bytes, hash FROM device_lists WHERE user_id = ?1 ORDER BY version DESC LIMIT 1",
        )?
        .query_row([Col(user)], read_list)
        .optional()
        .map_err(StoreError::from)
    }

    /// One version of a user's list.
    pub fn list(&self, user: &UserId, version: u64) -> Result<Option<DeviceListRow>, StoreError> {
        self.statement(
            "SELECT version, bytes, hash FROM device_lists WHERE user_id = ?1 AND version = ?2",
        )?
        .query_row(params![Col(user), Col(version)], read_list)
        .optional()
        .map_err(StoreError::from)
    }

    /// Every version of a user's list, oldest first.
    pub fn lists(&self, user: &UserId) -> Result<Vec<DeviceListRow>, StoreError> {
        self.statement(
            "SELECT version, bytes, hash FROM device_lists WHERE user_id = ?1 ORDER BY version",
        )?
        .query_map([Col(user)], read_list)?
        .map(|row| Ok(row?))
        .collect()
    }

    /// Every user with a list, and the newest version held.
    pub fn list_versions(&self) -> Result<Vec<(UserId, u64)>, StoreError> {
        self.statement("SELECT user_id, max(version) FROM device_lists GROUP BY user_id")?
            .query_map([], |row| {
                Ok((row.get::<_, Col<_>>(0)?.0, row.get::<_, Col<_>>(1)?.0))
            })?
            .map(|row| Ok(row?))
            .collect()
    }

    /// The users of whose lists it was said that they changed, and that were not had since.
    pub fn changed_lists(&self) -> Result<Vec<UserId>, StoreError> {
        self.statement("SELECT user_id FROM changed_lists")?
            .query_map([], |row| Ok(row.get::<_, Col<_>>(0)?.0))?
            .map(|row| Ok(row?))
            .collect()
    }

    /// The account key of a user, if one was seen.
    pub fn pinned_account(&self, user: &UserId) -> Result<Option<PinnedAccount>, StoreError> {
        self.statement(
            "SELECT account_key, offered_key, offered_since FROM pinned_accounts WHERE user_id = ?1",
        )?
        .query_row([Col(user)], |row| {
            Ok(PinnedAccount {
                account_key: row.get::<_, Col<_>>(0)?.0,
                offered_key: row.get::<_, Option<Col<_>>>(1)?.map(|key| key.0),
                offered_since: row.get::<_, Option<Col<_>>>(2)?.map(|version| version.0),
            })
        })
        .optional()
        .map_err(StoreError::from)
    }
}

impl Transaction<'_> {
    /// Appends the next version. The same bytes again are no error; another list in its place is
    /// [`StoreError::Conflict`], and so is a version that is not the next one.
    pub fn append_list(&mut self, user: &UserId, list: &DeviceListRow) -> Result<(), StoreError> {
        if let Some(held) = self.list(user, list.version)? {
            return if held == *list {
                Ok(())
            } else {
                Err(StoreError::Conflict("device list"))
            };
        }
        let follows = self
            .newest_list(user)?
            .is_none_or(|newest| newest.version.checked_add(1) == Some(list.version));
        if !follows {
            return Err(StoreError::Conflict("device list"));
        }
        self.statement(
            "INSERT INTO device_lists (user_id, version, bytes, hash) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![Col(user), Col(list.version), list.bytes, list.hash])?;
        Ok(())
    }

    /// This user's list is to be had again; of no interest where none is held.
    pub fn list_changed(&mut self, user: &UserId) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO changed_lists (user_id) SELECT ?1 WHERE EXISTS (SELECT 1 FROM device_lists WHERE user_id = ?1)
             ON CONFLICT DO NOTHING",
        )?
        .execute([Col(user)])?;
        Ok(())
    }

    /// Every list that is held is to be had again.
    pub fn all_lists_changed(&mut self) -> Result<(), StoreError> {
        self.statement(
            "INSERT INTO changed_lists (user_id) SELECT DISTINCT user_id FROM device_lists WHERE true ON CONFLICT DO NOTHING",
        )?
        .execute([])?;
        Ok(())
    }

    /// The relay showed this user's list as it is.
    pub fn list_is_new(&mut self, user: &UserId) -> Result<(), StoreError> {
        self.statement("DELETE FROM changed_lists WHERE user_id = ?1")?
            .execute([Col(user)])?;
        Ok(())
    }

    /// Pins the account key first seen. The same again is no error, another is [`StoreError::Conflict`].
    pub fn pin_account(&mut self, user: &UserId, account_key: &[u8; 33]) -> Result<(), StoreError> {
        match self.pinned_account(user)? {
            Some(held) if held.account_key == *account_key => Ok(()),
            Some(_) => Err(StoreError::Conflict("account key")),
            None => {
                self.statement(
                    "INSERT INTO pinned_accounts (user_id, account_key) VALUES (?1, ?2)",
                )?
                .execute(params![Col(user), account_key])?;
                Ok(())
            }
        }
    }

    /// Notes the account key of a recovery, until the app accepts it, and from which list version on it is said. Of several
    /// that were not accepted the newest key counts, and the first version.
    pub fn offer_account(
        &mut self,
        user: &UserId,
        offered_key: &[u8; 33],
        since: u64,
    ) -> Result<(), StoreError> {
        let changed = self
            .statement(
                "UPDATE pinned_accounts SET offered_key = ?2, offered_since = coalesce(offered_since, ?3)
                 WHERE user_id = ?1",
            )?
            .execute(params![Col(user), offered_key, Col(since)])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("pinned account"))
        }
    }

    /// What came after a version was shown to be made up: it goes, with the removals that it told of and the key it offered.
    pub fn withdraw_lists_after(&mut self, user: &UserId, version: u64) -> Result<(), StoreError> {
        self.statement("DELETE FROM device_lists WHERE user_id = ?1 AND version > ?2")?
            .execute(params![Col(user), Col(version)])?;
        self.statement("DELETE FROM device_removals WHERE user_id = ?1 AND since_version > ?2")?
            .execute(params![Col(user), Col(version)])?;
        self.statement(
            "UPDATE pinned_accounts SET offered_key = NULL, offered_since = NULL WHERE user_id = ?1",
        )?
        .execute([Col(user)])?;
        Ok(())
    }

    /// The app accepts exactly this offered key: it is the pinned one from now on.
    pub fn accept_account(
        &mut self,
        user: &UserId,
        offered_key: &[u8; 33],
    ) -> Result<(), StoreError> {
        let changed = self
            .statement(
                "UPDATE pinned_accounts SET account_key = offered_key, offered_key = NULL, offered_since = NULL
                 WHERE user_id = ?1 AND offered_key = ?2",
            )?
            .execute(params![Col(user), offered_key])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("offered account key"))
        }
    }
}

fn read_list(row: &rusqlite::Row<'_>) -> rusqlite::Result<DeviceListRow> {
    Ok(DeviceListRow {
        version: row.get::<_, Col<_>>(0)?.0,
        bytes: row.get(1)?,
        hash: row.get::<_, Col<_>>(2)?.0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{memory, user, write};

    fn version(version: u64) -> DeviceListRow {
        DeviceListRow {
            version,
            bytes: vec![version as u8; 10],
            hash: [version as u8; 32],
        }
    }

    #[test]
    fn every_version_is_kept_as_it_travelled() {
        let mut store = memory();
        assert_eq!(store.newest_list(&user("bob")).unwrap(), None);
        write(&mut store, |tx| {
            (1..=3).try_for_each(|number| tx.append_list(&user("bob"), &version(number)))
        });
        write(&mut store, |tx| tx.append_list(&user("alice"), &version(1)));
        assert_eq!(store.newest_list(&user("bob")).unwrap(), Some(version(3)));
        assert_eq!(store.list(&user("bob"), 2).unwrap(), Some(version(2)));
        assert_eq!(store.list(&user("bob"), 4).unwrap(), None);
        assert_eq!(
            store.lists(&user("bob")).unwrap(),
            [version(1), version(2), version(3)]
        );
        assert_eq!(
            store.list_versions().unwrap(),
            [(user("alice"), 1), (user("bob"), 3)]
        );
    }

    #[test]
    fn a_forked_or_skipped_version_is_a_conflict_and_the_same_again_is_none() {
        let mut store = memory();
        write(&mut store, |tx| {
            (1..=2).try_for_each(|number| tx.append_list(&user("bob"), &version(number)))
        });
        write(&mut store, |tx| tx.append_list(&user("bob"), &version(2)));
        let mut forked = version(2);
        forked.hash = [9; 32];
        for wrong in [forked, version(4), version(0)] {
            let refused = store.transaction(|tx| tx.append_list(&user("bob"), &wrong));
            assert_eq!(
                refused,
                Err(StoreError::Conflict("device list")),
                "{}",
                wrong.version
            );
        }
        assert_eq!(store.newest_list(&user("bob")).unwrap(), Some(version(2)));
    }

    #[test]
    fn a_first_version_above_one_may_be_where_the_chain_held_begins() {
        let mut store = memory();
        write(&mut store, |tx| tx.append_list(&user("bob"), &version(7)));
        assert_eq!(store.newest_list(&user("bob")).unwrap(), Some(version(7)));
    }

    #[test]
    fn the_first_account_key_is_pinned_until_the_app_accepts_the_one_offered() {
        let mut store = memory();
        write(&mut store, |tx| tx.pin_account(&user("bob"), &[1; 33]));
        write(&mut store, |tx| tx.pin_account(&user("bob"), &[1; 33]));
        let silent = store.transaction(|tx| tx.pin_account(&user("bob"), &[2; 33]));
        assert_eq!(silent, Err(StoreError::Conflict("account key")));
        write(&mut store, |tx| tx.offer_account(&user("bob"), &[9; 33], 4));
        write(&mut store, |tx| tx.offer_account(&user("bob"), &[2; 33], 6));
        let pinned = |account_key, offered: Option<([u8; 33], u64)>| {
            Some(PinnedAccount {
                account_key,
                offered_key: offered.map(|(key, _)| key),
                offered_since: offered.map(|(_, since)| since),
            })
        };
        assert_eq!(
            store.pinned_account(&user("bob")).unwrap(),
            pinned([1; 33], Some(([2; 33], 4)))
        );
        let other = store.transaction(|tx| tx.accept_account(&user("bob"), &[3; 33]));
        assert_eq!(
            other,
            Err(StoreError::NoSuch("offered account key")),
            "what was shown is what is accepted"
        );
        write(&mut store, |tx| tx.accept_account(&user("bob"), &[2; 33]));
        assert_eq!(
            store.pinned_account(&user("bob")).unwrap(),
            pinned([2; 33], None)
        );
        assert_eq!(store.pinned_account(&user("carol")).unwrap(), None);
    }

    #[test]
    fn what_was_made_up_goes_with_the_key_that_it_offered() {
        let (mut store, bob) = (memory(), user("bob"));
        write(&mut store, |tx| {
            tx.pin_account(&bob, &[1; 33])?;
            (1..=3).try_for_each(|number| tx.append_list(&bob, &version(number)))?;
            tx.note_removal(&bob, sealwire_wire::DeviceId::FIRST, 3)?;
            tx.offer_account(&bob, &[2; 33], 3)?;
            tx.withdraw_lists_after(&bob, 2)
        });
        assert_eq!(store.newest_list(&bob).unwrap(), Some(version(2)));
        let pinned = store.pinned_account(&bob).unwrap().unwrap();
        assert_eq!((pinned.account_key, pinned.offered_key), ([1; 33], None));
        assert_eq!(store.pending_removals().unwrap(), []);
        write(&mut store, |tx| tx.append_list(&bob, &version(3)));
    }
}
