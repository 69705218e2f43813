//! Errors as answers: problem+json with its status, `Retry-After` where there is one.

use crate::service::Refusal;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use sealwire_wire::contract::{ErrorCode, PROBLEM_JSON, Problem};
use tower_http::catch_panic::{CatchPanicLayer, ResponseForPanic};

/// Whoever met a bug is not to meet it again at once.
const AFTER_PANIC_MS: u64 = 5_000;

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        answer(&self.into_problem())
    }
}

/// A handler that panics is our bug, not the client's: it is answered as any other trouble of the relay, and counted.
pub(super) fn catch_panics(
    count: impl Fn() + Clone,
) -> CatchPanicLayer<impl ResponseForPanic<ResponseBody = Body>> {
    CatchPanicLayer::custom(move |_| {
        count();
        after_panic()
    })
}

/// What is answered then.
pub(super) fn after_panic() -> Response {
    tracing::error!("a handler panicked");
    Refusal::new(ErrorCode::Unavailable, "the relay failed, try again later")
        .retry_after_ms(AFTER_PANIC_MS)
        .into_response()
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
    use crate::api::owned::owned;
    use axum::Router;
    use axum::routing::get;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tower::ServiceExt as _;

    async fn problem(response: Response) -> Problem {
        assert_eq!(response.headers()[header::CONTENT_TYPE], PROBLEM_JSON);
        let body = axum::body::to_bytes(response.into_body(), 10_000).await;
        serde_json::from_slice(&body.unwrap()).unwrap()
    }

    #[tokio::test]
    async fn a_panic_is_counted_and_answered_as_a_problem_that_may_be_tried_again() {
        async fn panics() {
            panic!("a bug, with something secret in its words");
        }
        async fn panics_in_its_own_task() -> Result<(), Refusal> {
            owned(async { panic!("a bug, with something secret in its words") }).await
        }
        let counted = Arc::new(AtomicU32::new(0));
        let count = Arc::clone(&counted);
        let routes = Router::<()>::new()
            .route("/", get(panics).put(panics_in_its_own_task))
            .layer(catch_panics(move || {
                count.fetch_add(1, Ordering::Relaxed);
            }));
        for (number, method) in [(1, "GET"), (2, "PUT")] {
            let request = axum::extract::Request::builder().method(method);
            let request = request.body(Body::empty()).unwrap();
            let response = routes.clone().oneshot(request).await.unwrap();
            assert!(response.headers().contains_key(header::RETRY_AFTER));
            let problem = problem(response).await;
            assert_eq!(
                (problem.status, problem.code),
                (503, ErrorCode::Unavailable)
            );
            assert!(problem.retryable && !problem.detail.contains("secret"));
            assert_eq!(counted.load(Ordering::Relaxed), number);
        }
    }

    #[tokio::test]
    async fn a_wait_is_told_in_milliseconds_and_in_whole_seconds_upwards() {
        let refusal = Refusal::new(ErrorCode::RateLimited, "later").retry_after_ms(1001);
        let response = refusal.into_response();
        assert_eq!(response.headers()[header::RETRY_AFTER], "2");
        assert_eq!(problem(response).await.retry_after_ms, Some(1001));
    }
}
