//! Schemas of the types that write their own JSON: ids as patterned text, bytes as base64, the codes by name.

use crate::contract::ErrorCode;
use crate::limits::{IDEMPOTENCY_KEY_MAX, USER_ID_MAX};
use crate::{AttachmentId, Base64, Bytes32, DeviceId, IdempotencyKey, MessageId, ThreadId, UserId};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{PartialSchema, ToSchema};

/// Groups of four, and an end whose unused bits are 0 (RFC 4648, section 3.5): any other spelling is refused.
const BASE64: &str =
    "^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/][AQgw]==|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=)?$";
/// 32 bytes are 42 characters, one of four bits and two unused ones, and the padding.
const BASE64_OF_32: &str = "^[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=$";

fn text(pattern: &str, max: usize) -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(pattern))
        .max_length(Some(max))
}

macro_rules! schemas {
    ($($name:ident => $schema:expr;)*) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                $schema.into()
            }
        }
        impl ToSchema for $name {}
    )*};
}

schemas! {
    UserId => text(r"^(?!\.{1,2}$)[A-Za-z0-9_.-]{1,64}$", USER_ID_MAX).min_length(Some(1));
    DeviceId => ObjectBuilder::new()
        .schema_type(Type::Integer)
        .minimum(Some(1_u64))
        .maximum(Some(u64::from(u32::MAX)));
    ThreadId => text("^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$", 36)
        .description(Some("A UUID in lower case."));
    MessageId => text("^[0-7][0-9A-HJKMNP-TV-Z]{25}$", 26)
        .description(Some("A ULID; those of one thread sort in its order."));
    IdempotencyKey => text("^[!-~]{1,64}$", IDEMPOTENCY_KEY_MAX).min_length(Some(1));
    AttachmentId => text("^[A-Za-z0-9_-]{1,64}$", 64).min_length(Some(1));
    Base64 => ObjectBuilder::new()
        .schema_type(Type::String)
        .pattern(Some(BASE64))
        .content_encoding("base64")
        .description(Some("Bytes in standard base64 with padding."));
    Bytes32 => text(BASE64_OF_32, 44)
        .content_encoding("base64")
        .description(Some("32 bytes in standard base64 with padding."));
    ErrorCode => ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(ErrorCode::ALL.iter().map(|code| code.as_str())))
        .description(Some("Stable: a client acts on it, never on the words beside it."));
}
