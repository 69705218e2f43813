//! The client, as JavaScript holds it: each method is the SDK's own of that name.
//!
//! All of them take `&self`, so that calls may overlap. Ids are strings; local ids, times and counts are numbers.

mod account;
mod events;
mod files;
mod inbox;
mod linking;
mod messaging;
mod open;
mod reading;
mod settings;

use crate::error::thrown;
use crate::pool::Pool;
use futures_util::future::{Either, select};
use js_sys::{Number, Promise, Reflect};
use sealwire::{EngineError, Error, Linking, ParseIdError};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_wasm_bindgen::Serializer;
use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::str::FromStr;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

/// One device of one user, and the files that its store lies in.
#[wasm_bindgen]
pub struct Client {
    client: sealwire::Client,
    /// None for a store in memory.
    pool: Option<Pool>,
    /// Between `startLinking` and `finishLinking`.
    linking: RefCell<Option<Linking>>,
}

type Answer<T> = Result<T, JsValue>;

/// A record, or a list of them, as plain objects.
fn plain(record: &impl Serialize) -> Answer<JsValue> {
    let serializer = Serializer::new().serialize_maps_as_objects(true);
    // Our own records: that one of them has no form is a fault.
    record
        .serialize(&serializer)
        .map_err(|_| thrown(Error::Internal("a record has no form in JavaScript")))
}

/// An argument of the caller's.
fn record<T: DeserializeOwned>(value: JsValue) -> Answer<T> {
    serde_wasm_bindgen::from_value(value).map_err(|error| unfit(error.to_string()))
}

/// How something is sent: a time to live that is no whole number is what is wrong with the time to live.
fn sending<T: DeserializeOwned>(options: JsValue) -> Answer<T> {
    if let Ok(ttl) = Reflect::get(&options, &"ttlSeconds".into())
        && ttl.as_f64().is_some()
        && !Number::is_safe_integer(&ttl)
    {
        return Err(thrown(Error::Engine(EngineError::TtlInvalid)));
    }
    record(options)
}

/// An argument that is not what the method takes.
fn unfit(why: String) -> JsValue {
    thrown(Error::Configuration(why))
}

/// An id of the caller's.
fn id<T: FromStr<Err = ParseIdError>>(text: &str) -> Answer<T> {
    text.parse()
        .map_err(|error| thrown(Error::InvalidId(error)))
}

fn id_or_none<T: FromStr<Err = ParseIdError>>(text: Option<String>) -> Answer<Option<T>> {
    text.as_deref().map(id).transpose()
}

/// What JavaScript waits for, until `left` says that it does so no more. `left` has to settle in the end.
async fn unless_left<T>(
    left: Option<Promise>,
    waiting: impl Future<Output = Result<T, Error>>,
) -> Answer<T> {
    let Some(left) = left else {
        return waiting.await.map_err(thrown);
    };
    match select(pin!(waiting), JsFuture::from(left)).await {
        Either::Left((done, _)) => done.map_err(thrown),
        Either::Right(_) => Err(thrown(Error::Closed)),
    }
}

/// A local id: a whole number, as all of them are.
fn local_id(number: f64) -> i64 {
    number as i64
}

/// A count: far below 2^53.
fn count(number: u64) -> f64 {
    number as f64
}
