//! What a user lets others do and see: settings and blocks.

use super::openapi::{Routes, about};
use super::owned::owned;
use super::realtime::conceal;
use super::request::{Body, PathIds, Reader, Writer};
use super::state::ApiState;
use crate::service::Answer;
use axum::Json;
use axum::extract::State;
use http::StatusCode;
use sealwire_wire::UserId;
use sealwire_wire::contract::{AccountSettings, Blocks, ErrorCode};

pub(super) fn routes(routes: Routes) -> Routes {
    use ErrorCode::*;
    routes
        .tag("privacy")
        .get("/v1/me/settings", settings, about("The caller's settings"))
        .put(
            "/v1/me/settings",
            put_settings,
            about("Other settings; a field left out takes its default").status(&[200]),
        )
        .get("/v1/blocks", blocks, about("Whom the caller has blocked"))
        .put(
            "/v1/blocks/{id}",
            block,
            about("Blocks a user: nothing goes either way in the 1:1 thread")
                .refuses(&[UserUnknown, Unprocessable]),
        )
        .delete("/v1/blocks/{id}", unblock, about("Takes a block back"))
}

/// `GET /v1/me/settings`
async fn settings(
    Reader(caller): Reader,
    State(state): State<ApiState>,
) -> Answer<Json<AccountSettings>> {
    state.service().settings(&caller).await.map(Json)
}

/// `PUT /v1/me/settings`
async fn put_settings(
    Writer(caller): Writer,
    State(state): State<ApiState>,
    Body(settings): Body<AccountSettings>,
) -> Answer<Json<AccountSettings>> {
    owned(async move {
        let holds = state.service().put_settings(&caller, settings).await?;
        if !holds.presence {
            conceal(&state, &caller.user_id, None);
        }
        Ok(Json(holds))
    })
    .await
}

/// `GET /v1/blocks`
async fn blocks(Reader(caller): Reader, State(state): State<ApiState>) -> Answer<Json<Blocks>> {
    state.service().blocks(&caller).await.map(Json)
}

/// `PUT /v1/blocks/{uid}`
async fn block(
    Writer(caller): Writer,
    State(state): State<ApiState>,
    PathIds(other): PathIds<UserId>,
) -> Answer<StatusCode> {
    owned(async move {
        let wake = state.service().block(&caller, &other).await?;
        state.sockets().wake(&wake);
        conceal(&state, &caller.user_id, Some(&other));
        conceal(&state, &other, Some(&caller.user_id));
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}

/// `DELETE /v1/blocks/{uid}`
async fn unblock(
    Writer(caller): Writer,
    State(state): State<ApiState>,
    PathIds(other): PathIds<UserId>,
) -> Answer<StatusCode> {
    owned(async move {
        state.service().unblock(&caller, &other).await?;
        Ok(StatusCode::NO_CONTENT)
    })
    .await
}
