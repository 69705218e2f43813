//! The HTTP and WebSocket floor: routes to the service's methods, and refusals to problem+json. It decides nothing.

mod accounts;
mod attachments;
mod controls;
mod cors;
mod dev;
mod inbox;
mod load;
mod marks;
mod messages;
mod metrics;
mod openapi;
mod operations;
mod owned;
mod pace;
mod prekeys;
mod privacy;
mod problem;
mod provisioning;
mod queue;
mod realtime;
mod request;
mod state;

pub(crate) use cors::is_loopback;
pub(crate) use load::Load;
pub(crate) use metrics::Metrics;
pub(crate) use operations::Readiness;
pub(crate) use pace::Limits;
pub(crate) use realtime::Sockets;
pub(crate) use request::{Peer, rated};
pub(crate) use state::{ApiState, Parts, as_ms};

use crate::service::Refusal;
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use openapi::{Documented, Routes};
use request::announced_length;
use sealwire_wire::contract::ErrorCode;
use std::sync::Arc;
use std::time::Instant;

/// The routes of the port for operators.
pub(crate) fn operators_router(state: ApiState) -> Router {
    Router::new()
        .route("/metrics", get(operations::metrics))
        .route("/healthz", get(operations::healthz))
        .route("/readyz", get(operations::readyz))
        .fallback(not_found)
        .with_state(state)
}

/// Every route of the contract that this relay has, and the document of them.
pub(crate) fn router(state: ApiState) -> Result<Router, serde_json::Error> {
    let mut routes = [
        accounts::routes,
        provisioning::routes,
        prekeys::routes,
        messages::routes,
        controls::routes,
        queue::routes,
        inbox::routes,
        marks::routes,
        privacy::routes,
        attachments::routes,
        realtime::routes,
        operations::routes,
        metrics::routes,
    ]
    .into_iter()
    .fold(Routes::new(), |routes, add| add(routes));
    if state.is_dev_mode() {
        routes = dev::routes(routes);
    }
    let (routes, document, documented) = routes.finish();
    state.set_document(document.finish()?);
    let panics = state.clone();
    let cors = cors::layer(state.cors_origins(), state.is_dev_mode());
    let routes = routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(problem::catch_panics(move || panics.metrics().panicked()))
        .layer(cors)
        .layer(middleware::from_fn_with_state(
            (state.clone(), Arc::new(documented)),
            let_in,
        ))
        .with_state(state);
    Ok(routes)
}

async fn not_found() -> Refusal {
    Refusal::new(ErrorCode::NotFound, "there is no such path")
}

async fn method_not_allowed() -> Refusal {
    let detail = "the path is there, but not for this method";
    Refusal::new(ErrorCode::MethodNotAllowed, detail)
}

/// Lets a request in unless the relay ends, and writes one line of it: the route as a pattern, never the query (which may be
/// signed), a header or a body.
async fn let_in(
    State((state, documented)): State<(ApiState, Arc<Documented>)>,
    request: Request,
    next: Next,
) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let bytes = announced_length(request.headers());
    let entered = if operations::answers_always(request.uri().path()) {
        Ok(None)
    } else {
        state.load().enter().map(Some)
    };
    let response = match entered {
        Ok(_under_way) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    let (status, code) = (response.status(), response.extensions().get().copied());
    if cfg!(debug_assertions)
        && let Some(route) = &route
    {
        let status = status.as_u16();
        assert!(
            documented.has(&method, route.as_str(), status, code),
            "the document of {method} {} has no {status} {code:?}",
            route.as_str()
        );
    }
    let route = route.as_ref().map_or("none", MatchedPath::as_str);
    state
        .metrics()
        .answered(&method, route, status, code, began.elapsed());
    tracing::info!(
        %method,
        route,
        bytes,
        status = status.as_u16(),
        micros = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        "request"
    );
    response
}
