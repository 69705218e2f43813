//! What each extractor takes out of a request, and the codes that it refuses with.

use super::Operation;
use crate::api::realtime::SocketAccess;
use crate::api::request::{
    Anybody, Body, BundleReader, ControlSender, DevicesReader, DevicesWriter, Idempotency, Linking,
    ListPublisher, Params, PathIds, Platform, Reader, Registering, Sender, Writer,
};
use crate::api::{dev, state::ApiState};
use axum::extract::{Request, State};
use http::HeaderMap;
use sealwire_wire::contract::ErrorCode;
use sealwire_wire::{
    AttachmentId, ClientSeq, DeviceId, IdempotencyKey, MessageId, ThreadId, UserId,
};
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::Schema;
use utoipa::openapi::security::SecurityRequirement;
use utoipa::openapi::{RefOr, Required};
use utoipa::{IntoParams, PartialSchema, ToSchema};

/// An extractor that says what it takes.
pub(in crate::api) trait Input {
    /// Adds it; `names` are those of the path's placeholders.
    fn describe(operation: &mut Operation, names: &[&str]);
}

/// All extractors of a handler, as axum counts them.
pub(in crate::api) trait Inputs {
    fn describe(operation: &mut Operation, names: &[&str]);
}

/// The ids that a path holds, in its order.
pub(in crate::api) trait PathSchemas {
    fn schemas() -> Vec<RefOr<Schema>>;
}

/// The security scheme of devices' tokens.
pub(super) const DEVICE: &str = "device";
/// The security scheme of the platform's tokens.
pub(super) const PLATFORM: &str = "platform";
/// The security scheme of a token that a browser shows for a socket.
pub(super) const SOCKET: &str = "socket";
/// The scopes, as tokens name them.
const READ: [&str; 1] = ["chat.read"];
const WRITE: [&str; 1] = ["chat.write"];

/// What every route with a token may answer.
const OF_TOKENS: &[ErrorCode] = &[
    ErrorCode::Unauthorized,
    ErrorCode::TokenExpired,
    ErrorCode::Forbidden,
    ErrorCode::DeviceRevoked,
];

fn with_token(operation: &mut Operation, scheme: &str, scopes: &[&str]) {
    operation.refuse(OF_TOKENS);
    operation.allow(SecurityRequirement::new(scheme, scopes.iter().copied()));
}

macro_rules! inputs {
    ($($input:ty: |$operation:ident| $describe:expr;)*) => {$(
        impl Input for $input {
            fn describe($operation: &mut Operation, _: &[&str]) {
                $describe
            }
        }
    )*};
}

inputs! {
    State<ApiState>: |_operation| ();
    Request: |_operation| ();
    HeaderMap: |_operation| ();
    Anybody: |_operation| ();
    Linking: |_operation| ();
    Registering: |_operation| ();
    dev::Local: |operation| operation.refuse(&[ErrorCode::Forbidden]);
    Reader: |operation| with_token(operation, DEVICE, &READ);
    Writer: |operation| with_token(operation, DEVICE, &WRITE);
    Sender: |operation| with_token(operation, DEVICE, &WRITE);
    ControlSender: |operation| with_token(operation, DEVICE, &WRITE);
    BundleReader: |operation| with_token(operation, DEVICE, &READ);
    SocketAccess: |operation| {
        with_token(operation, DEVICE, &READ);
        with_token(operation, SOCKET, &READ);
    };
    Platform: |operation| {
        operation.refuse(&[ErrorCode::Unauthorized, ErrorCode::TokenExpired]);
        operation.allow(SecurityRequirement::default());
        operation.allow(SecurityRequirement::new(PLATFORM, [""; 0]));
    };
    ListPublisher: |operation| {
        with_token(operation, DEVICE, &WRITE);
        operation.allow(SecurityRequirement::new(PLATFORM, [""; 0]));
    };
    DevicesReader: |operation| {
        with_token(operation, DEVICE, &READ);
        operation.allow(SecurityRequirement::new(PLATFORM, [""; 0]));
    };
    DevicesWriter: |operation| {
        with_token(operation, DEVICE, &WRITE);
        operation.allow(SecurityRequirement::new(PLATFORM, [""; 0]));
    };
    Idempotency: |operation| {
        operation.parameter(idempotency_key(Required::True));
        operation.refuse(&[ErrorCode::IdempotencyKeyRequired]);
    };
    Option<Idempotency>: |operation| {
        operation.parameter(idempotency_key(Required::False));
        operation.refuse(&[ErrorCode::IdempotencyKeyRequired]);
    };
}

impl<T: ToSchema, const MAX: usize> Input for Body<T, MAX> {
    fn describe(operation: &mut Operation, _: &[&str]) {
        operation.body::<T>();
        operation.refuse(&[
            ErrorCode::InvalidBody,
            ErrorCode::RequestTimeout,
            ErrorCode::TooLarge,
            ErrorCode::UnsupportedMediaType,
        ]);
    }
}

impl<T: IntoParams> Input for Params<T> {
    fn describe(operation: &mut Operation, _: &[&str]) {
        for parameter in T::into_params(|| Some(ParameterIn::Query)) {
            operation.parameter(parameter);
        }
        operation.refuse(&[ErrorCode::InvalidRequest, ErrorCode::InvalidId]);
    }
}

impl<T: PathSchemas> Input for PathIds<T> {
    fn describe(operation: &mut Operation, names: &[&str]) {
        for (name, schema) in names.iter().zip(T::schemas()) {
            let parameter = ParameterBuilder::new()
                .name(*name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(schema));
            operation.parameter(parameter.build());
        }
        operation.refuse(&[ErrorCode::InvalidId]);
    }
}

impl<T, E> Input for Result<T, E> {
    fn describe(_: &mut Operation, _: &[&str]) {}
}

macro_rules! path_schemas {
    ($($id:ty),*) => {$(
        impl PathSchemas for $id {
            fn schemas() -> Vec<RefOr<Schema>> {
                vec![<$id as PartialSchema>::schema()]
            }
        }
    )*};
}
path_schemas!(
    UserId,
    DeviceId,
    ThreadId,
    MessageId,
    ClientSeq,
    AttachmentId,
    String,
    u8
);

impl<A: PathSchemas, B: PathSchemas> PathSchemas for (A, B) {
    fn schemas() -> Vec<RefOr<Schema>> {
        [A::schemas(), B::schemas()].concat()
    }
}

macro_rules! handlers_inputs {
    ($($input:ident)*) => {
        impl<Kind, $($input: Input),*> Inputs for (Kind, $($input,)*) {
            fn describe(operation: &mut Operation, names: &[&str]) {
                let _ = (&operation, names);
                $($input::describe(operation, names);)*
            }
        }
    };
}
handlers_inputs!();
handlers_inputs!(A);
handlers_inputs!(A B);
handlers_inputs!(A B C);
handlers_inputs!(A B C D);
handlers_inputs!(A B C D E);
handlers_inputs!(A B C D E F);
handlers_inputs!(A B C D E F G);

fn idempotency_key(required: Required) -> Parameter {
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(required)
        .schema(Some(IdempotencyKey::schema()))
        .build()
}
