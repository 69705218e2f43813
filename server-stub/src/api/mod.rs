//! The HTTP and WebSocket floor: routes to the service's methods, and refusals to problem+json. It decides nothing.

mod accounts;
mod attachments;
mod controls;
mod cors;
mod dev;
mod entrance;
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
use axum::routing::get;
use entrance::EntranceLayer;
use openapi::Routes;
use sealwire_wire::contract::ErrorCode;

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
    let routes = routes
        .fallback(not_found)
        .method_not_allowed_fallback(method_not_allowed)
        .layer(EntranceLayer::new(state.clone(), documented))
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
