//! The linking mailbox.

use super::openapi::{Routes, about};
use super::request::{Anybody, Body, Idempotency, Linking, PathIds};
use super::state::ApiState;
use crate::service::Answer;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use sealwire_wire::contract::{ErrorCode, Mailbox, MailboxSlot};

pub(super) fn routes(routes: Routes) -> Routes {
    use ErrorCode::*;
    routes
        .tag("linking")
        .post("/v1/provisioning", create, about("Opens a linking mailbox"))
        .put(
            "/v1/provisioning/{id}/{slot}",
            put,
            about("Writes a slot of a mailbox, once").refuses(&[NotFound, SlotTaken]),
        )
        .get(
            "/v1/provisioning/{id}/{slot}",
            take,
            about("Reads a slot of a mailbox, once").refuses(&[NotFound, SlotEmpty, SlotRead]),
        )
}

/// `POST /v1/provisioning`
pub(super) async fn create(
    _: Linking,
    State(state): State<ApiState>,
) -> Answer<(StatusCode, Json<Mailbox>)> {
    let mailbox = state.service().create_mailbox().await?;
    Ok((StatusCode::CREATED, Json(mailbox)))
}

/// `PUT /v1/provisioning/{id}/{slot}`
pub(super) async fn put(
    _: Anybody,
    State(state): State<ApiState>,
    PathIds((mailbox, slot)): PathIds<(String, u8)>,
    Body(content): Body<MailboxSlot>,
) -> Answer<StatusCode> {
    state.service().put_slot(&mailbox, slot, &content).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /v1/provisioning/{id}/{slot}`
pub(super) async fn take(
    _: Anybody,
    State(state): State<ApiState>,
    PathIds((mailbox, slot)): PathIds<(String, u8)>,
    reader: Option<Idempotency>,
) -> Answer<Json<MailboxSlot>> {
    let reader = reader.map(|Idempotency(key)| key);
    let taken = state.service().take_slot(&mailbox, slot, reader.as_ref());
    taken.await.map(Json)
}
