//! The account: making it, its devices, its settings, whom it blocks.

use super::{ClientHandle, device_id, id};
use crate::records::{AccountSettings, OwnDevice, ThreadPreferences};
use crate::{CallError, running};

#[uniffi::export]
impl ClientHandle {
    /// Makes the account of this user, with this device as its first; gives the device's number. Only a relay in dev mode
    /// takes anybody's word for who they are.
    pub async fn register(&self, user: String) -> Result<i64, CallError> {
        let client = self.client()?;
        running::run(async move { Ok(client.register(&user).await?.get().into()) }).await
    }

    /// Makes the account of this user, whom the platform's token names.
    pub async fn register_with_platform_token(
        &self,
        user: String,
        token: String,
    ) -> Result<i64, CallError> {
        let client = self.client()?;
        running::run(async move {
            let device = client.register_with_platform_token(&user, &token).await?;
            Ok(device.get().into())
        })
        .await
    }

    /// Believes the changed account key of a user, by the `list_hash` of the event that the person was asked about, over another way:
    /// what waited for it is sent. The code is `list_not_offered` if another list is offered by now; the event comes again.
    pub async fn accept_account_key(
        &self,
        user: String,
        list_hash: String,
    ) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move { client.accept_account_key(&user, &list_hash).await }).await
    }

    /// The registered devices of this account, as the relay knows them. Needs the relay.
    pub async fn own_devices(&self) -> Result<Vec<OwnDevice>, CallError> {
        let client = self.client()?;
        running::wait(async move {
            let devices = client.own_devices().await?;
            Ok(devices.into_iter().map(OwnDevice::from).collect())
        })
        .await
    }

    /// The protocol version of the session that messages for a device go in: 4 is PQXDH, 3 X3DH; none where there is no session
    /// yet. Of this account's other devices too.
    pub async fn session_protocol(
        &self,
        user: String,
        device: i64,
    ) -> Result<Option<i64>, CallError> {
        let client = self.client()?;
        running::wait(async move {
            let version = client.session_protocol(&user, device_id(device)?).await?;
            Ok(version.map(i64::from))
        })
        .await
    }

    /// Lets one of the account's devices do nothing any more at the relay, at once and for ever.
    pub async fn disable_device(&self, device: i64) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move { client.disable_device(device_id(device)?).await }).await
    }

    /// Takes a device out of the account's signed list, and disables it. Needs the relay.
    pub async fn remove_device(&self, device: i64) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move { client.remove_device(device_id(device)?).await }).await
    }

    /// The settings of the account, as the relay last told this device.
    pub async fn settings(&self) -> Result<AccountSettings, CallError> {
        let client = self.client()?;
        running::wait(async move { Ok(client.settings().await?.into()) }).await
    }

    /// Sets them all; gives what holds now. Needs the relay.
    pub async fn set_settings(
        &self,
        settings: AccountSettings,
    ) -> Result<AccountSettings, CallError> {
        let client = self.client()?;
        running::run(async move { Ok(client.set_settings(settings.into()).await?.into()) }).await
    }

    /// Takes no more 1:1 messages from a user; they are told no reason. Needs the relay.
    pub async fn block(&self, user: String) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move { client.block(&user).await }).await
    }

    /// Takes messages from a user again. Needs the relay.
    pub async fn unblock(&self, user: String) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move { client.unblock(&user).await }).await
    }

    /// Whom this account blocks. Needs the relay.
    pub async fn blocked_users(&self) -> Result<Vec<String>, CallError> {
        let client = self.client()?;
        running::wait(async move {
            let users = client.blocked_users().await?;
            Ok(users.into_iter().map(|user| user.to_string()).collect())
        })
        .await
    }

    /// Whether and of what a thread notifies, on all devices of the account; gives what holds now. Needs the relay.
    pub async fn set_thread_preferences(
        &self,
        thread: String,
        preferences: ThreadPreferences,
    ) -> Result<ThreadPreferences, CallError> {
        let client = self.client()?;
        running::run(async move {
            let preferences = preferences.into();
            let held = client
                .set_thread_preferences(id(&thread)?, preferences)
                .await?;
            Ok(held.into())
        })
        .await
    }

    /// Tells of typing and presence in these threads, and in no others any more.
    pub async fn watch_threads(&self, threads: Vec<String>) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move {
            let threads: Result<Vec<_>, _> = threads.iter().map(|thread| id(thread)).collect();
            client.watch_threads(&threads?).await
        })
        .await
    }

    /// Says that this user types; call it with every keystroke.
    pub async fn set_typing(&self, thread: String, typing: bool) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move { client.set_typing(id(&thread)?, typing).await }).await
    }

    /// Says whether the app is in use on this device, as the account's settings let others know.
    pub async fn set_presence(&self, online: bool) -> Result<(), CallError> {
        let client = self.client()?;
        running::run(async move { client.set_presence(online).await }).await
    }
}
