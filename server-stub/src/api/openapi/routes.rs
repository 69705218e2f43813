//! The registration: a router, and beside it what its document says.

use super::answers::{Answers, Output};
use super::inputs::Inputs;
use super::{Document, Operation};
use crate::api::state::ApiState;
use axum::Router;
use axum::handler::Handler;
use axum::routing::{MethodFilter, on};
use http::Method;
use sealwire_wire::contract::ErrorCode;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use utoipa::openapi::HttpMethod;

/// What any route may answer: the relay is overloaded, draining or can not write.
const ANYWHERE: &[ErrorCode] = &[
    ErrorCode::RateLimited,
    ErrorCode::Unavailable,
    ErrorCode::StorageFull,
];

/// Routes as they are registered.
pub(in crate::api) struct Routes {
    router: Router<ApiState>,
    document: Document,
    documented: Documented,
    tag: &'static str,
}

/// The statuses and codes that the document has for each route.
#[derive(Default, Clone)]
pub(in crate::api) struct Documented(HashMap<(Method, &'static str), Arc<DocumentedAnswers>>);

struct DocumentedAnswers {
    statuses: BTreeSet<u16>,
    codes: BTreeSet<&'static str>,
}

impl Routes {
    pub(in crate::api) fn new() -> Self {
        Self {
            router: Router::new(),
            document: Document::default(),
            documented: Documented::default(),
            tag: "",
        }
    }

    /// What the routes from here on are about.
    pub(in crate::api) fn tag(mut self, tag: &'static str) -> Self {
        self.tag = tag;
        self
    }

    pub(in crate::api) fn get<H, I>(self, path: &'static str, handler: H, about: Operation) -> Self
    where
        H: Handler<I, ApiState> + Answers<I>,
        I: Inputs + 'static,
    {
        // A GET answers HEAD too, as everywhere.
        self.add(HttpMethod::Get, MethodFilter::GET, path, handler, about)
    }

    pub(in crate::api) fn post<H, I>(self, path: &'static str, handler: H, about: Operation) -> Self
    where
        H: Handler<I, ApiState> + Answers<I>,
        I: Inputs + 'static,
    {
        self.add(HttpMethod::Post, MethodFilter::POST, path, handler, about)
    }

    pub(in crate::api) fn put<H, I>(self, path: &'static str, handler: H, about: Operation) -> Self
    where
        H: Handler<I, ApiState> + Answers<I>,
        I: Inputs + 'static,
    {
        self.add(HttpMethod::Put, MethodFilter::PUT, path, handler, about)
    }

    pub(in crate::api) fn delete<H, I>(
        self,
        path: &'static str,
        handler: H,
        about: Operation,
    ) -> Self
    where
        H: Handler<I, ApiState> + Answers<I>,
        I: Inputs + 'static,
    {
        self.add(
            HttpMethod::Delete,
            MethodFilter::DELETE,
            path,
            handler,
            about,
        )
    }

    fn add<H, I>(
        mut self,
        method: HttpMethod,
        filter: MethodFilter,
        path: &'static str,
        handler: H,
        mut operation: Operation,
    ) -> Self
    where
        H: Handler<I, ApiState> + Answers<I>,
        I: Inputs + 'static,
    {
        I::describe(&mut operation, &placeholders(path));
        H::Output::describe(&mut operation);
        operation.refuse(ANYWHERE);
        self.documented.add(&method, path, &operation);
        self.document.add(method, path, self.tag, operation);
        self.router = self.router.route(path, on(filter, handler));
        self
    }

    /// The router, its document, and what answers may be.
    pub(in crate::api) fn finish(self) -> (Router<ApiState>, Document, Documented) {
        (self.router, self.document, self.documented)
    }
}

impl Documented {
    fn add(&mut self, method: &HttpMethod, path: &'static str, operation: &Operation) {
        let (statuses, codes) = operation.answers();
        let answers = Arc::new(DocumentedAnswers { statuses, codes });
        let methods: &[Method] = match method {
            HttpMethod::Get => &[Method::GET, Method::HEAD],
            HttpMethod::Put => &[Method::PUT],
            HttpMethod::Delete => &[Method::DELETE],
            _ => &[Method::POST],
        };
        for method in methods {
            let route = (method.clone(), path);
            self.0.insert(route, Arc::clone(&answers));
        }
    }

    /// Whether a route's answer is in the document: its status, and its code if it is a refusal. Without such a route (a
    /// preflight, a wrong method) there is nothing to differ from.
    pub(in crate::api) fn has(
        &self,
        method: &Method,
        path: &str,
        status: u16,
        code: Option<ErrorCode>,
    ) -> bool {
        let route = self
            .0
            .iter()
            .find(|((known, at), _)| known == method && *at == path);
        route.is_none_or(|(_, answers)| {
            answers.statuses.contains(&status)
                && code.is_none_or(|code| answers.codes.contains(code.as_str()))
        })
    }
}

/// The names between braces.
fn placeholders(path: &str) -> Vec<&str> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .collect()
}
