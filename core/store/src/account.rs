//! This device and its account: one row.

use crate::columns::{Col, number_column};
use crate::{Rows, Secret32, StoreError, Transaction};
use rusqlite::{OptionalExtension as _, params};
use sealwire_wire::{DeviceId, UserId};

/// This device and its account.
pub struct Account {
    /// The user.
    pub user_id: UserId,
    /// This device.
    pub device_id: DeviceId,
    /// This registration of the device.
    pub registration_id: u32,
    /// The private half of the device's identity key.
    pub identity_secret: Secret32,
    /// The private half of the account key; none on a device that is not linked yet.
    pub account_secret: Option<Secret32>,
    /// The relay it belongs to.
    pub relay_origin: String,
    /// How far it is.
    pub state: AccountState,
}

/// How far this device is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum AccountState {
    /// Registered at the relay or about to be, in no signed list yet.
    Registering,
    /// In the newest signed list.
    Registered,
    /// Taken out of the list.
    Revoked,
}
number_column!(AccountState { Registering = 1, Registered = 2, Revoked = 3 });

impl Rows {
    /// The account, if this store has one.
    pub fn account(&self) -> Result<Option<Account>, StoreError> {
        self.statement(
            "SELECT user_id, device_id, registration_id, identity_secret, account_secret, relay_origin, state
             FROM account WHERE id = 1",
        )?
        .query_row([], |row| {
            Ok(Account {
                user_id: row.get::<_, Col<_>>(0)?.0,
                device_id: row.get::<_, Col<_>>(1)?.0,
                registration_id: row.get(2)?,
                identity_secret: row.get::<_, Col<_>>(3)?.0,
                account_secret: row.get::<_, Option<Col<_>>>(4)?.map(|secret| secret.0),
                relay_origin: row.get(5)?,
                state: row.get(6)?,
            })
        })
        .optional()
        .map_err(StoreError::from)
    }
}

impl Transaction<'_> {
    /// Puts the account in place of what was there.
    pub fn save_account(&mut self, account: &Account) -> Result<(), StoreError> {
        self.statement(
            "INSERT OR REPLACE INTO account
                 (id, user_id, device_id, registration_id, identity_secret, account_secret, relay_origin, state)
             VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![
            Col(&account.user_id),
            Col(account.device_id),
            account.registration_id,
            Col(&account.identity_secret),
            Col::optional(account.account_secret.as_ref()),
            account.relay_origin,
            account.state,
        ])?;
        Ok(())
    }

    /// Forgets an account that came to nothing, with every prekey made for it; their ids are never given again.
    pub fn delete_account(&mut self) -> Result<(), StoreError> {
        self.statement("DELETE FROM account")?.execute([])?;
        self.statement("DELETE FROM one_time_prekeys")?
            .execute([])?;
        self.statement("DELETE FROM signed_prekeys")?.execute([])?;
        self.statement("DELETE FROM kem_prekeys")?.execute([])?;
        Ok(())
    }

    /// Changes how far this device is.
    pub fn set_account_state(&mut self, state: AccountState) -> Result<(), StoreError> {
        let changed = self
            .statement("UPDATE account SET state = ?1 WHERE id = 1")?
            .execute([state])?;
        if changed == 1 {
            Ok(())
        } else {
            Err(StoreError::NoSuch("account"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{device, memory, user, write};

    #[test]
    fn the_account_comes_back_with_its_secrets_and_its_state() {
        let mut store = memory();
        assert!(store.account().unwrap().is_none());
        let refused = store.transaction(|tx| tx.set_account_state(AccountState::Revoked));
        assert_eq!(refused, Err(StoreError::NoSuch("account")));
        let mut account = Account {
            user_id: user("alice"),
            device_id: device(2),
            registration_id: u32::MAX,
            identity_secret: [4; 32].into(),
            account_secret: None,
            relay_origin: "https://relay.example".to_owned(),
            state: AccountState::Registering,
        };
        write(&mut store, |tx| tx.save_account(&account));
        assert!(store.account().unwrap().unwrap().account_secret.is_none());
        account.account_secret = Some([5; 32].into());
        write(&mut store, |tx| tx.save_account(&account));
        write(&mut store, |tx| {
            tx.set_account_state(AccountState::Registered)
        });
        let held = store.account().unwrap().unwrap();
        assert_eq!(
            (held.user_id, held.device_id, held.registration_id),
            (user("alice"), device(2), u32::MAX)
        );
        assert_eq!(*held.identity_secret, [4; 32]);
        assert_eq!(held.account_secret.as_deref(), Some(&[5; 32]));
        assert_eq!(
            (held.relay_origin.as_str(), held.state),
            ("https://relay.example", AccountState::Registered)
        );
    }

    #[test]
    fn an_account_that_came_to_nothing_goes_with_its_prekeys_but_their_ids_stay_given() {
        let mut store = memory();
        write(&mut store, |tx| {
            let first = tx.take_prekey_ids(crate::PrekeyKind::OneTime, 2)?;
            tx.insert_one_time_prekey(first, &vec![1; 32].into())?;
            tx.insert_signed_prekey(&crate::SignedPrekeyRow {
                id: 1,
                secret: vec![1; 32].into(),
                signature: [2; 64],
                created_at: sealwire_wire::Timestamp(1),
                listed_version: 4,
            })?;
            tx.record_base_key(&user("bob"), device(1), 1, None, &[5; 33])?;
            tx.delete_account()
        });
        assert!(store.one_time_prekey(1).unwrap().is_none());
        assert!(store.signed_prekeys().unwrap().is_empty());
        assert_eq!(
            store.count_used_base_keys(&user("bob"), device(1)).unwrap(),
            0
        );
        assert_eq!(
            store.prekey_ids(crate::PrekeyKind::OneTime).unwrap().next,
            3
        );
    }
}
