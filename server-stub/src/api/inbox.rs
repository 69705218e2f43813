//! The inbox: the caller's threads, and what the caller wants of each.

use super::openapi::{Routes, about};
use super::owned::owned;
use super::request::{Body, Params, PathIds, Reader, Writer};
use super::state::ApiState;
use crate::service::Answer;
use axum::Json;
use axum::extract::State;
use sealwire_wire::ThreadId;
use sealwire_wire::contract::{ErrorCode, Inbox, ThreadPreferences};
use serde::Deserialize;
use utoipa::IntoParams;

pub(super) fn routes(routes: Routes) -> Routes {
    use ErrorCode::*;
    routes
        .tag("threads")
        .get(
            "/v1/threads",
            inbox,
            about("The caller's threads, the one with the newest message first")
                .refuses(&[InvalidCursor]),
        )
        .put(
            "/v1/threads/{id}/me",
            put_preferences,
            about("What the caller wants of a thread: mute, notifications")
                .status(&[200])
                .refuses(&[NotAParticipant, NotFound]),
        )
}

/// The query of `GET /v1/threads`.
#[derive(Deserialize, IntoParams)]
pub(super) struct Page {
    /// The `next_cursor` of the page before.
    cursor: Option<String>,
    /// Threads of the page, at most; 50 without it.
    #[param(minimum = 1, maximum = 100)]
    limit: Option<u32>,
}

/// `GET /v1/threads`
async fn inbox(
    Reader(caller): Reader,
    State(state): State<ApiState>,
    Params(page): Params<Page>,
) -> Answer<Json<Inbox>> {
    let inbox = state
        .service()
        .inbox(&caller, page.cursor.as_deref(), page.limit);
    inbox.await.map(Json)
}

/// `PUT /v1/threads/{id}/me`
async fn put_preferences(
    Writer(caller): Writer,
    State(state): State<ApiState>,
    PathIds(thread): PathIds<ThreadId>,
    Body(mine): Body<ThreadPreferences>,
) -> Answer<Json<ThreadPreferences>> {
    owned(async move {
        let put = state
            .service()
            .put_preferences(&caller, thread, mine)
            .await?;
        state.sockets().wake(&put.wake);
        Ok(Json(put.answer))
    })
    .await
}
