//! Account, connection, devices, typing and presence.

use super::{Answer, Client, id, plain, unless_left};
use crate::error::thrown;
use crate::records;
use js_sys::Promise;
use sealwire::{DeviceId, Error};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(wasm_bindgen_futures = crate::promise)]
impl Client {
    /// Makes the account of this user with this device as its first; gives the device's number.
    pub async fn register(&self, user: String) -> Answer<u32> {
        let device = self.client.register(&user).await.map_err(thrown)?;
        Ok(device.get())
    }

    /// Makes the account of this user, whom the platform's token names.
    #[wasm_bindgen(js_name = registerWithPlatformToken)]
    pub async fn register_with_platform_token(&self, user: String, token: String) -> Answer<u32> {
        let registered = self.client.register_with_platform_token(&user, &token);
        Ok(registered.await.map_err(thrown)?.get())
    }

    /// `{ user, device }` once it is registered or linked.
    pub fn account(&self) -> Answer<JsValue> {
        plain(&self.client.account().map(records::Account::from))
    }

    /// Where the connection stands now.
    pub fn connection(&self) -> Answer<JsValue> {
        plain(&records::ConnectionState::from(self.client.connection()))
    }

    /// Connects, and stays connected.
    #[wasm_bindgen(js_name = goOnline)]
    pub async fn go_online(&self) -> Answer<()> {
        self.client.go_online().await.map_err(thrown)
    }

    /// Disconnects, and stays offline.
    #[wasm_bindgen(js_name = goOffline)]
    pub async fn go_offline(&self) -> Answer<()> {
        self.client.go_offline().await.map_err(thrown)
    }

    /// The browser says that the network is another one, or back.
    #[wasm_bindgen(js_name = networkChanged)]
    pub async fn network_changed(&self) -> Answer<()> {
        self.client.network_changed().await.map_err(thrown)
    }

    /// Believes the changed account key of a user.
    #[wasm_bindgen(js_name = acceptAccountKey)]
    pub async fn accept_account_key(
        &self,
        user: String,
        #[wasm_bindgen(js_name = listHash)] list_hash: String,
    ) -> Answer<()> {
        let accepted = self.client.accept_account_key(&user, &list_hash).await;
        accepted.map_err(thrown)
    }

    /// The registered devices of this account.
    #[wasm_bindgen(js_name = ownDevices)]
    pub async fn own_devices(&self) -> Answer<JsValue> {
        let devices = self.client.own_devices().await.map_err(thrown)?;
        let devices: Vec<_> = devices.into_iter().map(records::OwnDevice::from).collect();
        plain(&devices)
    }

    /// The protocol version of the session with a device: 4 is PQXDH, 3 X3DH; nothing where there is none.
    #[wasm_bindgen(js_name = sessionProtocol)]
    pub async fn session_protocol(&self, user: String, device: u32) -> Answer<Option<u8>> {
        let device = DeviceId::new(device).map_err(|error| thrown(Error::InvalidId(error)))?;
        let version = self.client.session_protocol(&user, device).await;
        version.map_err(thrown)
    }

    /// Lets one of the account's devices do nothing any more at the relay.
    #[wasm_bindgen(js_name = disableDevice)]
    pub async fn disable_device(&self, device: u32) -> Answer<()> {
        let device = DeviceId::new(device).map_err(|error| thrown(Error::InvalidId(error)))?;
        self.client.disable_device(device).await.map_err(thrown)
    }

    /// Takes one of the account's other devices out of its signed list.
    #[wasm_bindgen(js_name = removeDevice)]
    pub async fn remove_device(&self, device: u32) -> Answer<()> {
        let device = DeviceId::new(device).map_err(|error| thrown(Error::InvalidId(error)))?;
        self.client.remove_device(device).await.map_err(thrown)
    }

    /// Tells of typing and presence in these threads, and in no others.
    #[wasm_bindgen(js_name = watchThreads)]
    pub async fn watch_threads(&self, threads: Vec<String>) -> Answer<()> {
        let threads: Vec<_> = threads
            .iter()
            .map(|thread| id(thread))
            .collect::<Answer<_>>()?;
        self.client.watch_threads(&threads).await.map_err(thrown)
    }

    /// Says that this user types.
    #[wasm_bindgen(js_name = setTyping)]
    pub async fn set_typing(&self, thread: String, typing: bool) -> Answer<()> {
        let thread = id(&thread)?;
        self.client.set_typing(thread, typing).await.map_err(thrown)
    }

    /// Says whether the app is in use on this device.
    #[wasm_bindgen(js_name = setPresence)]
    pub async fn set_presence(&self, online: bool) -> Answer<()> {
        self.client.set_presence(online).await.map_err(thrown)
    }

    /// Waits until everything that was queued is here, or `left` settles.
    #[wasm_bindgen(js_name = waitUntilCaughtUp)]
    pub async fn wait_until_caught_up(&self, left: Option<Promise>) -> Answer<()> {
        unless_left(left, self.client.wait_until_caught_up()).await
    }
}
