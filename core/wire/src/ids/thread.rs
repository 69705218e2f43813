//! Thread ids. A 1:1 thread's id is made of its two users, so that it needs no record before the first message.

use super::{ParseIdError, UserId};
use sealwire_crypto::primitives::sha256;
use std::fmt;
use std::str::FromStr;

const DIRECT_LABEL: &[u8] = b"Sealwire v1 direct";

/// A thread: a UUID. 1:1: made of the two user ids; group: random.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ThreadId(uuid::Uuid);

impl ThreadId {
    /// The 1:1 thread of two users, the same from both sides; a thread with oneself is one too.
    ///
    /// UUIDv8 made of SHA-256(`Sealwire v1 direct` ‖ len ‖ lower id ‖ len ‖ higher id): lengths are u16 big-endian,
    /// ids in byte order, the label preceded by no length; the first 16 bytes, with version and variant bits set.
    pub fn direct(one: &UserId, other: &UserId) -> Self {
        let (lower, higher) = if one <= other {
            (one, other)
        } else {
            (other, one)
        };
        let mut text = DIRECT_LABEL.to_vec();
        for id in [lower, higher] {
            // A user id has at most 64 bytes.
            text.extend_from_slice(&(id.as_str().len() as u16).to_be_bytes());
            text.extend_from_slice(id.as_str().as_bytes());
        }
        let mut head = [0; 16];
        head.copy_from_slice(&sha256(&text)[..16]);
        Self(uuid::Builder::from_custom_bytes(head).into_uuid())
    }

    /// The 16 bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        self.0.as_bytes()
    }

    /// The thread of these 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Uuid::from_bytes(bytes))
    }
}

impl FromStr for ThreadId {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let id = uuid::Uuid::try_parse(text).map_err(|_| ParseIdError::Thread)?;
        // One thread has one text: no braces, no capitals, no urn.
        if id.hyphenated().to_string() == text {
            Ok(Self(id))
        } else {
            Err(ParseIdError::Thread)
        }
    }
}

impl fmt::Display for ThreadId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.hyphenated(), out)
    }
}

impl fmt::Debug for ThreadId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ThreadId({})", self.0.hyphenated())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(text: &str) -> UserId {
        text.parse().unwrap()
    }

    #[test]
    fn both_sides_name_the_same_thread() {
        assert_eq!(
            ThreadId::direct(&user("alice"), &user("bob")),
            ThreadId::direct(&user("bob"), &user("alice"))
        );
    }

    #[test]
    fn the_vectors_that_every_language_holds_to() {
        // Computed apart from this code with Python's hashlib; see proto/README.md.
        for (one, other, id) in VECTORS {
            assert_eq!(
                ThreadId::direct(&user(one), &user(other)).to_string(),
                *id,
                "{one} {other}"
            );
        }
    }

    #[test]
    fn ids_that_join_to_the_same_text_are_different_threads() {
        assert_ne!(
            ThreadId::direct(&user("ab"), &user("c")),
            ThreadId::direct(&user("a"), &user("bc"))
        );
    }

    #[test]
    fn a_second_spelling_of_a_uuid_is_refused() {
        let id = ThreadId::direct(&user("a"), &user("b")).to_string();
        assert!(id.to_uppercase().parse::<ThreadId>().is_err());
        assert!(format!("{{{id}}}").parse::<ThreadId>().is_err());
        assert_eq!(id.parse::<ThreadId>().unwrap().to_string(), id);
    }

    const VECTORS: &[(&str, &str, &str)] = &[
        ("alice", "bob", "bf46f253-3cbc-88c3-bb52-0b6ab0382989"),
        ("bob", "alice", "bf46f253-3cbc-88c3-bb52-0b6ab0382989"),
        ("alice", "alice", "eb10f484-65cf-886b-840f-77ee25372654"),
        ("Zoe", "adam", "906f8074-9431-8e5b-b8bb-1537536cbac7"),
        ("user_1.x-y", "42", "a3d33e66-7686-83de-8ca8-c9a7f5a1db38"),
    ];
}
