//! The ordinary message of a session on the wire: `version byte ‖ protobuf ‖ 8-byte MAC`.

use crate::protobuf::decode;
use prost::Message;

use super::message_key::{MAC_LENGTH, MessageKeys};
use super::version::{ParseError, Version};
use crate::keys::{IdentityKey, RatchetKey};
use crate::primitives::constant_time_eq;

/// A message of type 2, parsed but not yet checked: only its session can say whether it is authentic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RatchetMessage {
    version: Version,
    ratchet_key: RatchetKey,
    counter: u32,
    ciphertext: Vec<u8>,
    /// The whole message as it travelled; what the MAC covers is cut from it, never encoded again.
    bytes: Vec<u8>,
}

/// proto2: fields 1 to 4 are written even when zero. A sender's `previous_counter` is one less than the number that the
/// Double Ratchet's section 3.4 calls PN and is not used by receivers, who keep old chains instead.
#[derive(Message)]
struct RatchetMessageProto {
    #[prost(bytes = "vec", optional, tag = "1")]
    ratchet_key: Option<Vec<u8>>,
    #[prost(uint32, optional, tag = "2")]
    counter: Option<u32>,
    #[prost(uint32, optional, tag = "3")]
    previous_counter: Option<u32>,
    #[prost(bytes = "vec", optional, tag = "4")]
    ciphertext: Option<Vec<u8>>,
}

impl RatchetMessage {
    /// Reads a message. It allocates no more than twice what the message is long.
    pub fn parse(bytes: &[u8]) -> Result<Self, ParseError> {
        let (version, rest) = Version::split(bytes)?;
        let body_length = rest
            .len()
            .checked_sub(MAC_LENGTH)
            .ok_or(ParseError::Malformed)?;
        let body = decode::<RatchetMessageProto>(&rest[..body_length])
            .map_err(|_| ParseError::Malformed)?;
        let ratchet_key = body.ratchet_key.ok_or(ParseError::Malformed)?;
        Ok(Self {
            version,
            ratchet_key: RatchetKey::from_bytes(&ratchet_key).map_err(|_| ParseError::Malformed)?,
            counter: body.counter.ok_or(ParseError::Malformed)?,
            ciphertext: body.ciphertext.ok_or(ParseError::Malformed)?,
            bytes: bytes.to_vec(),
        })
    }

    /// The chain that the message belongs to.
    pub fn ratchet_key(&self) -> RatchetKey {
        self.ratchet_key
    }

    /// The message's number in its chain.
    pub fn counter(&self) -> u32 {
        self.counter
    }

    /// The message as it travels.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn version(&self) -> Version {
        self.version
    }

    pub(super) fn ciphertext(&self) -> &[u8] {
        &self.ciphertext
    }

    pub(super) fn version_byte(&self) -> Option<&u8> {
        self.bytes.first()
    }

    /// Encrypts one plaintext into the message numbered `counter` of the chain `ratchet_key`.
    pub(super) fn seal(
        version: Version,
        keys: &MessageKeys,
        (sender, receiver): (&IdentityKey, &IdentityKey),
        ratchet_key: RatchetKey,
        (counter, previous_counter): (u32, u32),
        plaintext: &[u8],
    ) -> Self {
        let mut body = RatchetMessageProto {
            ratchet_key: Some(ratchet_key.to_bytes().to_vec()),
            counter: Some(counter),
            previous_counter: Some(previous_counter),
            ciphertext: Some(keys.encrypt(plaintext)),
        };
        let mut bytes = vec![version.byte()];
        bytes.extend(body.encode_to_vec());
        let mac = keys.mac(sender, receiver, &bytes);
        bytes.extend(mac);
        #[cfg(feature = "audit")]
        keys.tell(&bytes);
        Self {
            version,
            ratchet_key,
            counter,
            ciphertext: body.ciphertext.take().unwrap_or_default(),
            bytes,
        }
    }

    /// Whether these keys made this message, from this sender to this receiver.
    pub(super) fn is_authentic(
        &self,
        keys: &MessageKeys,
        sender: &IdentityKey,
        receiver: &IdentityKey,
    ) -> bool {
        let (covered, mac) = self.bytes.split_at(self.bytes.len() - MAC_LENGTH);
        constant_time_eq(&keys.mac(sender, receiver, covered), mac)
    }
}

#[cfg(test)]
mod tests {
    use super::super::chain_key::MessageSeed;
    use super::*;
    use crate::keys::{IdentityKeyPair, RatchetKeyPair};

    fn first_message() -> RatchetMessage {
        let identity = |secret| IdentityKeyPair::from_secret_bytes(&[secret; 32]).public();
        RatchetMessage::seal(
            Version::X3dh,
            &MessageKeys::from_seed(&MessageSeed([1; 32])),
            (&identity(2), &identity(3)),
            RatchetKeyPair::from_secret_bytes(&[4; 32]).public(),
            (0, 0),
            b"hello",
        )
    }

    #[test]
    fn zeros_are_written() {
        let bytes = first_message().as_bytes().to_vec();
        assert_eq!(bytes[0], 0x34);
        assert_eq!(bytes[1..3], [0x0a, 33]);
        assert_eq!(bytes[36..40], [0x10, 0, 0x18, 0]);
        assert_eq!(bytes[40..42], [0x22, 16]);
        assert_eq!(bytes.len(), 42 + 16 + MAC_LENGTH);
    }

    #[test]
    fn what_was_written_is_read() {
        let message = first_message();
        assert_eq!(RatchetMessage::parse(message.as_bytes()), Ok(message));
    }

    #[test]
    fn every_cut_is_malformed_and_never_a_panic() {
        let message = first_message();
        for length in 0..message.as_bytes().len() - MAC_LENGTH {
            let parsed = RatchetMessage::parse(&message.as_bytes()[..length]);
            assert_eq!(parsed, Err(ParseError::Malformed), "length {length}");
        }
    }

    #[test]
    fn a_version_not_spoken_here_is_named() {
        let mut bytes = first_message().as_bytes().to_vec();
        bytes[0] = 0x24;
        assert_eq!(RatchetMessage::parse(&bytes), Err(ParseError::Version(2)));
    }
}
