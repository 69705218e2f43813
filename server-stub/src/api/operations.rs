//! What operators and tools ask: whether the relay runs, and what it can.

use super::openapi::{Routes, about};
use super::state::ApiState;
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use serde::Serialize;
use utoipa::ToSchema;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("operations")
        .get("/healthz", healthz, about("Whether the process lives"))
        .get(
            "/openapi.json",
            openapi,
            about("This document").answers_with("application/json"),
        )
}

/// The answer of a health check.
#[derive(Serialize, ToSchema)]
pub(super) struct Health {
    status: &'static str,
}

/// `GET /healthz`
async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// `GET /openapi.json`
async fn openapi(State(state): State<ApiState>) -> Response {
    ([(CONTENT_TYPE, "application/json")], state.document()).into_response()
}
