//! What JavaScript is thrown: a plain object, so that it can be handed on to a page.

use crate::records::ErrorInfo;
use sealwire::Error;
use serde::Serialize as _;
use serde_wasm_bindgen::Serializer;
use wasm_bindgen::JsValue;

/// The record of the error; its `code` is the same in every language.
pub(crate) fn thrown(error: Error) -> JsValue {
    let record = ErrorInfo::from(error);
    // Texts, numbers and flags alone: they always have a form.
    record
        .serialize(&Serializer::new())
        .unwrap_or(JsValue::UNDEFINED)
}
