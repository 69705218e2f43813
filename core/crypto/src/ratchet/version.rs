//! The protocol version of a session and the byte that shows it in front of each message.

use crate::keys::KemError;

/// Which agreement a session began with. The number is the high half of the version byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Version {
    /// X3DH.
    X3dh = 3,
    /// PQXDH.
    Pqxdh = 4,
}

/// Bytes that are no message of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    /// Not the format, or a key in it is no key.
    #[error("the message is malformed")]
    Malformed,
    /// A version that this build does not speak.
    #[error("protocol version {0} is not spoken here")]
    Version(u8),
    /// A key encapsulation that this build does not have.
    #[error("KEM type {0:#04x} is not known")]
    UnknownKem(u8),
}

/// The low half of the version byte: the newest version that the writer knows. Readers look at the high half only; the MAC
/// covers both.
const NEWEST_KNOWN: u8 = 4;

impl Version {
    /// As a signed device list names it.
    pub fn number(self) -> u8 {
        self as u8
    }

    pub(super) fn from_number(number: u8) -> Option<Self> {
        match number {
            3 => Some(Self::X3dh),
            4 => Some(Self::Pqxdh),
            _ => None,
        }
    }

    pub(super) fn byte(self) -> u8 {
        self.number() << 4 | NEWEST_KNOWN
    }

    /// The version of a message, and what follows its version byte.
    pub(super) fn split(bytes: &[u8]) -> Result<(Self, &[u8]), ParseError> {
        let (byte, rest) = bytes.split_first().ok_or(ParseError::Malformed)?;
        let version = Self::from_number(byte >> 4).ok_or(ParseError::Version(byte >> 4))?;
        Ok((version, rest))
    }
}

impl From<KemError> for ParseError {
    fn from(error: KemError) -> Self {
        match error {
            KemError::Type(kind) => Self::UnknownKem(kind),
            KemError::Length(_) | KemError::NotCanonical => Self::Malformed,
        }
    }
}
