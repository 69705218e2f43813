//! Every error of the relay: RFC 9457 problem+json with a stable code.

use super::DeviceMismatch;
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;

/// The body of every error.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `about:blank`: the code says it all.
    #[serde(rename = "type", default = "about_blank")]
    pub kind: String,
    /// The status in words.
    #[serde(default)]
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What happened and what to do, for a developer.
    #[serde(default)]
    pub detail: String,
    /// Stable.
    pub code: ErrorCode,
    /// Whether the same request may succeed later.
    #[serde(default)]
    pub retryable: bool,
    /// Not before so many milliseconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// With `device_mismatch`.
    #[serde(
        default,
        flatten,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "named_devices"
    )]
    pub device_mismatch: Option<DeviceMismatch>,
}

/// `None` where no device is named. (Serde's own way for an `Option` would take lists that cannot be read for none, and none for empty ones.)
fn named_devices<'de, D: Deserializer<'de>>(fields: D) -> Result<Option<DeviceMismatch>, D::Error> {
    let devices = DeviceMismatch::deserialize(fields)?;
    Ok(Some(devices).filter(|devices| *devices != DeviceMismatch::default()))
}

fn about_blank() -> String {
    "about:blank".to_owned()
}

macro_rules! codes {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal, $status:literal, $retryable:literal;)*) => {
        /// The stable codes of the relay's errors.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorCode {
            $($(#[doc = $doc])+ $name,)*
            /// A code of a later version.
            Unknown,
        }

        impl ErrorCode {
            /// Every code but `Unknown`.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as it travels.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* Self::Unknown => "unknown" }
            }

            /// The HTTP status that carries it.
            pub fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* Self::Unknown => 400 }
            }

            /// Whether the same request may succeed later.
            pub fn retryable(self) -> bool {
                match self { $(Self::$name => $retryable,)* Self::Unknown => false }
            }

            /// The code of that text; `Unknown` for one of a later version.
            pub fn from_text(text: &str) -> Self {
                match text { $($text => Self::$name,)* _ => Self::Unknown }
            }
        }
    };
}

