//! Threads and messages: send, history, one.

use super::owned::owned;
use super::request::{Body, Idempotency, Params, PathIds, Reader, Sender, Writer};
use super::state::ApiState;
use crate::service::{Answer, HistoryQuery, Refusal};
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use sealwire_wire::contract::{
    CreateThread, ErrorCode, MessagePage, MessageRow, SendMessage, SentMessage, Thread,
};
use sealwire_wire::limits::SEND_BODY_MAX;
use sealwire_wire::{MessageId, ThreadId};
use serde::Deserialize;

/// `POST /v1/threads`
pub(super) async fn create_thread(
    Writer(caller): Writer,
    State(state): State<ApiState>,
    Body(request): Body<CreateThread>,
) -> Answer<(StatusCode, Json<Thread>)> {
    let made = state.service().create_thread(&caller, &request).await?;
    let status = if made.created {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok((status, Json(made.thread)))
}

/// `GET /v1/threads/{id}`
pub(super) async fn thread(
    Reader(caller): Reader,
    State(state): State<ApiState>,
    PathIds(thread): PathIds<ThreadId>,
) -> Answer<Json<Thread>> {
    state.service().thread(&caller, thread).await.map(Json)
}

/// `POST /v1/threads/{id}/messages`
pub(super) async fn send(
    Sender(caller): Sender,
    State(state): State<ApiState>,
    PathIds(thread): PathIds<ThreadId>,
    Idempotency(key): Idempotency,
    Body(message): Body<SendMessage, SEND_BODY_MAX>,
) -> Answer<(StatusCode, Json<SentMessage>)> {
    owned(async move {
        let sent = state
            .service()
            .send(&caller, thread, &key, &message)
            .await?;
        state.sockets().wake(&sent.wake);
        Ok((StatusCode::ACCEPTED, Json(sent.answer)))
    })
    .await
}

/// The query of `GET /v1/threads/{id}/messages`.
#[derive(Deserialize)]
pub(super) struct Page {
    cursor: Option<String>,
    since: Option<String>,
    page_size: Option<u32>,
}

/// `GET /v1/threads/{id}/messages`
pub(super) async fn history(
    Reader(caller): Reader,
    State(state): State<ApiState>,
    PathIds(thread): PathIds<ThreadId>,
    Params(page): Params<Page>,
) -> Answer<Json<MessagePage>> {
    let query = match (page.cursor, page.since) {
        (Some(_), Some(_)) => {
            let detail = "cursor and since exclude each other";
            return Err(Refusal::new(ErrorCode::InvalidRequest, detail));
        }
        (_, Some(since)) => HistoryQuery::Changed { since: Some(since) },
        (cursor, None) => HistoryQuery::Newest { cursor },
    };
    let page = state
        .service()
        .history(&caller, thread, &query, page.page_size)
        .await?;
    Ok(Json(page))
}

/// `GET /v1/messages/{id}`
pub(super) async fn message(
    Reader(caller): Reader,
    State(state): State<ApiState>,
    PathIds(message): PathIds<MessageId>,
) -> Answer<Json<MessageRow>> {
    state.service().message(&caller, message).await.map(Json)
}
