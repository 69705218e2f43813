//! What every request passes on its way in, and its answer on the way out: the drain, pages' origins, panics, one line of log.
//!
//! One layer and not one for each, since every layer of a router costs each request several allocations.

use super::metrics::Answered;
use super::openapi::Documented;
use super::request::announced_length;
use super::state::ApiState;
use super::{cors, operations, problem};
use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Either};
use http::{Method, header};
use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;
use tower::{Layer, Service};
use tower_http::cors::CorsLayer;

/// Puts routes behind the entrance.
#[derive(Clone)]
pub(super) struct EntranceLayer(Arc<Shared>);

struct Shared {
    state: ApiState,
    documented: Documented,
    cors: CorsLayer,
}

/// A route behind the entrance.
#[derive(Clone)]
pub(super) struct Entrance<S> {
    route: S,
    shared: Arc<Shared>,
}

impl EntranceLayer {
    pub(super) fn new(state: ApiState, documented: Documented) -> Self {
        let cors = cors::layer(state.cors_origins(), state.is_dev_mode());
        Self(Arc::new(Shared {
            state,
            documented,
            cors,
        }))
    }
}

impl<S> Layer<S> for EntranceLayer {
    type Service = Entrance<S>;

    fn layer(&self, route: S) -> Entrance<S> {
        let shared = Arc::clone(&self.0);
        Entrance { route, shared }
    }
}

impl<S> Service<Request> for Entrance<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.route.poll_ready(context)
    }

    /// Lets a request in unless the relay ends, and writes one line of it: the route as a pattern, never the query (which may
    /// be signed), a header or a body.
    fn call(&mut self, request: Request) -> Self::Future {
        let began = Instant::now();
        let shared = Arc::clone(&self.shared);
        let method = request.method().clone();
        let route = request.extensions().get::<MatchedPath>().cloned();
        let bytes = announced_length(request.headers());
        let entered = if operations::answers_always(request.uri().path()) {
            Ok(None)
        } else {
            shared.state.load().enter().map(Some)
        };
        // Nothing of a future happens before it is waited for.
        let entered = entered.map(|under_way| (under_way, self.answer(request)));
        Box::pin(async move {
            let response = match entered {
                Ok((_under_way, answer)) => shared.caught(answer).await,
                Err(refusal) => refusal.into_response(),
            };
            let answered = Answered {
                method: &method,
                route: route.as_ref(),
                status: response.status(),
                code: response.extensions().get().copied(),
                took: began.elapsed(),
            };
            shared.note(&answered, bytes);
            Ok(response)
        })
    }
}

impl<S> Entrance<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    /// The route's answer. Only pages need more of it: they name their origin. And caches keep only answers to a GET, which
    /// therefore always says what it varies by.
    fn answer(
        &mut self,
        request: Request,
    ) -> impl Future<Output = Result<Response, Infallible>> + Send + 'static {
        if *request.method() == Method::POST && !request.headers().contains_key(header::ORIGIN) {
            return Either::Left(self.route.call(request));
        }
        let state = self.shared.state.clone();
        let caught = problem::catch_panics(move || state.metrics().panicked());
        let answer = self
            .shared
            .cors
            .layer(caught.layer(&mut self.route))
            .call(request);
        Either::Right(answer.map(|answer| answer.map(|answer| answer.map(axum::body::Body::new))))
    }
}

impl Shared {
    async fn caught(&self, answer: impl Future<Output = Result<Response, Infallible>>) -> Response {
        match AssertUnwindSafe(answer).catch_unwind().await {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(_) => {
                self.state.metrics().panicked();
                problem::after_panic()
            }
        }
    }

    fn note(&self, answered: &Answered<'_>, bytes: Option<u64>) {
        let Answered {
            method,
            route,
            status,
            code,
            took,
        } = *answered;
        if cfg!(debug_assertions)
            && let Some(route) = route
        {
            let (status, route) = (status.as_u16(), route.as_str());
            assert!(
                self.documented.has(method, route, status, code),
                "the document of {method} {route} has no {status} {code:?}",
            );
        }
        self.state.metrics().answered(answered);
        tracing::info!(
            %method,
            route = answered.route_name(),
            bytes,
            status = status.as_u16(),
            micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            "request"
        );
    }
}
