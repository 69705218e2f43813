//! The one form of every call that JavaScript waits for.
//!
//! What `wasm_bindgen` writes around an `async fn` is generic over its future: some fifty copies of one wrapper, 100 KB of
//! them. Each block of exports names this module in its place, and there is one.

use js_sys::Promise;
use std::future::Future;
use std::pin::Pin;
use wasm_bindgen::JsValue;

type Call = Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>>;

/// As `wasm_bindgen_futures::future_to_promise`, whatever the future.
pub(crate) fn future_to_promise(
    call: impl Future<Output = Result<JsValue, JsValue>> + 'static,
) -> Promise {
    let call: Call = Box::pin(call);
    wasm_bindgen_futures::future_to_promise(call)
}
