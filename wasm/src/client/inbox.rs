//! The inbox, and what was read of it.

use super::{Answer, Client, count, id, id_or_none, local_id, plain};
use crate::error::thrown;
use crate::records;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(wasm_bindgen_futures = crate::promise)]
impl Client {
    /// A page of the inbox: the threads with the newest messages, or those after a page's `next`.
    pub async fn inbox(&self, limit: u32, after: Option<String>) -> Answer<JsValue> {
        let page = self.client.inbox(limit, id_or_none(after)?).await;
        plain(&records::InboxPage::from(page.map_err(thrown)?))
    }

    /// One thread as the inbox shows it.
    #[wasm_bindgen(js_name = inboxThread)]
    pub async fn inbox_thread(&self, thread: String) -> Answer<JsValue> {
        let found = self.client.inbox_thread(id(&thread)?).await;
        plain(&found.map_err(thrown)?.map(records::InboxThread::from))
    }

    /// Messages of others that no device of this account has read.
    #[wasm_bindgen(js_name = countUnread)]
    pub async fn count_unread(&self) -> Answer<f64> {
        self.client.count_unread().await.map(count).map_err(thrown)
    }

    /// Everything in a thread up to this message is read, or up to its newest.
    #[wasm_bindgen(js_name = markRead)]
    pub async fn mark_read(
        &self,
        thread: String,
        #[wasm_bindgen(js_name = upTo)] up_to: Option<String>,
    ) -> Answer<()> {
        let (thread, up_to) = (id(&thread)?, id_or_none(up_to)?);
        self.client.mark_read(thread, up_to).await.map_err(thrown)
    }

    /// How far a message of this account is with each recipient.
    pub async fn receipts(&self, #[wasm_bindgen(js_name = localId)] id: f64) -> Answer<JsValue> {
        let receipts = self.client.receipts(local_id(id)).await.map_err(thrown)?;
        let receipts = receipts.into_iter().map(records::Receipt::from);
        plain(&receipts.collect::<Vec<_>>())
    }
}
