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
    // For whoever counts and checks answers.
    response.extensions_mut().insert(problem.code);
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::routing::get;
    use tower::ServiceExt as _;
    use tower_http::catch_panic::CatchPanicLayer;

    async fn problem(response: Response) -> Problem {
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await;
        serde_json::from_slice(&body.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_answered_as_a_problem_that_may_be_tried_again() {
        async fn panics() {
            panic!("a bug, with something secret in its words");
        }
        let routes = Router::<()>::new()
            .route("/", get(panics))
            .layer(CatchPanicLayer::custom(after_panic));
        let request = axum::extract::Request::new(Body::empty());
        let problem = problem(routes.oneshot(request).await.unwrap()).await;
        assert_eq!(
            (problem.status, problem.code),
            (500, ErrorCode::Unavailable)
        );
        assert!(problem.retryable && !problem.detail.contains("secret"));
    }

    #[tokio::test]
    async fn a_wait_is_told_in_milliseconds_and_in_whole_seconds_upwards() {
        let refusal = Refusal::new(ErrorCode::RateLimited, "later").retry_after_ms(1001);
        let response = refusal.into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(problem(response).await.retry_after_ms, Some(1001));
    }
}
