//! What the relay counts: how much of what, how long, how refused. Never who.

use super::dev::Local;
use super::openapi::{Routes, about};
use super::state::ApiState;
use crate::measure::{Counter, Exposition, Histogram, MICROS};
use crate::service::Answer;
use crate::storage::sqlite::Commits;
use axum::extract::{MatchedPath, State};
use axum::response::{IntoResponse, Response};
use http::header::CONTENT_TYPE;
use http::{Method, StatusCode};
use sealwire_wire::contract::ErrorCode;
use std::sync::Arc;
use std::time::Duration;

/// The route of sends, as it is registered.
const SEND: &str = "/v1/threads/{id}/messages";
/// Prometheus asks for it by this version.
const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Everything that is counted.
pub(crate) struct Metrics {
    requests: Counter,
    sends: Counter,
    send_latency: Histogram,
    /// Of every route, by code.
    refusals: ByCode,
    /// Of sends alone, by code.
    send_refusals: ByCode,
    panics: Counter,
    connections_refused: Arc<Counter>,
    pub(crate) replays: Counter,
    pub(crate) replayed: Counter,
    pub(crate) sweeps: Counter,
    pub(crate) sweeps_failed: Counter,
    pub(crate) attachments_swept: Counter,
    commits: Arc<Commits>,
}

/// How a request was answered.
#[derive(Clone, Copy)]
pub(super) struct Answered<'a> {
    pub(super) method: &'a Method,
    pub(super) route: Option<&'a MatchedPath>,
    pub(super) status: StatusCode,
    pub(super) code: Option<ErrorCode>,
    pub(super) took: Duration,
}

/// A counter for each code.
struct ByCode(Vec<(ErrorCode, Counter)>);

pub(super) fn routes(routes: Routes) -> Routes {
    routes.tag("operations").get(
        "/metrics",
        metrics,
        about("Counters for Prometheus; for this machine alone, or on a port of their own")
            .answers_with("text/plain"),
    )
}

/// `GET /metrics`
async fn metrics(_: Local, State(state): State<ApiState>) -> Answer<Response> {
    exposition(&state).await
}

/// The answer, for whoever may have it.
pub(super) async fn exposition(state: &ApiState) -> Answer<Response> {
    let queued = state.service().queued_entries().await?;
    let text = state.metrics().text(state, queued);
    Ok(([(CONTENT_TYPE, TEXT)], text).into_response())
}

impl Answered<'_> {
    /// The route as a pattern.
    pub(super) fn route_name(&self) -> &str {
        self.route.map_or("none", MatchedPath::as_str)
    }
}

impl Metrics {
    pub(crate) fn new(commits: Arc<Commits>, connections_refused: Arc<Counter>) -> Self {
        Self {
            requests: Counter::default(),
            sends: Counter::default(),
            send_latency: Histogram::new(MICROS),
            refusals: ByCode::new(),
            send_refusals: ByCode::new(),
            panics: Counter::default(),
            connections_refused,
            replays: Counter::default(),
            replayed: Counter::default(),
            sweeps: Counter::default(),
            sweeps_failed: Counter::default(),
            attachments_swept: Counter::default(),
            commits,
        }
    }

    /// A request was answered.
    pub(super) fn answered(&self, answered: &Answered<'_>) {
        let Answered {
            method,
            status,
            code,
            took,
            ..
        } = *answered;
        self.requests.add(1);
        let is_send = method == Method::POST && answered.route_name() == SEND;
        if status == StatusCode::ACCEPTED && is_send {
            self.sends.add(1);
            self.send_latency.observe_time(took);
        }
        if let Some(code) = code {
            self.refusals.count(code);
            if is_send {
                self.send_refusals.count(code);
            }
        }
    }

    /// A handler ended in a bug.
    pub(super) fn panicked(&self) {
        self.panics.add(1);
    }

    fn text(&self, state: &ApiState, queued: u64) -> String {
        let mut text = Exposition::default();
        text.counter(
            "sealwire_requests_total",
            "Requests answered.",
            self.requests.get(),
        );
        text.counter(
            "sealwire_sends_accepted_total",
            "Sends answered with 202, repeats included.",
            self.sends.get(),
        );
        text.histogram(
            "sealwire_send_seconds",
            "From a send's head to its 202.",
            &self.send_latency,
            1e6,
        );
        text.counters(
            "sealwire_sends_refused_total",
            "Sends refused, by code.",
            "code",
            self.send_refusals.values(),
        );
        text.counters(
            "sealwire_refusals_total",
            "Requests refused, by code.",
            "code",
            self.refusals.values(),
        );
        text.counter(
            "sealwire_panics_total",
            "Requests that ended in a bug of the relay.",
            self.panics.get(),
        );
        text.gauge(
            "sealwire_requests_under_way",
            "Requests under way.",
            state.load().under_way() as u64,
        );
        text.gauge(
            "sealwire_sockets",
            "Open sockets.",
            state.sockets().open() as u64,
        );
        text.counter(
            "sealwire_connections_refused_total",
            "Connections turned away for want of room.",
            self.connections_refused.get(),
        );
        text.gauge(
            "sealwire_queue_entries",
            "Events that devices have yet to acknowledge.",
            queued,
        );
        text.counter(
            "sealwire_replays_total",
            "Sockets that caught up.",
            self.replays.get(),
        );
        text.counter(
            "sealwire_replayed_entries_total",
            "Queue entries sent before catching up.",
            self.replayed.get(),
        );
        text.histogram(
            "sealwire_commit_seconds",
            "How long a group commit took.",
            &self.commits.took,
            1e6,
        );
        text.histogram(
            "sealwire_commit_writes",
            "Writes in a group commit.",
            &self.commits.writes,
            1.0,
        );
        text.counter(
            "sealwire_commits_failed_total",
            "Group commits that were rolled back.",
            self.commits.failed.get(),
        );
        text.counter("sealwire_sweeps_total", "Sweeps done.", self.sweeps.get());
        text.counter(
            "sealwire_sweeps_failed_total",
            "Sweeps that failed.",
            self.sweeps_failed.get(),
        );
        text.counter(
            "sealwire_attachments_swept_total",
            "Attachments forgotten because no message named them.",
            self.attachments_swept.get(),
        );
        text.finish()
    }
}

impl ByCode {
    fn new() -> Self {
        let codes = ErrorCode::ALL.iter();
        Self(codes.map(|code| (*code, Counter::default())).collect())
    }

    fn count(&self, code: ErrorCode) {
        if let Some((_, counter)) = self.0.iter().find(|(known, _)| *known == code) {
            counter.add(1);
        }
    }

    fn values(&self) -> impl Iterator<Item = (&'static str, u64)> {
        self.0
            .iter()
            .map(|(code, counter)| (code.as_str(), counter.get()))
    }
}
