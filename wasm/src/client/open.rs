//! The beginning and the end of a client.

use super::{Answer, Client, record};
use crate::cipher::WebCipher;
use crate::error::thrown;
use crate::key_store::{HandedIn, JsKeyStore};
use crate::pool::{FILE, Pool};
use crate::records::SessionPolicy;
use crate::runtime::Worker;
use crate::transport::WebTransport;
use js_sys::Reflect;
use sealwire::Error;
use serde::Deserialize;
use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast as _, JsValue};

#[wasm_bindgen(typescript_custom_section)]
const TYPES: &str = r#"
export interface WasmOpenOptions {
  /** `https://relay.example` */
  relay: string;
  /** Letters, digits, `-` and `_`; "default" if it is not said. */
  store?: string;
  /** A store that is gone with the client. */
  inMemory?: boolean;
  /** Needed, save with `inMemory`. */
  keyStore?: WasmKeyStore;
  dangerAllowHttp?: boolean;
  startOffline?: boolean;
  /** How long a message that cannot leave is tried; a day if nothing is said. */
  giveUpAfterMs?: number;
  /** "requirePqxdh" if nothing is said. */
  sessionPolicy?: "requirePqxdh" | "allowX3dh";
}
"#;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OpenOptions {
    relay: String,
    store: Option<String>,
    #[serde(default)]
    in_memory: bool,
    #[serde(default)]
    danger_allow_http: bool,
    #[serde(default)]
    start_offline: bool,
    give_up_after_ms: Option<u32>,
    #[serde(default)]
    session_policy: SessionPolicy,
}

#[wasm_bindgen(wasm_bindgen_futures = crate::promise)]
impl Client {
    /// Opens the store and starts the client. One client at a time: none while another one is open in this worker, or the
    /// store is in another worker.
    pub async fn open(
        #[wasm_bindgen(unchecked_param_type = "WasmOpenOptions")] options: JsValue,
    ) -> Answer<Client> {
        let key_store = Reflect::get(&options, &"keyStore".into())?;
        let options: OpenOptions = record(options)?;
        let mut builder = sealwire::Client::builder(options.relay)
            .session_policy(options.session_policy.into())
            .transport(Arc::new(WebTransport))
            .runtime(Arc::new(Worker));
        if let Some(cipher) = WebCipher::new() {
            builder = builder.chunk_cipher(Arc::new(cipher));
        }
        if options.danger_allow_http {
            builder = builder.danger_allow_http();
        }
        if options.start_offline {
            builder = builder.start_offline();
        }
        if let Some(ms) = options.give_up_after_ms {
            builder = builder.give_up_after(Duration::from_millis(ms.into()));
        }
        let pool = if options.in_memory {
            builder = builder.in_memory();
            None
        } else {
            if !key_store.is_object() {
                let missing = "say what keeps the store's key: `keyStore`";
                return Err(thrown(Error::Configuration(missing.to_owned())));
            }
            let keys = HandedIn(key_store.unchecked_into::<JsKeyStore>());
            let store = options.store.as_deref().unwrap_or("default");
            let pool = Pool::take(store).await.map_err(thrown)?;
            builder = builder.key_store(Arc::new(keys)).store(FILE);
            Some(pool)
        };
        // Where it does not open, the pool's drop gives the files back.
        let client = builder.open().await.map_err(thrown)?;
        Ok(Self {
            client,
            pool,
            linking: RefCell::new(None),
        })
    }

    /// Ends the client and gives its files back: when this returns, another worker may open the store.
    pub async fn close(&self) -> Answer<()> {
        let closed = self.client.close().await;
        self.give_files_back()?;
        closed.map_err(thrown)
    }

    /// Gives socket and files back until `resume`; meanwhile every other call gives the code `suspended`.
    pub async fn suspend(&self) -> Answer<()> {
        let suspended = self.client.suspend().await;
        self.give_files_back()?;
        suspended.map_err(thrown)
    }

    /// Takes the files again and goes on. Where that does not succeed, the client stays suspended and holds no files.
    pub async fn resume(&self) -> Answer<()> {
        if let Some(pool) = &self.pool {
            pool.resume().await.map_err(thrown)?;
        }
        match self.client.resume().await {
            Ok(()) => Ok(()),
            Err(error) => {
                self.give_files_back()?;
                Err(thrown(error))
            }
        }
    }

    fn give_files_back(&self) -> Answer<()> {
        match &self.pool {
            Some(pool) => pool.give_back().map_err(thrown),
            None => Ok(()),
        }
    }
}
