//! The HTTP and WebSocket floor: routes to the service's methods, and refusals to problem+json. It decides nothing.

mod accounts;
mod attachments;
mod cors;
mod dev;
mod messages;
mod owned;
mod pace;
mod prekeys;
mod problem;
mod provisioning;
mod realtime;
mod request;
mod state;

pub(crate) use cors::is_loopback;
pub(crate) use pace::Buckets;
pub(crate) use realtime::Sockets;
pub(crate) use request::Peer;
pub(crate) use state::{ApiState, Parts};

use crate::service::Refusal;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post, put};
use axum::{Json, Router};
use request::announced_length;
use sealwire_wire::contract::ErrorCode;
use std::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;

/// Every route of the contract that this relay has.
pub(crate) fn router(state: ApiState) -> Router {
    let mut routes = Router::new()
        .route("/v1/devices", post(accounts::register))
        .route("/v1/devices/query", post(accounts::query_device_lists))
        .route("/v1/me/devices", get(accounts::own_devices))
        .route("/v1/me/devices/reserve", post(accounts::reserve))
        .route("/v1/me/devices/list", put(accounts::publish_list))
        .route("/v1/users/{id}/devices", get(accounts::device_lists))
        .route("/v1/auth/challenge", post(accounts::challenge))
        .route("/v1/auth/token", post(accounts::token))
        .route("/v1/provisioning", post(provisioning::create))
        .route(
            "/v1/provisioning/{id}/{slot}",
            put(provisioning::put).get(provisioning::take),
        )
        .route("/v1/prekeys", put(prekeys::upload))
        .route("/v1/prekeys/count", get(prekeys::count))
        .route("/v1/prekeys/query", post(prekeys::query))
        .route("/v1/users/{id}/prekeys", get(prekeys::of_user))
        .route("/v1/threads", post(messages::create_thread))
        .route("/v1/threads/{id}", get(messages::thread))
        .route(
            "/v1/threads/{id}/messages",
            post(messages::send).get(messages::history),
        )
        .route("/v1/messages/{id}", get(messages::message))
        .route("/v1/attachments", post(attachments::create))
        .route("/v1/attachments/{id}", get(attachments::locate))
        .route(
            "/v1/blobs/{id}",
            put(attachments::upload).get(attachments::download),
        )
        .route("/v1/realtime", get(realtime::upgrade))
        .route("/healthz", get(healthz));
    if state.is_dev_mode() {
        routes = routes.route("/v1/dev/platform-token", post(dev::platform_token));
    }
    let cors = cors::layer(state.cors_origins(), state.is_dev_mode());
    routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .layer(cors)
        .layer(middleware::from_fn(log))
        .with_state(state)
}

async fn healthz() -> Json<serde_json::Value> {
    Json(serde_json::json!({ "status": "ok" }))
}

async fn not_found() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "there is no such path")
}

async fn method_not_allowed() -> Refusal {
    let detail = "the path is there, but not for this method";
    Refusal::new(ErrorCode::MethodNotAllowed, detail)
}

/// One line a request: the route as a pattern, never the query (which may be signed), a header or a body.
async fn log(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let bytes = announced_length(request.headers());
    let response = next.run(request).await;
    tracing::info!(
        %method,
        route = route.as_ref().map_or("none", MatchedPath::as_str),
        bytes,
        status = response.status().as_u16(),
        micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    response
}
