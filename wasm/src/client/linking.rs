//! Linking: how a further device joins an account.

use super::{Answer, Client, plain};
use crate::error::thrown;
use crate::records;
use js_sys::{Function, Promise};
use sealwire::{EngineError, Error};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

#[wasm_bindgen(wasm_bindgen_futures = crate::promise)]
impl Client {
    /// Begins to make this device one of an existing account; gives the code to show there.
    #[wasm_bindgen(js_name = startLinking)]
    pub async fn start_linking(&self) -> Answer<String> {
        let linking = self.client.start_linking().await.map_err(thrown)?;
        let code = linking.code().to_owned();
        self.linking.replace(Some(linking));
        Ok(code)
    }

    /// Waits until the existing device has let this one in, and `confirm({ user, device })` has said yes.
    #[wasm_bindgen(js_name = finishLinking)]
    pub async fn finish_linking(&self, confirm: Function) -> Answer<JsValue> {
        let linking = self.linking.take();
        let linking = linking.ok_or_else(|| {
            thrown(Error::Engine(EngineError::LinkState(
                "begin with `startLinking`",
            )))
        })?;
        let joined = linking.finish(move |asked| async move {
            says_yes(&confirm, plain(&records::JoinAccount::from(asked))).await
        });
        plain(&records::Account::from(joined.await.map_err(thrown)?))
    }

    /// Lets the device that shows this code into the account, if `confirm({ device, identityKey })` says yes.
    #[wasm_bindgen(js_name = linkDevice)]
    pub async fn link_device(&self, code: String, confirm: Function) -> Answer<u32> {
        let linked = self.client.link_device(&code, move |asked| async move {
            says_yes(&confirm, plain(&records::AddDevice::from(asked))).await
        });
        Ok(linked.await.map_err(thrown)?.get())
    }

    /// Gives up the linking that is under way.
    #[wasm_bindgen(js_name = cancelLinking)]
    pub async fn cancel_linking(&self) -> Answer<()> {
        self.linking.take();
        self.client.cancel_linking().await.map_err(thrown)
    }
}

/// Whatever is thrown is no yes.
async fn says_yes(confirm: &Function, question: Answer<JsValue>) -> bool {
    let asked = question.and_then(|question| confirm.call1(&JsValue::NULL, &question));
    match asked {
        Ok(answer) => Promise::resolve(&answer)
            .await
            .is_ok_and(|answer: JsValue| answer.as_bool() == Some(true)),
        Err(_) => false,
    }
}
