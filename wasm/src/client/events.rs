//! Events, to a callback.

use super::{Client, plain};
use crate::records;
use futures_util::future::{AbortHandle, abortable};
use js_sys::{Function, Promise};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::spawn_local;

/// A callback that is told of events until it is closed.
#[wasm_bindgen]
pub struct Subscription(AbortHandle);

#[wasm_bindgen(wasm_bindgen_futures = crate::promise)]
impl Client {
    /// Tells `onEvent(event)` of everything that happens from now on, in order; where it gives a promise, the next event waits
    /// for it. Up to 1,024 events wait, then `lagged` stands for those that did not fit. `onEnd()` comes once, when the client
    /// is closed. What a callback throws ends nothing.
    pub fn subscribe(
        &self,
        #[wasm_bindgen(js_name = onEvent)] on_event: Function,
        #[wasm_bindgen(js_name = onEnd)] on_end: Function,
    ) -> Subscription {
        let mut events = self.client.events();
        let (telling, handle) = abortable(async move {
            while let Some(event) = events.next().await {
                let Ok(event) = plain(&records::Event::from(event)) else {
                    continue;
                };
                if let Ok(answer) = on_event.call1(&JsValue::NULL, &event)
                    && !answer.is_undefined()
                {
                    let _ = Promise::resolve(&answer).await;
                }
            }
            let _ = on_end.call0(&JsValue::NULL);
        });
        spawn_local(async move {
            let _ = telling.await;
        });
        Subscription(handle)
    }
}

#[wasm_bindgen]
impl Subscription {
    /// No callback comes after this.
    pub fn close(&self) {
        self.0.abort();
    }
}
