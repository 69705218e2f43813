//! Sending and fetching attachments.

use super::messaging::message;
use super::{Answer, Client, id, local_id, plain, sending, unfit};
use crate::attachments::{Sink, Source};
use crate::error::thrown;
use crate::records;
use js_sys::{Function, Reflect};
use sealwire::{Attachment, EngineError, Error, Message, Progress};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export interface WasmAttachment {
  /** Needed with a stream. */
  size?: number;
  mime?: string;
  name?: string;
  caption?: string;
  ttlSeconds?: number;
  media?: object;
  /** As in WasmSendOptions. */
  key?: Uint8Array;
}
"#;

#[wasm_bindgen(wasm_bindgen_futures = crate::promise)]
impl Client {
    /// Encrypts and uploads a Blob, a File or a ReadableStream of Uint8Arrays, then sends a message that points to it.
    #[wasm_bindgen(js_name = sendAttachment)]
    pub async fn send_attachment(
        &self,
        thread: String,
        #[wasm_bindgen(unchecked_param_type = "Blob | ReadableStream<Uint8Array>")] source: JsValue,
        #[wasm_bindgen(unchecked_param_type = "WasmAttachment")] about: JsValue,
        #[wasm_bindgen(js_name = onProgress)] on_progress: Option<Function>,
    ) -> Answer<JsValue> {
        let thread = id(&thread)?;
        let said_size = Reflect::get(&about, &"size".into())?;
        let about: records::AttachmentOptions = sending(about)?;
        let (source, size) = Source::of(&source).map_err(unfit)?;
        let size = size
            .or(said_size.as_f64().map(|size| size as u64))
            .ok_or_else(|| unfit("say how long the stream is: `size`".to_owned()))?;
        let attachment = Attachment::from_pieces(source, size);
        let attachment = about.describe(attachment).map_err(thrown)?;
        let sent = self
            .client
            .send_attachment(thread, attachment, told(on_progress));
        message(sent.await)
    }

    /// Gives a message's attachment to `write(chunk)`, chunk by chunk, and waits for each promise that it gives. Only when this
    /// resolves is everything there and what was sent.
    #[wasm_bindgen(js_name = downloadAttachmentTo)]
    pub async fn download_attachment_to(
        &self,
        #[wasm_bindgen(js_name = localId)] id: f64,
        write: Function,
        #[wasm_bindgen(js_name = onProgress)] on_progress: Option<Function>,
    ) -> Answer<()> {
        let message = self.with_attachment(id).await?;
        let fetched =
            self.client
                .download_attachment_to(&message, Sink::new(write), told(on_progress));
        fetched.await.map_err(thrown)
    }

    async fn with_attachment(&self, id: f64) -> Answer<Message> {
        let found = self.client.message(local_id(id)).await.map_err(thrown)?;
        found.ok_or_else(|| thrown(Error::Engine(EngineError::UnknownMessage)))
    }
}

/// Reads, encrypts and hashes as `sendAttachment` does, and drops it: for measuring.
#[cfg(feature = "test-doors")]
#[wasm_bindgen(js_name = sealForTest, wasm_bindgen_futures = crate::promise)]
pub async fn seal_for_test(
    #[wasm_bindgen(unchecked_param_type = "Blob | ReadableStream<Uint8Array>")] source: JsValue,
    size: f64,
) -> Answer<f64> {
    use crate::cipher::WebCipher;
    let (source, _) = Source::of(&source).map_err(unfit)?;
    let cipher = WebCipher::new().ok_or_else(|| unfit("no WebCrypto".to_owned()))?;
    let attachment = Attachment::from_pieces(source, size as u64);
    let sealed = sealwire::attachments::seal_and_drop(attachment, &cipher, &crate::runtime::Worker);
    sealed.await.map(super::count).map_err(thrown)
}

/// `onProgress({ done, total })`; what it throws stops nothing.
fn told(on_progress: Option<Function>) -> impl Fn(Progress) + 'static {
    move |progress| {
        if let Some(on_progress) = &on_progress
            && let Ok(progress) = plain(&records::Progress::from(progress))
        {
            let _ = on_progress.call1(&JsValue::NULL, &progress);
        }
    }
}
