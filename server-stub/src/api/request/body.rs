//! JSON bodies: of the right type, within the route's limit, arriving in time.

use super::Arriving;
use crate::api::load::BodyRoom;
use crate::api::state::ApiState;
use crate::service::Refusal;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, HeaderValue, header};
use bytes::{Bytes, BytesMut};
use sealwire_wire::contract::ErrorCode;
use sealwire_wire::limits::BODY_MAX;
use serde::de::DeserializeOwned;
use std::time::Duration;

/// A JSON body of type `T`, at most `MAX` bytes long.
pub(crate) struct Body<T, const MAX: usize = BODY_MAX>(pub(crate) T);

impl<T: DeserializeOwned, const MAX: usize> FromRequest<ApiState> for Body<T, MAX> {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &ApiState) -> Result<Self, Refusal> {
        require_json(request.headers())?;
        let stall_max = state.timings().request_stall_max;
        let room = state.load().body_room();
        let bytes = read(request, MAX, stall_max, room).await?;
        // Serde would take an array for the fields of an object.
        if bytes.trim_ascii_start().first() != Some(&b'{') {
            let detail = "the body is not a JSON object";
            return Err(Refusal::new(ErrorCode::InvalidBody, detail));
        }
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| Refusal::new(ErrorCode::InvalidBody, describe(&error)))
    }
}

fn require_json(headers: &HeaderMap) -> Result<(), Refusal> {
    refuse_compressed(headers)?;
    let essence = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .map(|value| value.trim().to_ascii_lowercase());
    match essence {
        Some(essence) if essence == "application/json" || essence.ends_with("+json") => Ok(()),
        _ => Err(Refusal::new(
            ErrorCode::UnsupportedMediaType,
            "the body's content type must be application/json",
        )),
    }
}

/// A few compressed bytes may be gigabytes of others: nothing is unpacked here.
pub(crate) fn refuse_compressed(headers: &HeaderMap) -> Result<(), Refusal> {
    let plain = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"identity");
    if headers.get_all(header::CONTENT_ENCODING).iter().all(plain) {
        Ok(())
    } else {
        Err(Refusal::new(
            ErrorCode::UnsupportedMediaType,
            "the body must not be compressed",
        ))
    }
}

async fn read(
    request: Request,
    limit: usize,
    stall_max: Duration,
    mut room: BodyRoom,
) -> Result<Bytes, Refusal> {
    let too_large = || {
        let detail = format!("the body is larger than {limit} bytes");
        Refusal::new(ErrorCode::TooLarge, detail)
    };
    let announced = announced_length(request.headers());
    if announced.is_some_and(|length| length > limit as u64) {
        return Err(too_large());
    }
    let mut arriving = Arriving::new(request, stall_max);
    // What a header announces is not yet there: memory is taken as bytes come. Most bodies come in one piece.
    let mut bytes = Bytes::new();
    while let Some(chunk) = arriving.next().await? {
        if bytes.len() + chunk.len() > limit {
            return Err(too_large());
        }
        room.grow(chunk.len())?;
        if bytes.is_empty() {
            bytes = chunk;
        } else {
            let mut both = BytesMut::from(bytes);
            both.extend_from_slice(&chunk);
            bytes = both.freeze();
        }
    }
    Ok(bytes)
}

pub(crate) fn announced_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// Where and what, cut short: the text may quote the body.
fn describe(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text
        .char_indices()
        .nth(200)
        .map_or(text.len(), |(index, _)| index);
    format!("the body is not what this route takes: {}", &text[..end])
}
