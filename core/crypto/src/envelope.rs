//! What every recipient device gets of a message in its own session: the content's key, and what the content must be.

use crate::content::{ContentKey, OpenError, OpenedContent, Position, open};
use crate::primitives::constant_time_eq;
use crate::protobuf::decode_secret;
use prost::Message as _;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The longest envelope plaintext that is looked at; one with every field at its bound is shorter.
pub const MAX_ENVELOPE_PLAINTEXT_BYTES: usize = 256;

/// The plaintext of one envelope. It opens one ciphertext at one place, and no other.
#[derive(Clone, PartialEq, Eq)]
pub struct EnvelopePlaintext {
    /// K: opens the content.
    pub key: ContentKey,
    /// D: SHA-256 of the ciphertext.
    pub digest: [u8; 32],
    /// C: the sender's commitment to the content.
    pub commitment: [u8; 32],
    /// The thread that the content belongs to.
    pub thread_id: [u8; 16],
    /// The number that the sender's device gave it.
    pub client_seq: u64,
    /// 0 for a new message, one more for every edit.
    pub revision: u32,
    /// The newest device list of the sender when it sealed.
    pub device_list_version: u64,
}

/// Bytes that are no envelope plaintext.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a well-formed envelope")]
pub struct EnvelopeError;

/// Why a message did not open with its envelope. Nothing of it may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeOpenError {
    /// The row stands in another thread than the envelope says.
    #[error("the message was moved to another thread")]
    Thread,
    /// The row carries another client_seq than the envelope says.
    #[error("the message carries another number than its envelope")]
    ClientSeq,
    /// The row carries another revision than the envelope says.
    #[error("the message carries another revision than its envelope")]
    Revision,
    /// The relay stamped another commitment than the envelope says: a report of it would fail.
    #[error("the message carries another commitment than its envelope")]
    Commitment,
    /// The content itself.
    #[error(transparent)]
    Content(#[from] OpenError),
}

impl EnvelopePlaintext {
    /// Opens the ciphertext of a row or frame, if all that came beside it agrees with this envelope.
    ///
    /// `position`, `revision` and `commitment` are the row's: what the relay claims.
    pub fn open(
        &self,
        position: Position<'_>,
        revision: u32,
        commitment: &[u8; 32],
        ciphertext: &[u8],
    ) -> Result<OpenedContent, EnvelopeOpenError> {
        if *position.thread_id != self.thread_id {
            return Err(EnvelopeOpenError::Thread);
        }
        if position.client_seq != self.client_seq {
            return Err(EnvelopeOpenError::ClientSeq);
        }
        if revision != self.revision {
            return Err(EnvelopeOpenError::Revision);
        }
        if !constant_time_eq(commitment, &self.commitment) {
            return Err(EnvelopeOpenError::Commitment);
        }
        Ok(open(
            position,
            &self.key,
            ciphertext,
            &self.digest,
            &self.commitment,
        )?)
    }

    /// The bytes that a session encrypts.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let message = Message {
            key: self.key.as_bytes().to_vec(),
            digest: self.digest.to_vec(),
            commitment: self.commitment.to_vec(),
            thread_id: self.thread_id.to_vec(),
            client_seq: self.client_seq,
            revision: self.revision,
            device_list_version: self.device_list_version,
        };
        Zeroizing::new(message.encode_to_vec())
    }

    /// Reads what a session decrypted.
    pub fn decode(bytes: &[u8]) -> Result<Self, EnvelopeError> {
        if bytes.len() > MAX_ENVELOPE_PLAINTEXT_BYTES {
            return Err(EnvelopeError);
        }
        let message = decode_secret::<Message>(bytes).map_err(|_| EnvelopeError)?;
        let key = message.key.as_slice().try_into();
        Ok(Self {
            key: ContentKey::from_bytes(key.map_err(|_| EnvelopeError)?),
            digest: exact(&message.digest)?,
            commitment: exact(&message.commitment)?,
            thread_id: exact(&message.thread_id)?,
            client_seq: message.client_seq,
            revision: message.revision,
            device_list_version: message.device_list_version,
        })
    }
}

/// `EnvelopePlaintext` of `proto/content.proto`.
#[derive(Clone, PartialEq, prost::Message, Zeroize, ZeroizeOnDrop)]
#[prost(skip_debug)]
struct Message {
    #[prost(bytes = "vec", tag = "1")]
    key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    digest: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    commitment: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    thread_id: Vec<u8>,
    #[prost(uint64, tag = "5")]
    client_seq: u64,
    #[prost(uint32, tag = "6")]
    revision: u32,
    #[prost(uint64, tag = "7")]
    device_list_version: u64,
}

