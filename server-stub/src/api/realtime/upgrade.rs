//! The upgrade: who asks, by header or, for browsers, by subprotocol.

use super::session;
use crate::api::cors;
use crate::api::openapi::{Routes, about};
use crate::api::request::{Params, bearer, query_id, socket_access};
use crate::api::state::ApiState;
use crate::door::Inside;
use crate::service::{Answer, Refusal};
use crate::tokens::Access;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{FromRequestParts, State, WebSocketUpgrade};
use axum::response::Response;
use http::header::{AUTHORIZATION, ORIGIN, SEC_WEBSOCKET_PROTOCOL};
use http::request::Parts;
use sealwire_wire::contract::{ErrorCode, WEBSOCKET_BEARER_PREFIX, WEBSOCKET_PROTOCOL};
use sealwire_wire::{DeviceId, MessageId};
use serde::Deserialize;
use std::sync::Arc;
use utoipa::IntoParams;

pub(in crate::api) fn routes(routes: Routes) -> Routes {
    use ErrorCode::*;
    routes.tag("realtime").get(
        "/v1/realtime",
        upgrade,
        about("The device's queue, pushed over a WebSocket: each message is a `ServerFrame` or a `ClientFrame`")
            .status(&[101])
            .refuses(&[InvalidCursor]),
    )
}

/// A frame from a client, at most.
const CLIENT_FRAME_MAX: usize = 64 * 1024;
/// An idle socket holds no more than this for what it may read: an acknowledgement is far smaller.
const READ_BUFFER: usize = 256;

/// The query of `GET /v1/realtime`.
#[derive(Deserialize, IntoParams)]
pub(in crate::api) struct Hello {
    /// The device of the token.
    #[param(value_type = Option<DeviceId>)]
    device_id: Option<String>,
    /// A hint.
    #[param(value_type = Option<MessageId>)]
    last_seen_id: Option<String>,
    /// The cursor of the last `marks_end`: marks that moved after it come before `caught_up`. Without it all do.
    marks_since: Option<String>,
}

/// Whose socket it will be.
pub(in crate::api) struct SocketAccess(Access, Option<Arc<Inside>>);

impl FromRequestParts<ApiState> for SocketAccess {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Refusal> {
        check_origin(parts, state)?;
        let token = if parts.headers.contains_key(AUTHORIZATION) {
            bearer(parts)?
        } else {
            offered_token(parts).ok_or_else(|| {
                let detail = "show a token in Authorization or Sec-WebSocket-Protocol";
                Refusal::new(ErrorCode::Unauthorized, detail)
            })?
        };
        let access = socket_access(token, state)?;
        state.limits().sockets.take(&access.clone().into_device())?;
        // The connection's place goes with it to the socket.
        Ok(Self(access, parts.extensions.get().cloned()))
    }
}

/// `GET /v1/realtime`
async fn upgrade(
    SocketAccess(access, inside): SocketAccess,
    State(state): State<ApiState>,
    Params(hello): Params<Hello>,
    request: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Answer<Response> {
    let named: Option<DeviceId> = query_id(hello.device_id.as_deref())?;
    // A hint: what is not acknowledged is replayed, whatever was seen.
    query_id::<MessageId>(hello.last_seen_id.as_deref())?;
    if named.is_some_and(|device| device != access.device_id) {
        let detail = "the token is another device's than device_id names";
        return Err(Refusal::new(ErrorCode::Forbidden, detail));
    }
    state
        .service()
        .authorise(&access.clone().into_device())
        .await?;
    let marks_since = state
        .service()
        .marks_cursor(&access.user_id, hello.marks_since.as_deref())?;
    let request = request
        .map_err(|rejection| Refusal::new(ErrorCode::InvalidRequest, rejection.body_text()))?;
    Ok(request
        .protocols([WEBSOCKET_PROTOCOL])
        .read_buffer_size(READ_BUFFER)
        .max_message_size(CLIENT_FRAME_MAX)
        .max_frame_size(CLIENT_FRAME_MAX)
        .on_upgrade(move |socket| {
            // In a task of its own, so that the upgrade's ends, with what it holds for making sockets.
            drop(tokio::spawn(session::serve(
                state,
                access,
                marks_since,
                socket,
                inside,
            )));
            std::future::ready(())
        }))
}

/// No browser asks before a WebSocket (CORS does not cover it), it only says whose page wants one. Whatever is no page says
/// nothing.
fn check_origin(parts: &Parts, state: &ApiState) -> Result<(), Refusal> {
    let Some(origin) = parts.headers.get(ORIGIN) else {
        return Ok(());
    };
    let is_own = origin.as_bytes() == state.public_origin().as_bytes();
    if is_own || cors::is_allowed(origin, state.cors_origins(), state.is_dev_mode()) {
        return Ok(());
    }
    let detail = "pages of this origin may not use the relay";
    Err(Refusal::new(ErrorCode::Forbidden, detail))
}

/// `Sec-WebSocket-Protocol: sealwire.v1, bearer.<token>`: a browser can set no other header.
fn offered_token(parts: &Parts) -> Option<&str> {
    parts
        .headers
        .get_all(SEC_WEBSOCKET_PROTOCOL)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .find_map(|offered| offered.trim().strip_prefix(WEBSOCKET_BEARER_PREFIX))
}
