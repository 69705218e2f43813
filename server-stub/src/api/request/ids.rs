//! Ids in path, query and headers.

use crate::service::Refusal;
use axum::extract::{FromRequestParts, OptionalFromRequestParts, Path, Query};
use axum::http::request::Parts;
use sealwire_wire::contract::ErrorCode;
use sealwire_wire::{IdempotencyKey, ParseIdError};
use serde::de::DeserializeOwned;
use std::str::FromStr;

/// The ids of a route's path: one, or a tuple.
pub(crate) struct PathIds<T>(pub(crate) T);

/// The query's parameters.
pub(crate) struct Params<T>(pub(crate) T);

/// The header `Idempotency-Key`.
pub(crate) struct Idempotency(pub(crate) IdempotencyKey);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for PathIds<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Path(ids) = <Path<T> as FromRequestParts<S>>::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Refusal::new(ErrorCode::InvalidId, rejection.body_text()))?;
        Ok(Self(ids))
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let Query(params) = Query::from_request_parts(parts, state)
            .await
            .map_err(|rejection| Refusal::new(ErrorCode::InvalidRequest, rejection.body_text()))?;
        Ok(Self(params))
    }
}

/// An id that the query may name.
pub(crate) fn query_id<T>(text: Option<&str>) -> Result<Option<T>, Refusal>
where
    T: FromStr<Err = ParseIdError>,
{
    text.map(str::parse)
        .transpose()
        .map_err(|error: ParseIdError| Refusal::new(ErrorCode::InvalidId, error.to_string()))
}

/// Where the header may be absent; one that is there has to be well formed.
impl<S: Send + Sync> OptionalFromRequestParts<S> for Idempotency {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Option<Self>, Refusal> {
        if !parts.headers.contains_key("idempotency-key") {
            return Ok(None);
        }
        let key = <Self as FromRequestParts<S>>::from_request_parts(parts, state);
        key.await.map(Some)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Idempotency {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let refused = |detail: &str| Refusal::new(ErrorCode::IdempotencyKeyRequired, detail);
        let mut values = parts.headers.get_all("idempotency-key").iter();
        let value = values
            .next()
            .ok_or_else(|| refused("the header Idempotency-Key is missing"))?;
        if values.next().is_some() {
            return Err(refused("the header Idempotency-Key stands there twice"));
        }
        value
            .to_str()
            .ok()
            .and_then(|text| text.parse().ok())
            .map(Self)
            .ok_or_else(|| refused("an idempotency key is 1 to 64 visible ASCII characters"))
    }
}
