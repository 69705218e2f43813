//! Reading JavaScript's values.

use js_sys::{Error, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};

/// What a thrown value says of itself: `name: message`, or its text.
pub(crate) fn reason(thrown: &JsValue) -> String {
    match thrown.dyn_ref::<Error>() {
        Some(error) => format!(
            "{}: {}",
            String::from(error.name()),
            String::from(error.message())
        ),
        None => thrown.as_string().unwrap_or_else(|| match name(thrown) {
            Some(name) => name,
            None => "something was thrown that is no error".to_owned(),
        }),
    }
}

/// A DOMException's or error's name, such as `QuotaExceededError`.
pub(crate) fn name(thrown: &JsValue) -> Option<String> {
    Reflect::get(thrown, &"name".into()).ok()?.as_string()
}
