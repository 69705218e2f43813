//! Reading what the store holds.

use super::{Answer, Client, count, id, id_or_none, local_id, plain};
use crate::error::thrown;
use crate::records;
use sealwire::Message;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(wasm_bindgen_futures = crate::promise)]
impl Client {
    /// A page of a thread, newest first: the newest, or those before the message with this local id.
    pub async fn messages(
        &self,
        thread: String,
        before: Option<f64>,
        limit: u32,
    ) -> Answer<JsValue> {
        let before = before.map(local_id);
        let found = self.client.messages(id(&thread)?, before, limit).await;
        messages(found.map_err(thrown)?)
    }

    /// One message.
    pub async fn message(&self, #[wasm_bindgen(js_name = localId)] id: f64) -> Answer<JsValue> {
        let found = self.client.message(local_id(id)).await.map_err(thrown)?;
        plain(&found.map(records::Message::from))
    }

    /// The threads, the one with the newest message first.
    pub async fn threads(&self, after: Option<String>, limit: u32) -> Answer<JsValue> {
        let threads = self.client.threads(id_or_none(after)?, limit).await;
        let threads = threads.map_err(thrown)?.into_iter();
        plain(&threads.map(records::Thread::from).collect::<Vec<_>>())
    }

    /// The messages that hold every word of the text, newest first.
    pub async fn search(
        &self,
        text: String,
        thread: Option<String>,
        before: Option<f64>,
        limit: u32,
    ) -> Answer<JsValue> {
        let (thread, before) = (id_or_none(thread)?, before.map(local_id));
        let found = self.client.search(&text, thread, before, limit).await;
        messages(found.map_err(thrown)?)
    }

    /// How many messages this device holds.
    #[wasm_bindgen(js_name = countMessages)]
    pub async fn count_messages(&self, thread: Option<String>) -> Answer<f64> {
        let counted = self.client.count_messages(id_or_none(thread)?).await;
        counted.map(count).map_err(thrown)
    }

    /// The longest text of one message, in bytes of UTF-8.
    #[wasm_bindgen(js_name = maxTextBytes)]
    pub fn max_text_bytes(&self) -> f64 {
        count(self.client.max_text_bytes() as u64)
    }
}

fn messages(found: Vec<Message>) -> Answer<JsValue> {
    let found = found.into_iter().map(records::Message::from);
    plain(&found.collect::<Vec<_>>())
}
