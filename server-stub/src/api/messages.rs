//! Threads and messages: send, history, one.

use super::openapi::{Routes, about};
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
use utoipa::IntoParams;

pub(super) fn routes(routes: Routes) -> Routes {
    use ErrorCode::*;
    routes
        .tag("threads")
        .post(
            "/v1/threads",
            create_thread,
            about("Makes a 1:1 thread, or finds it")
                .status(&[200, 201])
                .refuses(&[UserUnknown, Blocked, DirectMessagesClosed]),
        )
        .get(
            "/v1/threads/{id}",
            thread,
            about("A thread of the caller's").refuses(&[NotAParticipant, NotFound]),
        )
        .tag("messages")
        .post(
            "/v1/threads/{id}/messages",
            send,
            about("Sends a message: 202 once it and its envelopes are durable")
                .status(&[202])
                .refuses(&[
                    InvalidRequest,
                    ThreadIdMismatch,
                    NotAParticipant,
                    Blocked,
                    DirectMessagesClosed,
                    NotFound,
                    UserUnknown,
                    DeviceMismatch,
                    ClientSeqConflict,
                    ClientSeqVoid,
                    IdempotencyKeyReused,
                    Unprocessable,
                ]),
        )
        .get(
            "/v1/threads/{id}/messages",
            history,
            about("A page of history: newest first by `cursor`, or changed after `since`")
                .refuses(&[InvalidCursor, NotAParticipant, NotFound]),
        )
        .get(
            "/v1/messages/{id}",
            message,
            about("One message").refuses(&[NotAParticipant, NotFound]),
        )
}

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
#[derive(Deserialize, IntoParams)]
pub(super) struct Page {
    /// As a page before gave it: leads to older rows. Not together with `since`.
    cursor: Option<String>,
    /// A change cursor as a page before gave it, or `0` for the beginning. Not together with `cursor`.
    since: Option<String>,
    /// Rows of the page; 50 without it.
    #[param(minimum = 1, maximum = 100)]
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
