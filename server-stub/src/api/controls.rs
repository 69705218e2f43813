//! Protocol messages to single devices, and voided numbers.

use super::openapi::{Routes, about};
use super::owned::owned;
use super::request::{Body, ControlSender, Idempotency, PathIds, Sender};
use super::state::ApiState;
use crate::service::Answer;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use sealwire_wire::contract::{ErrorCode, SendControl, SentControl, VoidedSend};
use sealwire_wire::limits::SEND_BODY_MAX;
use sealwire_wire::{ClientSeq, ThreadId};

pub(super) fn routes(routes: Routes) -> Routes {
    use ErrorCode::*;
    routes
        .tag("messages")
        .post(
            "/v1/control",
            send,
            about("Sends a protocol message to single devices: 202 once it is durable for each")
                .status(&[202])
                .refuses(&[
                    NoSharedThread,
                    Blocked,
                    DeviceMismatch,
                    IdempotencyKeyReused,
                    Unprocessable,
                ]),
        )
        .post(
            "/v1/threads/{id}/sends/{client_seq}/void",
            void,
            about("The message that a number named already, or nothing: then nothing is ever sent under it")
                .refuses(&[NotAParticipant]),
        )
}

/// `POST /v1/control`
pub(super) async fn send(
    ControlSender(caller): ControlSender,
    State(state): State<ApiState>,
    Idempotency(key): Idempotency,
    Body(control): Body<SendControl, SEND_BODY_MAX>,
) -> Answer<(StatusCode, Json<SentControl>)> {
    owned(async move {
        let sent = state
            .service()
            .send_control(&caller, &key, &control)
            .await?;
        state.sockets().wake(&sent.wake);
        Ok((StatusCode::ACCEPTED, Json(sent.answer)))
    })
    .await
}

/// `POST /v1/threads/{id}/sends/{client_seq}/void`
pub(super) async fn void(
    Sender(caller): Sender,
    State(state): State<ApiState>,
    PathIds((thread, client_seq)): PathIds<(ThreadId, ClientSeq)>,
) -> Answer<Json<VoidedSend>> {
    let voided = state.service().void_send(&caller, thread, client_seq);
    voided.await.map(Json)
}
