//! Who has got and who has read what.

use super::openapi::{Routes, about};
use super::owned::owned;
use super::request::{Body, PathIds, Reader, Writer};
use super::state::ApiState;
use crate::service::Answer;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use sealwire_wire::contract::{ErrorCode, MarkRead, Receipts};
use sealwire_wire::{MessageId, ThreadId};

pub(super) fn routes(routes: Routes) -> Routes {
    use ErrorCode::*;
    routes
        .tag("marks")
        .post(
            "/v1/threads/{id}/read",
            mark_read,
            about("Everything up to a message is read, and with that delivered; never falls")
                .refuses(&[NotAParticipant, NotFound]),
        )
        .get(
            "/v1/messages/{id}/receipts",
            receipts,
            about("How far a message has come, for each recipient")
                .refuses(&[NotAParticipant, NotFound]),
        )
}

/// `POST /v1/threads/{id}/read`
async fn mark_read(
    Writer(caller): Writer,
    State(state): State<ApiState>,
    PathIds(thread): PathIds<ThreadId>,
    Body(request): Body<MarkRead>,
) -> Answer<StatusCode> {
    owned(async move {
        let wake = state
            .service()
            .mark_read(&caller, thread, request.up_to_msg_id)
            .await?;
        state.sockets().wake(&wake);
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// `GET /v1/messages/{id}/receipts`
async fn receipts(
    Reader(caller): Reader,
    State(state): State<ApiState>,
    PathIds(message): PathIds<MessageId>,
) -> Answer<Json<Receipts>> {
    state.service().receipts(&caller, message).await.map(Json)
}
