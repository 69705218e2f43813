//! Sending.

use super::{Answer, Client, count, id, local_id, plain, sending, unless_left};
use crate::error::thrown;
use crate::records;
use js_sys::Promise;
use sealwire::{Message, SendOptions};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export interface WasmSendOptions {
  ttlSeconds?: number;
  /** 16 bytes: sent once under this key, however often it is asked. */
  key?: Uint8Array;
}
"#;

#[wasm_bindgen(wasm_bindgen_futures = crate::promise)]
impl Client {
    /// The thread of this user with another one; its id.
    #[wasm_bindgen(js_name = directThread)]
    pub async fn direct_thread(&self, user: String) -> Answer<String> {
        let thread = self.client.direct_thread(&user).await.map_err(thrown)?;
        Ok(thread.to_string())
    }

    /// Sends words: durable here when this resolves.
    #[wasm_bindgen(js_name = sendText)]
    pub async fn send_text(
        &self,
        thread: String,
        text: String,
        #[wasm_bindgen(unchecked_param_type = "WasmSendOptions | undefined")] options: JsValue,
    ) -> Answer<JsValue> {
        let thread = id(&thread)?;
        let given = match options.is_undefined() {
            true => SendOptions::default(),
            false => sending::<records::SendOptions>(options)?
                .try_into()
                .map_err(thrown)?,
        };
        message(self.client.send_text_with(thread, text, given).await)
    }

    /// Tries a message that failed once more.
    pub async fn retry(&self, #[wasm_bindgen(js_name = localId)] id: f64) -> Answer<JsValue> {
        message(self.client.retry(local_id(id)).await)
    }

    /// Does not send a message after all.
    pub async fn cancel(&self, #[wasm_bindgen(js_name = localId)] id: f64) -> Answer<JsValue> {
        message(self.client.cancel(local_id(id)).await)
    }

    /// Waits until the relay has a message of this device, or `left` settles.
    #[wasm_bindgen(js_name = waitUntilSent)]
    pub async fn wait_until_sent(
        &self,
        #[wasm_bindgen(js_name = localId)] id: f64,
        left: Option<Promise>,
    ) -> Answer<JsValue> {
        let sent = unless_left(left, self.client.wait_until_sent(local_id(id))).await?;
        message(Ok(sent))
    }

    /// Takes in everything that waits at the relay; how many entries that were.
    #[wasm_bindgen(js_name = fetchQueue)]
    pub async fn fetch_queue(&self) -> Answer<f64> {
        self.client.fetch_queue().await.map(count).map_err(thrown)
    }

    /// Goes through a thread's history at the relay; how many messages were new.
    #[wasm_bindgen(js_name = syncThread)]
    pub async fn sync_thread(&self, thread: String) -> Answer<f64> {
        let added = self.client.sync_thread(id(&thread)?).await;
        added.map(count).map_err(thrown)
    }
}

pub(super) fn message(message: Result<Message, sealwire::Error>) -> Answer<JsValue> {
    plain(&records::Message::from(message.map_err(thrown)?))
}
