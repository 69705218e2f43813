//! Ids: each type can only hold a well-formed one.

use crate::limits::{IDEMPOTENCY_KEY_MAX, USER_ID_MAX};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;
use std::str::FromStr;

mod thread;
pub use thread::ThreadId;

/// Why a text is not the id it was read as.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseIdError {
    /// Not 1 to 64 of `A-Z a-z 0-9 _ . -`, or `.` or `..` alone.
    #[error("a user id is 1 to 64 characters of A-Z a-z 0-9 _ . - and not . or .. alone")]
    User,
    /// Zero, or beyond u32.
    #[error("a device id is a number from 1 to 4294967295")]
    Device,
    /// Not a UUID.
    #[error("a thread id is a UUID")]
    Thread,
    /// Not a ULID.
    #[error("a message id is a ULID of 26 characters")]
    Message,
    /// Not 1 to 64 visible ASCII characters.
    #[error("an idempotency key is 1 to 64 visible ASCII characters")]
    IdempotencyKey,
    /// Not 1 to 64 of `A-Z a-z 0-9 _ -`.
    #[error("an attachment id is 1 to 64 characters of A-Z a-z 0-9 _ -")]
    Attachment,
    /// Not 16 bytes.
    #[error("the key of a send is 16 bytes")]
    SendKey,
}

/// The platform's own id of a user: 1 to 64 of `A-Z a-z 0-9 _ . -`, but not `.` or `..` alone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId(String);

/// A device of a user: from 1, given by the relay, never given twice to the same user.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DeviceId(u32);

/// A message: a ULID minted by the relay, strictly increasing inside a thread.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(ulid::Ulid);

/// The number of a send: rising per (thread, device), owned by the client, never used for two contents.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClientSeq(pub u64);

/// The key under which the relay keeps an answer for 24 hours: 1 to 64 visible ASCII characters.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IdempotencyKey(String);

/// An uploaded attachment, named by the relay: 1 to 64 of `A-Z a-z 0-9 _ -`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttachmentId(String);

impl UserId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
        let fits = (1..=USER_ID_MAX).contains(&text.len());
        // In a path these two are steps, not names (RFC 3986, section 5.2.4): such a user could not be asked for.
        let is_step = matches!(text, "." | "..");
        if fits && !is_step && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseIdError::User)
        }
    }
}

impl DeviceId {
    /// The first device of an account.
    pub const FIRST: Self = Self(1);

    /// A device id; 0 is none.
    pub fn new(number: u32) -> Result<Self, ParseIdError> {
        if number == 0 {
            Err(ParseIdError::Device)
        } else {
            Ok(Self(number))
        }
    }

    /// The id as a number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl FromStr for DeviceId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        text.parse()
            .map_err(|_| ParseIdError::Device)
            .and_then(Self::new)
    }
}

impl MessageId {
    /// The id made of 48 bits of time (milliseconds) and 80 further bits.
    pub fn from_parts(time_ms: u64, tail: u128) -> Self {
        Self(ulid::Ulid::from_parts(time_ms, tail))
    }

    /// The id as the number that orders it.
    pub fn as_u128(self) -> u128 {
        self.0.into()
    }

    /// The id of that number.
    pub fn from_u128(number: u128) -> Self {
        Self(ulid::Ulid::from(number))
    }

    /// The 16 bytes, in the order that sorts as the id does.
    pub fn to_bytes(self) -> [u8; 16] {
        self.as_u128().to_be_bytes()
    }

    /// The id of these 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self::from_u128(u128::from_be_bytes(bytes))
    }

    /// The relay's clock when it minted the id, in milliseconds since the Unix epoch.
    pub fn time_ms(self) -> u64 {
        (self.as_u128() >> 80) as u64
    }
}

impl FromStr for MessageId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let id = ulid::Ulid::from_string(text).map_err(|_| ParseIdError::Message)?;
        // One id has one text: a first character above 7 would overflow, and lower case would be a second spelling.
        if id.to_string() == text {
            Ok(Self(id))
        } else {
            Err(ParseIdError::Message)
        }
    }
}

impl IdempotencyKey {
    /// The key as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IdempotencyKey {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let fits = (1..=IDEMPOTENCY_KEY_MAX).contains(&text.len());
        if fits && text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseIdError::IdempotencyKey)
        }
    }
}

impl AttachmentId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AttachmentId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(ParseIdError::Attachment)
        }
    }
}

macro_rules! shown_as_text {
    ($($id:ident),*) => {$(
        impl fmt::Display for $id {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, out)
            }
        }
        impl fmt::Debug for $id {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, concat!(stringify!($id), "({})"), self.0)
            }
        }
    )*};
}
shown_as_text!(UserId, DeviceId, MessageId, IdempotencyKey, AttachmentId);

macro_rules! travels_as_text {
    ($($id:ident),*) => {$(
        impl Serialize for $id {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $id {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $id;
                    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                        out.write_str(concat!("the text of a ", stringify!($id)))
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$id, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    )*};
}
travels_as_text!(UserId, MessageId, IdempotencyKey, AttachmentId, ThreadId);

impl Serialize for DeviceId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

impl<'de> Deserialize<'de> for DeviceId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u32::deserialize(deserializer)?).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_text_is_an_id_that_prints_as_it_came_or_an_error(text in ".{0,70}") {
            if let Ok(id) = text.parse::<UserId>() { prop_assert_eq!(id.to_string(), text.clone()); }
            if let Ok(id) = text.parse::<MessageId>() { prop_assert_eq!(id.to_string(), text.clone()); }
            if let Ok(id) = text.parse::<AttachmentId>() { prop_assert_eq!(id.to_string(), text.clone()); }
            if let Ok(id) = text.parse::<IdempotencyKey>() { prop_assert_eq!(id.to_string(), text); }
        }

        #[test]
        fn message_ids_sort_alike_as_number_text_and_bytes(a: u128, b: u128) {
            let (a, b) = (MessageId::from_u128(a), MessageId::from_u128(b));
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
            prop_assert_eq!(a.cmp(&b), a.to_bytes().cmp(&b.to_bytes()));
            prop_assert_eq!(a.to_string().parse::<MessageId>().unwrap(), a);
        }
    }

    #[test]
    fn a_user_id_with_a_slash_is_refused() {
        for text in ["a/b", "", "..%2f", "é", "a b", ".", "..", &"x".repeat(65)] {
            assert_eq!(text.parse::<UserId>(), Err(ParseIdError::User), "{text}");
        }
        for text in ["...", "a..", ".a", &"x".repeat(64)] {
            assert!(text.parse::<UserId>().is_ok(), "{text}");
        }
    }

    #[test]
    fn device_zero_is_refused_in_json_too() {
        assert!(serde_json::from_str::<DeviceId>("0").is_err());
        assert!(serde_json::from_str::<DeviceId>("4294967296").is_err());
        assert_eq!(serde_json::from_str::<DeviceId>("7").unwrap().get(), 7);
    }
}
