//! One operation while it is being described.

use sealwire_wire::contract::{ErrorCode, PROBLEM_JSON};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation as OpenApiOperation, OperationBuilder, Parameter};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{Content, Ref, RefOr, Required, Response, ResponseBuilder};

/// What a route is for, and what the types of its handler do not say.
pub(in crate::api) fn about(summary: &'static str) -> Operation {
    Operation {
        summary,
        ..Operation::default()
    }
}

/// What a route takes and answers.
#[derive(Default)]
pub(in crate::api) struct Operation {
    summary: &'static str,
    /// Of answers that went well; empty while its handler's type decides.
    statuses: Vec<u16>,
    codes: BTreeSet<&'static str>,
    parameters: Vec<Parameter>,
    body: Option<(&'static str, RefOr<Schema>)>,
    answer: Option<(&'static str, RefOr<Schema>)>,
    security: Vec<SecurityRequirement>,
    /// By name: whatever is referred to.
    pub(super) schemas: BTreeMap<String, RefOr<Schema>>,
}

impl Operation {
    /// Answers that went well have one of these statuses. Without it: 200 with a body, 201 if the handler chooses the status
    /// of one, 204 without.
    pub(in crate::api) fn status(mut self, statuses: &[u16]) -> Self {
        self.statuses = statuses.to_vec();
        self
    }

    /// Codes that the service refuses with here. Those of the handler's extractors are known already.
    pub(in crate::api) fn refuses(mut self, codes: &[ErrorCode]) -> Self {
        self.refuse(codes);
        self
    }

    /// The body is bytes, not JSON.
    pub(in crate::api) fn takes_bytes(mut self) -> Self {
        self.body = Some(("application/octet-stream", bytes()));
        self
    }

    /// The answer is bytes or text, not JSON.
    pub(in crate::api) fn answers_with(mut self, media_type: &'static str) -> Self {
        self.answer = Some((media_type, bytes()));
        self
    }

    pub(super) fn refuse(&mut self, codes: &[ErrorCode]) {
        self.codes.extend(codes.iter().map(|code| code.as_str()));
    }

    pub(super) fn parameter(&mut self, parameter: Parameter) {
        self.parameters.push(parameter);
    }

    pub(super) fn body<T: ToSchema>(&mut self) {
        self.body = Some(("application/json", self.reference::<T>()));
    }

    pub(super) fn answer<T: ToSchema>(&mut self) {
        self.answer = Some(("application/json", self.reference::<T>()));
    }

    /// One more way to be let in.
    pub(super) fn allow(&mut self, requirement: SecurityRequirement) {
        self.security.push(requirement);
    }

    /// What answers have if nothing else was said.
    pub(super) fn status_unless_said(&mut self, status: u16) {
        if self.statuses.is_empty() {
            self.statuses.push(status);
        }
    }

    fn reference<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let mut inner = Vec::new();
        T::schemas(&mut inner);
        self.schemas.extend(inner);
        let name = T::name().into_owned();
        self.schemas.insert(name.clone(), T::schema());
        RefOr::Ref(Ref::from_schema_name(name))
    }

    /// The statuses of its answers, and the codes of its refusals.
    pub(super) fn answers(&self) -> (BTreeSet<u16>, BTreeSet<&'static str>) {
        let mut statuses: BTreeSet<u16> = self.statuses.iter().copied().collect();
        statuses.extend(self.codes.iter().map(|code| status_of(code)));
        (statuses, self.codes.clone())
    }

    /// As the document has it.
    pub(super) fn into_openapi(self, id: String, tag: &str) -> OpenApiOperation {
        let mut built = OperationBuilder::new()
            .operation_id(Some(id))
            .summary(Some(self.summary))
            .tag(tag);
        for parameter in self.parameters {
            built = built.parameter(parameter);
        }
        if let Some((media_type, schema)) = self.body {
            let body = RequestBodyBuilder::new()
                .content(media_type, Content::new(Some(schema)))
                .required(Some(Required::True));
            built = built.request_body(Some(body.build()));
        }
        for status in self.statuses {
            let mut response = ResponseBuilder::new().description(in_words(status));
            if let Some((media_type, schema)) = self.answer.clone().filter(|_| has_body(status)) {
                response = response.content(media_type, Content::new(Some(schema)));
            }
            built = built.response(status.to_string(), response.build());
        }
        let mut refusals: BTreeMap<u16, Vec<&str>> = BTreeMap::new();
        for code in self.codes {
            refusals.entry(status_of(code)).or_default().push(code);
        }
        for (status, codes) in refusals {
            built = built.response(status.to_string(), refusal(&codes));
        }
        // An empty list says: nobody has to show anything.
        built.securities(Some(self.security)).build()
    }
}

fn refusal(codes: &[&str]) -> Response {
    let named: Vec<_> = codes.iter().map(|code| format!("`{code}`")).collect();
    let these = ObjectBuilder::new().property(
        "code",
        ObjectBuilder::new()
            .schema_type(Type::String)
            .enum_values(Some(codes.to_vec())),
    );
    let schema = AllOfBuilder::new()
        .item(Ref::from_schema_name("Problem"))
        .item(these);
    ResponseBuilder::new()
        .description(named.join(", "))
        .content(
            PROBLEM_JSON,
            Content::new(Some(Schema::AllOf(schema.build()))),
        )
        .build()
}

fn bytes() -> RefOr<Schema> {
    // OpenAPI 3.1: content that is no JSON has a schema without a type.
    ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .into()
}

fn status_of(code: &str) -> u16 {
    ErrorCode::from_text(code).status()
}

fn has_body(status: u16) -> bool {
    !matches!(status, 101 | 204)
}

fn in_words(status: u16) -> &'static str {
    http::StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Done")
}
