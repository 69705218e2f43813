//! What the account lets others do and see, whom it blocks, and what it wants of a thread.

use super::{Client, OTHER_REPLY, user_id};
use crate::Error;
use sealwire_engine::{Call, Engine, Reply};
use sealwire_wire::contract::{AccountSettings, ThreadPreferences};
use sealwire_wire::{ThreadId, UserId};

impl Client {
    /// The settings of the account, as the relay last told this device: it asks with each connection. The defaults before.
    pub async fn settings(&self) -> Result<AccountSettings, Error> {
        self.shared.queries.run(Engine::account_settings).await
    }

    /// Sets them all; gives what holds now. Needs the relay.
    ///
    /// With `read_receipts` off nobody is told what this account has read, and it is told of nobody: what it was told before
    /// stays. Its own devices go on telling each other.
    pub async fn set_settings(&self, settings: AccountSettings) -> Result<AccountSettings, Error> {
        match self.call(Call::SetSettings(settings)).await? {
            Reply::Settings(settings) => Ok(settings),
            _ => Err(OTHER_REPLY),
        }
    }

    /// Takes no more 1:1 messages from a user; they are told no reason. Needs the relay.
    ///
    /// Codes: `own_user`, `user_unknown`.
    pub async fn block(&self, user: &str) -> Result<(), Error> {
        self.set_block(user, true).await
    }

    /// Takes messages from a user again. Needs the relay.
    pub async fn unblock(&self, user: &str) -> Result<(), Error> {
        self.set_block(user, false).await
    }

    /// Whom this account blocks, by id. Needs the relay.
    pub async fn blocked_users(&self) -> Result<Vec<UserId>, Error> {
        match self.call(Call::BlockedUsers).await? {
            Reply::Users(users) => Ok(users),
            _ => Err(OTHER_REPLY),
        }
    }

    /// Whether and of what a thread notifies, on all devices of the account; gives what holds now. Needs the relay.
    ///
    /// Codes: `unknown_thread`, here or (before the first message) at the relay as `not_found`.
    pub async fn set_thread_preferences(
        &self,
        thread: ThreadId,
        preferences: ThreadPreferences,
    ) -> Result<ThreadPreferences, Error> {
        let call = Call::SetThreadPreferences {
            thread,
            preferences,
        };
        match self.call(call).await? {
            Reply::Preferences(held) => Ok(held),
            _ => Err(OTHER_REPLY),
        }
    }

    async fn set_block(&self, user: &str, blocked: bool) -> Result<(), Error> {
        let user_id = user_id(user)?;
        self.call(Call::SetBlock { user_id, blocked })
            .await
            .map(drop)
    }
}