codes! {
    /// The request is not what the contract says.
    InvalidRequest = "invalid_request", 400, false;
    /// The body is not JSON, or not of this shape.
    InvalidBody = "invalid_body", 400, false;
    /// An id in path, query or header is malformed.
    InvalidId = "invalid_id", 400, false;
    /// The Idempotency-Key is missing or malformed.
    IdempotencyKeyRequired = "idempotency_key_required", 400, false;
    /// A cursor that this relay never gave out.
    InvalidCursor = "invalid_cursor", 400, false;
    /// A signature, key or signed structure does not hold.
    InvalidSignature = "invalid_signature", 400, false;
    /// The 1:1 thread id is not made of these two users.
    ThreadIdMismatch = "thread_id_mismatch", 400, false;
    /// No token, or one that is not valid.
    Unauthorized = "unauthorized", 401, false;
    /// The token has ended: get another.
    TokenExpired = "token_expired", 401, true;
    /// The challenge is unknown, used or too old.
    ChallengeInvalid = "challenge_invalid", 401, true;
    /// A token of another kind or scope is needed.
    Forbidden = "forbidden", 403, false;
    /// The caller is not in the thread.
    NotAParticipant = "not_a_participant", 403, false;
    /// The other user has blocked the caller, or is blocked by them.
    Blocked = "blocked", 403, false;
    /// The other user does not take direct messages from the caller.
    DirectMessagesClosed = "direct_messages_closed", 403, false;
    /// A control message to somebody with whom the caller shares no thread.
    NoSharedThread = "no_shared_thread", 403, false;
    /// The registration grant does not hold.
    GrantInvalid = "grant_invalid", 403, false;
    /// The registration grant was used before.
    GrantUsed = "grant_used", 403, false;
    /// The signed URL has ended: ask for another.
    UrlExpired = "url_expired", 403, true;
    /// The device is not, or no longer, in the newest list.
    DeviceRevoked = "device_revoked", 403, false;
    /// Nothing there.
    NotFound = "not_found", 404, false;
    /// The user has no account here.
    UserUnknown = "user_unknown", 404, false;
    /// The mailbox slot is not written yet.
    SlotEmpty = "slot_empty", 404, true;
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, false;
    /// The request did not arrive in time.
    RequestTimeout = "request_timeout", 408, true;
    /// The account has devices: link this one.
    AccountExists = "account_exists", 409, false;
    /// A device with this id registered with other keys.
    DeviceIdTaken = "device_id_taken", 409, false;
    /// Ten live devices are the limit.
    DeviceLimit = "device_limit", 409, false;
    /// Another list version came first.
    DeviceListConflict = "device_list_conflict", 409, true;
    /// A list names a device that never registered.
    DeviceNotRegistered = "device_not_registered", 409, false;
    /// The envelopes are not those of the live devices.
    DeviceMismatch = "device_mismatch", 409, true;
    /// The number was used for another content.
    ClientSeqConflict = "client_seq_conflict", 409, false;
    /// The number was voided: nothing will ever be sent under it.
    ClientSeqVoid = "client_seq_void", 409, false;
    /// A prekey id was used for another key.
    PrekeyIdConflict = "prekey_id_conflict", 409, false;
    /// The mailbox slot holds other bytes.
    SlotTaken = "slot_taken", 409, false;
    /// The upload was completed with other bytes.
    AttachmentConflict = "attachment_conflict", 409, false;
    /// The mailbox slot was read before.
    SlotRead = "slot_read", 410, false;
    /// Body, ciphertext, envelope or attachment too large.
    TooLarge = "too_large", 413, false;
    /// The content type is not JSON.
    UnsupportedMediaType = "unsupported_media_type", 415, false;
    /// The range lies outside of the attachment.
    RangeNotSatisfiable = "range_not_satisfiable", 416, false;
    /// The key was used with another client_seq.
    IdempotencyKeyReused = "idempotency_key_reused", 422, false;
    /// Well-formed, but against the contract's rules.
    Unprocessable = "unprocessable", 422, false;
    /// Too many requests.
    RateLimited = "rate_limited", 429, true;
    /// The relay cannot do it now; nothing was stored.
    Unavailable = "unavailable", 503, true;
    /// The relay cannot write; nothing was stored.
    StorageFull = "storage_full", 503, true;
    /// No one-time prekey is left where the deployment demands one.
    PrekeysExhausted = "prekeys_exhausted", 503, true;
}

impl Problem {
    /// The problem of a code, with a sentence for a developer.
    pub fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        Self {
            kind: about_blank(),
            title: code.as_str().replace('_', " "),
            status: code.status(),
            detail: detail.into(),
            code,
            retryable: code.retryable(),
            retry_after_ms: None,
            device_mismatch: None,
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Serialize for ErrorCode {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ErrorCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self::from_text(&String::deserialize(deserializer)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_survives_the_way_through_json() {
        for code in ErrorCode::ALL {
            let json = serde_json::to_string(&Problem::new(*code, "why")).unwrap();
            let read: Problem = serde_json::from_str(&json).unwrap();
            assert_eq!(
                (read.code, read.status, read.retryable),
                (*code, code.status(), code.retryable())
            );
            assert_eq!(read.device_mismatch, None);
        }
    }

    #[test]
    fn a_code_of_a_later_version_is_read_as_unknown() {
        let read: Problem = serde_json::from_str(r#"{"status":418,"code":"teapot"}"#).unwrap();
        assert_eq!(read.code, ErrorCode::Unknown);
    }

    #[test]
    fn a_mismatch_whose_devices_cannot_be_read_is_no_problem_without_devices() {
        let bad = r#"{"status":409,"code":"device_mismatch","stale":"all of them"}"#;
        assert!(serde_json::from_str::<Problem>(bad).is_err());
    }

    #[test]
    fn a_mismatch_names_its_devices() {
        let mut problem = Problem::new(ErrorCode::DeviceMismatch, "wrap again");
        let missing = vec![super::super::DeviceName {
            user_id: "bob".parse().unwrap(),
            device_id: crate::DeviceId::FIRST,
        }];
        problem.device_mismatch = Some(DeviceMismatch {
            missing,
            ..DeviceMismatch::default()
        });
        let json = serde_json::to_value(&problem).unwrap();
        assert_eq!(json["missing"][0]["user_id"], "bob");
        assert_eq!(serde_json::from_value::<Problem>(json).unwrap(), problem);
    }
}
