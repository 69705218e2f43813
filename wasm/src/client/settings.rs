//! What the account lets others do and see, whom it blocks, and what it wants of a thread.

use super::{Answer, Client, id, plain, record};
use crate::error::thrown;
use crate::records;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(wasm_bindgen_futures = crate::promise)]
impl Client {
    /// The settings of the account, as the relay last told this device.
    pub async fn settings(&self) -> Answer<JsValue> {
        let settings = self.client.settings().await.map_err(thrown)?;
        plain(&records::AccountSettings::from(settings))
    }

    /// Sets them all; gives what holds now.
    #[wasm_bindgen(js_name = setSettings)]
    pub async fn set_settings(&self, settings: JsValue) -> Answer<JsValue> {
        let settings: records::AccountSettings = record(settings)?;
        let held = self.client.set_settings(settings.into()).await;
        plain(&records::AccountSettings::from(held.map_err(thrown)?))
    }

    /// Takes no more messages from a user.
    pub async fn block(&self, user: String) -> Answer<()> {
        self.client.block(&user).await.map_err(thrown)
    }

    /// Takes messages from a user again.
    pub async fn unblock(&self, user: String) -> Answer<()> {
        self.client.unblock(&user).await.map_err(thrown)
    }

    /// Whom this account blocks.
    #[wasm_bindgen(js_name = blockedUsers)]
    pub async fn blocked_users(&self) -> Answer<Vec<String>> {
        let users = self.client.blocked_users().await.map_err(thrown)?;
        Ok(users.into_iter().map(|user| user.to_string()).collect())
    }

    /// Whether and of what a thread notifies; gives what holds now.
    #[wasm_bindgen(js_name = setThreadPreferences)]
    pub async fn set_thread_preferences(
        &self,
        thread: String,
        preferences: JsValue,
    ) -> Answer<JsValue> {
        let preferences: records::ThreadPreferences = record(preferences)?;
        let thread = id(&thread)?;
        let held = self
            .client
            .set_thread_preferences(thread, preferences.into())
            .await;
        plain(&records::ThreadPreferences::from(held.map_err(thrown)?))
    }
}
