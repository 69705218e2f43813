//! The HTTP and WebSocket floor: routes to the service's methods, and refusals to problem+json. It decides nothing.

mod accounts;
mod attachments;
mod cors;
mod dev;
mod messages;
mod openapi;
mod operations;
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
use axum::Router;
use axum::extract::{MatchedPath, Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use openapi::{Documented, Routes};
use request::announced_length;
use sealwire_wire::contract::ErrorCode;
use std::sync::Arc;
use std::time::Instant;
use tower_http::catch_panic::CatchPanicLayer;

/// Every route of the contract that this relay has, and the document of them.
pub(crate) fn router(state: ApiState) -> Result<Router, serde_json::Error> {
    let mut routes = [
        accounts::routes,
        provisioning::routes,
        prekeys::routes,
        messages::routes,
        attachments::routes,
        realtime::routes,
        operations::routes,
    ]
    .into_iter()
    .fold(Routes::new(), |routes, add| add(routes));
    if state.is_dev_mode() {
        routes = dev::routes(routes);
    }
    let (routes, document, documented) = routes.finish();
    state.set_document(document.finish()?);
    let cors = cors::layer(state.cors_origins(), state.is_dev_mode());
    let routes = routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(CatchPanicLayer::custom(problem::after_panic))
        .layer(cors)
        .layer(middleware::from_fn_with_state(Arc::new(documented), log))
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

/// One line a request: the route as a pattern, never the query (which may be signed), a header or a body.
async fn log(State(documented): State<Arc<Documented>>, request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let bytes = announced_length(request.headers());
    let response = next.run(request).await;
    if cfg!(debug_assertions)
        && let Some(route) = &route
    {
        let (status, code) = (
            response.status().as_u16(),
            response.extensions().get().copied(),
        );
        assert!(
            documented.has(&method, route.as_str(), status, code),
            "the document of {method} {} has no {status} {code:?}",
            route.as_str()
        );
    }
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
