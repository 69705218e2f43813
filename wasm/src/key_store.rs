//! The app's KeyStore as JavaScript hands it in.

use crate::js::reason;
use js_sys::Uint8Array;
use sealwire::BoxFuture;
use sealwire::key_store::{KeyStore, KeyStoreError, Secret};
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};
use zeroize::Zeroizing;

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
/** Keeps small named secrets; `put` resolves when the secret is durable. */
export interface WasmKeyStore {
  get(name: string): Promise<Uint8Array | undefined>;
  put(name: string, secret: Uint8Array): Promise<void>;
}
"#;

#[wasm_bindgen]
extern "C" {
    /// `{ get, put }`
    #[wasm_bindgen(typescript_type = "WasmKeyStore")]
    pub type JsKeyStore;

    #[wasm_bindgen(method, catch)]
    async fn get(this: &JsKeyStore, name: &str) -> Result<JsValue, JsValue>;

    #[wasm_bindgen(method, catch)]
    async fn put(this: &JsKeyStore, name: &str, secret: Uint8Array) -> Result<JsValue, JsValue>;
}

/// A KeyStore over `{ get, put }`.
pub(crate) struct HandedIn(pub(crate) JsKeyStore);

impl KeyStore for HandedIn {
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Option<Secret>, KeyStoreError>> {
        Box::pin(async move {
            let held = self.0.get(name).await.map_err(failed)?;
            if held.is_undefined() || held.is_null() {
                return Ok(None);
            }
            match held.dyn_into::<Uint8Array>() {
                Ok(bytes) => Ok(Some(Zeroizing::new(bytes.to_vec()))),
                Err(_) => Err(KeyStoreError::new(
                    "`get` gave something else than a Uint8Array or undefined",
                )),
            }
        })
    }

    fn put<'a>(
        &'a self,
        name: &'a str,
        secret: Secret,
    ) -> BoxFuture<'a, Result<(), KeyStoreError>> {
        Box::pin(async move {
            let bytes = Uint8Array::from(secret.as_slice());
            self.0.put(name, bytes).await.map(drop).map_err(failed)
        })
    }
}

fn failed(thrown: JsValue) -> KeyStoreError {
    KeyStoreError::new(reason(&thrown))
}
