//! What operators and tools ask: whether the relay runs, and what it can.

use super::openapi::{Routes, about};
use super::request::Anybody;
use super::state::ApiState;
use crate::service::{Answer, Refusal, Service};
use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use sealwire_wire::contract::ErrorCode;
use serde::Serialize;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;
use utoipa::ToSchema;

pub(super) fn routes(routes: Routes) -> Routes {
    routes
        .tag("operations")
        .get("/healthz", healthz, about("Whether the process lives"))
        .get(
            "/readyz",
            readyz,
            about("Whether requests should come here: storage takes writes, and the relay does not end"),
        )
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
pub(super) async fn healthz() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// `GET /readyz`
pub(super) async fn readyz(State(state): State<ApiState>) -> Answer<Json<Health>> {
    if state.load().is_draining() {
        return Err(Refusal::new(ErrorCode::Unavailable, "the relay ends"));
    }
    state.readiness().check(state.service()).await?;
    Ok(Json(Health { status: "ready" }))
}

/// Whether this is asked for also while the relay ends.
pub(super) fn answers_always(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz" | "/metrics")
}

/// What was found when storage was last asked to write.
#[derive(Default)]
pub(crate) struct Readiness(Mutex<Option<(Instant, Answer<()>)>>);

/// Whoever asks within this time gets the same answer: a question costs a commit.
const ANSWER_KEPT: Duration = Duration::from_secs(1);
/// A write that takes longer is as good as none.
const WRITE_PATIENCE: Duration = Duration::from_secs(3);

impl Readiness {
    async fn check(&self, service: &Service) -> Answer<()> {
        let mut last = self.0.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < ANSWER_KEPT
        {
            return answer.clone();
        }
        let written = tokio::time::timeout(WRITE_PATIENCE, service.check_storage()).await;
        let answer = written.unwrap_or_else(|_| {
            let detail = "storage does not answer";
            Err(Refusal::new(ErrorCode::Unavailable, detail))
        });
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}

/// `GET /metrics` on the port for operators.
pub(super) async fn metrics(State(state): State<ApiState>) -> Answer<Response> {
    super::metrics::exposition(&state).await
}

/// `GET /openapi.json`
async fn openapi(_: Anybody, State(state): State<ApiState>) -> Response {
    ([(CONTENT_TYPE, "application/json")], state.document()).into_response()
}
