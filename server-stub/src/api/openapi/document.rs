//! The document itself.

use super::Operation;
use super::inputs::{DEVICE, PLATFORM, SOCKET};
use sealwire_wire::contract::{ClientFrame, ErrorCode, Problem, ServerFrame, WEBSOCKET_PROTOCOL};
use std::collections::BTreeMap;
use utoipa::ToSchema;
use utoipa::openapi::path::Paths;
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{Components, HttpMethod, InfoBuilder, OpenApi, OpenApiBuilder, RefOr};

const ABOUT: &str = "A relay of end-to-end encrypted messages: it stores and routes what it can not read.\n\n\
    Every refusal is problem+json with a stable `code`. Unknown fields are ignored. A body is JSON, not compressed, and \
    64 KiB at most where nothing else is said.\n\n\
    `GET /v1/realtime` becomes a WebSocket: the relay sends `ServerFrame`, the client `ClientFrame`.";

/// The OpenAPI document of the routes so far.
#[derive(Default)]
pub(in crate::api) struct Document {
    paths: Paths,
    schemas: BTreeMap<String, RefOr<Schema>>,
}

impl Document {
    pub(super) fn add(
        &mut self,
        method: HttpMethod,
        path: &str,
        tag: &str,
        mut operation: Operation,
    ) {
        self.schemas.append(&mut operation.schemas);
        let id = operation_id(&method, path);
        let operation = operation.into_openapi(id, tag);
        self.paths.add_path_operation(path, vec![method], operation);
    }

    /// The document as JSON.
    pub(in crate::api) fn finish(mut self) -> Result<String, serde_json::Error> {
        self.schema::<Problem>();
        self.schema::<ErrorCode>();
        self.schema::<ServerFrame>();
        self.schema::<ClientFrame>();
        let info = InfoBuilder::new()
            .title("Sealwire relay")
            .version(env!("CARGO_PKG_VERSION"))
            .description(Some(ABOUT));
        let mut components = Components::new();
        components.schemas = self.schemas;
        for (name, scheme) in schemes() {
            components.add_security_scheme(name, scheme);
        }
        let document: OpenApi = OpenApiBuilder::new()
            .info(info.build())
            .paths(self.paths)
            .components(Some(components))
            .build();
        // Links of the code lead nowhere from here.
        let json = document.to_json()?;
        Ok(json.replace("[`crate::limits::", "`").replace("`]", "`"))
    }

    fn schema<T: ToSchema>(&mut self) {
        let mut inner = Vec::new();
        T::schemas(&mut inner);
        self.schemas.extend(inner);
        self.schemas.insert(T::name().into_owned(), T::schema());
    }
}

fn schemes() -> [(&'static str, SecurityScheme); 3] {
    let bearer = |about: &str| {
        let scheme = HttpBuilder::new()
            .scheme(HttpAuthScheme::Bearer)
            .bearer_format("JWT")
            .description(Some(about));
        SecurityScheme::Http(scheme.build())
    };
    let socket = format!(
        "For browsers: `{WEBSOCKET_PROTOCOL}, bearer.<token>`, the token being a device's with the scope chat.read."
    );
    let socket = ApiKeyValue::with_description("Sec-WebSocket-Protocol", &socket);
    [
        (
            DEVICE,
            bearer(
                "A device's token from `POST /v1/auth/token`, for 15 minutes. Scopes: `chat.read`, `chat.write`.",
            ),
        ),
        (
            PLATFORM,
            bearer("A token of the platform for one of its users: opens and recovers accounts."),
        ),
        (SOCKET, SecurityScheme::ApiKey(ApiKey::Header(socket))),
    ]
}

/// `get_users_id_devices` for `GET /v1/users/{id}/devices`.
fn operation_id(method: &HttpMethod, path: &str) -> String {
    let method = match method {
        HttpMethod::Get => "get",
        HttpMethod::Put => "put",
        HttpMethod::Delete => "delete",
        _ => "post",
    };
    let path = path.strip_prefix("/v1").unwrap_or(path);
    let words = path
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    let words: Vec<_> = std::iter::once(method).chain(words).collect();
    words.join("_")
}
