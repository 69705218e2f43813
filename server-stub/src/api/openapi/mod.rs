//! Routes and their OpenAPI document, made of one registration: what a handler takes and answers is read from its types,
//! so that the two can not differ. What types do not say (a status, the service's codes) stands beside the handler, and
//! debug builds end the connection of an answer that the document does not have.
//!
//! To add a route: write the handler with the extractors of `request`, and one line in its module's `routes`:
//! `.post("/v1/things/{id}", make_thing, about("Makes a thing").refuses(&[NotFound]))`. A query's type derives `IntoParams`, a
//! new contract type `ToSchema` (in core/wire behind its feature `openapi`), a new extractor gets a line in `inputs`.

mod answers;
mod document;
mod inputs;
mod operation;
mod routes;

pub(super) use document::Document;
pub(super) use operation::{Operation, about};
pub(super) use routes::{Documented, Routes};
