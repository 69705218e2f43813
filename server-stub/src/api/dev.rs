//! Dev mode: the relay stands in for the platform's token issuer, for whoever is on this machine.

use super::cors::is_loopback_host;
use super::openapi::{Routes, about};
use super::request::{Anybody, Body, Peer};
use super::state::ApiState;
use crate::service::{Answer, Refusal};
use axum::Json;
use axum::extract::{FromRequestParts, State};
use http::header::HOST;
use http::request::Parts;
use sealwire_wire::contract::{ErrorCode, PlatformTokenRequest, Token};

pub(super) fn routes(routes: Routes) -> Routes {
    routes.tag("dev mode").post(
        "/v1/dev/platform-token",
        platform_token,
        about("A platform token for anybody on this machine; there in dev mode alone"),
    )
}

/// Somebody on this machine who also asked for it by a name of this machine, and for nobody else.
///
/// The name matters: a page of a foreign site can make a browser reach a loopback port under the site's own name. And a proxy
/// on this machine asks for whoever is on its other side.
pub(super) struct Local;

/// Headers by which a proxy says that it is one.
const PROXIED: [&str; 4] = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];

impl FromRequestParts<ApiState> for Local {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &ApiState) -> Result<Self, Refusal> {
        let host = parts
            .headers
            .get(HOST)
            .and_then(|value| value.to_str().ok());
        let asked_by_name = host
            .and_then(|host| url::Url::parse(&format!("http://{host}")).ok())
            .is_some_and(|url| is_loopback_host(url.host()));
        let proxied =
            state.behind_proxy() || PROXIED.iter().any(|name| parts.headers.contains_key(*name));
        if asked_by_name && !proxied && Peer::of(parts).0.ip().is_loopback() {
            Ok(Self)
        } else {
            Err(Refusal::new(
                ErrorCode::Forbidden,
                "this is for this machine alone",
            ))
        }
    }
}

/// `POST /v1/dev/platform-token`
pub(super) async fn platform_token(
    _: Local,
    _: Anybody,
    State(state): State<ApiState>,
    Body(request): Body<PlatformTokenRequest>,
) -> Answer<Json<Token>> {
    let unavailable = || Refusal::new(ErrorCode::Unavailable, "no token can be made now");
    let issuer = state.platform().dev_issuer().ok_or_else(unavailable)?;
    issuer
        .issue(request.user_id, state.now())
        .map(Json)
        .map_err(|error| {
            tracing::error!(%error, "no token could be signed");
            unavailable()
        })
}
