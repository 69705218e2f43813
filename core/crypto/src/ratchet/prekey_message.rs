//! The messages of a session that has no reply yet: an ordinary message, with what the receiver needs to begin the session.
//!
//! X3DH, revision 1, section 3.3; PQXDH, revision 3, section 3.3. `version byte ‖ protobuf`; only the message inside carries a MAC.

use crate::protobuf::decode;
use prost::Message;

use super::beginning::{Encapsulation, NamedPreKeys};
use super::message::RatchetMessage;
use super::version::{ParseError, Version};
use crate::keys::{BaseKey, IdentityKey, KemCiphertext};

/// A message of type 3, parsed but not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreKeyMessage {
    pub(super) registration_id: u32,
    pub(super) prekeys: NamedPreKeys,
    pub(super) base_key: BaseKey,
    pub(super) identity_key: IdentityKey,
    pub(super) message: RatchetMessage,
}

#[derive(Message)]
struct PreKeyMessageProto {
    #[prost(uint32, optional, tag = "1")]
    one_time_prekey_id: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "2")]
    base_key: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "3")]
    identity_key: Option<Vec<u8>>,
    #[prost(bytes = "vec", optional, tag = "4")]
    message: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "5")]
    registration_id: Option<u32>,
    #[prost(uint32, optional, tag = "6")]
    signed_prekey_id: Option<u32>,
    #[prost(uint32, optional, tag = "7")]
    kem_prekey_id: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "8")]
    kem_ciphertext: Option<Vec<u8>>,
}

impl PreKeyMessage {
    /// Reads a message and the one inside it. It allocates no more than three times the message's length, and 2 KiB.
    ///
    /// A base key outside the prime-order subgroup is refused: it would be a second name for a session that has one.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let (_, rest) = Version::split(bytes)?;
        let body = decode::<PreKeyMessageProto>(rest).map_err(|_| ParseError::Malformed)?;
        let message = RatchetMessage::parse(&body.message.ok_or(ParseError::Malformed)?)?;
        // The outer byte has no MAC: it must repeat the inner one.
        if bytes.first() != message.version_byte() {
            return Err(ParseError::Malformed);
        }
        let base_key = body.base_key.ok_or(ParseError::Malformed)?;
        let base_key = BaseKey::from_bytes(&base_key).map_err(|_| ParseError::Malformed)?;
        if !base_key.as_public_key().is_torsion_free() {
            return Err(ParseError::Malformed);
        }
        let identity_key = body.identity_key.ok_or(ParseError::Malformed)?;
        let kem = match (body.kem_prekey_id, body.kem_ciphertext) {
            (Some(prekey_id), Some(ciphertext)) => Some(Encapsulation {
                prekey_id,
                ciphertext: KemCiphertext::from_bytes(&ciphertext)?,
            }),
            (None, None) => None,
            _ => return Err(ParseError::Malformed),
        };
        let prekeys = NamedPreKeys {
            signed: body.signed_prekey_id.ok_or(ParseError::Malformed)?,
            one_time: body.one_time_prekey_id,
            kem,
        };
        if message.version() != prekeys.version() {
            return Err(ParseError::Malformed);
        }
        Ok(Self {
            registration_id: body.registration_id.ok_or(ParseError::Malformed)?,
            prekeys,
            base_key,
            identity_key: IdentityKey::from_bytes(&identity_key)
                .map_err(|_| ParseError::Malformed)?,
            message,
        })
    }

    /// The sender's registration. No MAC covers it: [`accept`](super::accept) compares it with the signed device list.
    pub fn registration_id(&self) -> u32 {
        self.registration_id
    }

    /// The one-time prekey that the sender used, if it was given one.
    pub fn one_time_prekey_id(&self) -> Option<u32> {
        self.prekeys.one_time
    }

    /// The signed prekey that the sender used.
    pub fn signed_prekey_id(&self) -> u32 {
        self.prekeys.signed
    }

    /// The KEM prekey that the sender encapsulated to: in every message of version 4, and in none of version 3.
    pub fn kem_prekey_id(&self) -> Option<u32> {
        self.prekeys.kem.as_ref().map(|kem| kem.prekey_id)
    }

    /// The agreement that the session begins with.
    pub fn version(&self) -> Version {
        self.message.version()
    }

    /// The name of the session.
    pub fn base_key(&self) -> BaseKey {
        self.base_key
    }

    /// Who the sender says it is.
    pub fn identity_key(&self) -> IdentityKey {
        self.identity_key
    }

    /// The message inside.
    pub fn message(&self) -> &RatchetMessage {
        &self.message
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let kem = self.prekeys.kem.as_ref();
        let body = PreKeyMessageProto {
            one_time_prekey_id: self.prekeys.one_time,
            base_key: Some(self.base_key.to_bytes().to_vec()),
            identity_key: Some(self.identity_key.to_bytes().to_vec()),
            message: Some(self.message.as_bytes().to_vec()),
            registration_id: Some(self.registration_id),
            signed_prekey_id: Some(self.prekeys.signed),
            kem_prekey_id: self.kem_prekey_id(),
            kem_ciphertext: kem.map(|kem| kem.ciphertext.to_bytes()),
        };
        let mut bytes = vec![self.message.version().byte()];
        bytes.extend(body.encode_to_vec());
        bytes
    }
}