fn exact<const N: usize>(field: &[u8]) -> Result<[u8; N], EnvelopeError> {
    field.try_into().map_err(|_| EnvelopeError)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{ContentKind, SealedContent, seal};
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_core::SeedableRng;

    const HERE: Position<'static> = Position {
        thread_id: &[3; 16],
        sender: "alice",
        device: 2,
        client_seq: 7,
        kind: ContentKind::Message,
    };

    fn sealed() -> SealedContent {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        seal(HERE, b"hello", &mut rng).ok().unwrap()
    }

    fn envelope() -> EnvelopePlaintext {
        let sealed = sealed();
        EnvelopePlaintext {
            key: sealed.key,
            digest: sealed.digest,
            commitment: sealed.commitment,
            thread_id: [3; 16],
            client_seq: 7,
            revision: 0,
            device_list_version: 4,
        }
    }

    fn open_row(
        position: Position<'_>,
        revision: u32,
        commitment: &[u8; 32],
    ) -> Result<Vec<u8>, EnvelopeOpenError> {
        envelope()
            .open(position, revision, commitment, &sealed().ciphertext)
            .map(|opened| opened.body.to_vec())
    }

    #[test]
    fn a_row_that_agrees_with_its_envelope_opens() {
        let commitment = envelope().commitment;
        assert_eq!(open_row(HERE, 0, &commitment), Ok(b"hello".to_vec()));
    }

    #[test]
    fn a_row_that_the_relay_altered_is_refused() {
        let commitment = envelope().commitment;
        let moved = Position {
            thread_id: &[4; 16],
            ..HERE
        };
        assert_eq!(
            open_row(moved, 0, &commitment),
            Err(EnvelopeOpenError::Thread)
        );
        let renumbered = Position {
            client_seq: 8,
            ..HERE
        };
        assert_eq!(
            open_row(renumbered, 0, &commitment),
            Err(EnvelopeOpenError::ClientSeq)
        );
        assert_eq!(
            open_row(HERE, 1, &commitment),
            Err(EnvelopeOpenError::Revision)
        );
        assert_eq!(
            open_row(HERE, 0, &[0; 32]),
            Err(EnvelopeOpenError::Commitment)
        );
        let other_sender = Position {
            sender: "mallory",
            ..HERE
        };
        assert_eq!(
            open_row(other_sender, 0, &commitment),
            Err(EnvelopeOpenError::Content(OpenError::Tampered))
        );
    }

    #[test]
    fn an_envelope_at_its_bounds_fits() {
        let largest = EnvelopePlaintext {
            client_seq: u64::MAX,
            revision: u32::MAX,
            device_list_version: u64::MAX,
            ..envelope()
        };
        assert!(EnvelopePlaintext::decode(&largest.encode()).is_ok_and(|read| read == largest));
    }

    /// A field of a later version fills it up to the bound.
    #[test]
    fn a_plaintext_of_the_longest_length_is_read_and_one_byte_more_is_not() {
        let envelope = EnvelopePlaintext {
            client_seq: u64::MAX,
            ..envelope()
        };
        let extended = |length: usize| {
            let encoded = envelope.encode();
            let rest = length - encoded.len() - 2;
            [&encoded[..], &[15 << 3 | 2, rest as u8], &vec![0; rest]].concat()
        };
        let longest = extended(MAX_ENVELOPE_PLAINTEXT_BYTES);
        assert_eq!(longest.len(), 256);
        assert!(EnvelopePlaintext::decode(&longest).is_ok_and(|read| read == envelope));
        assert!(EnvelopePlaintext::decode(&extended(257)).is_err());
    }

    #[test]
    fn trailing_bytes_that_are_no_field_are_refused() {
        for trailing in [&[0xff][..], &[100 << 1 | 7], &[1 << 3 | 2, 9]] {
            let bytes = [&envelope().encode()[..], trailing].concat();
            assert!(EnvelopePlaintext::decode(&bytes).is_err());
        }
    }

    #[test]
    fn a_field_of_the_wrong_length_is_refused() {
        let good = Message::decode(envelope().encode().as_slice()).unwrap();
        let fields: [fn(&mut Message) -> &mut Vec<u8>; 4] = [
            |message| &mut message.key,
            |message| &mut message.digest,
            |message| &mut message.commitment,
            |message| &mut message.thread_id,
        ];
        for field in fields {
            let mut short = good.clone();
            field(&mut short).pop();
            assert!(EnvelopePlaintext::decode(&short.encode_to_vec()).is_err());
            let mut long = good.clone();
            field(&mut long).push(0);
            assert!(EnvelopePlaintext::decode(&long.encode_to_vec()).is_err());
        }
    }

    #[test]
    fn the_message_is_as_described() {
        let message = Message {
            key: vec![1],
            digest: vec![2],
            commitment: vec![3],
            thread_id: vec![4],
            client_seq: 5,
            revision: 6,
            device_list_version: 7,
        };
        let name = "sealwire.sealed.v1.EnvelopePlaintext";
        crate::proto_reference::assert_described("content.proto", name, &message, 0);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(EnvelopePlaintext::decode(&bytes).is_err());
        }

        #[test]
        fn an_envelope_comes_back_as_it_was_written(
            client_seq: u64, revision: u32, device_list_version: u64, thread_id: [u8; 16],
        ) {
            let written = EnvelopePlaintext {
                client_seq, revision, device_list_version, thread_id, ..envelope()
            };
            let read = EnvelopePlaintext::decode(&written.encode());
            prop_assert!(read.is_ok_and(|read| read == written));
        }
    }
}
