//! Errors as answers: problem+json with its status, `Retry-After` where there is one.

use crate::service::Refusal;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use sealwire_wire::contract::{ErrorCode, PROBLEM_JSON, Problem};

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        answer(&self.into_problem())
    }
}

/// What a handler that panicked answers: our bug, not the client's, and worth another try.
pub(super) fn after_panic(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    let mut problem = Problem::new(ErrorCode::Unavailable, "the relay failed, try again later");
    problem.status = StatusCode::INTERNAL_SERVER_ERROR.as_u16();
    answer(&problem)
}

fn answer(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    // A problem is numbers and texts: it always has a JSON form.
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if let Some(ms) = problem.retry_after_ms {
        headers.insert(header::RETRY_AFTER, HeaderValue::from(ms.div_ceil(1000)));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    response
}
