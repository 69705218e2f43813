//! What two devices say to each other beside messages (`proto/control.proto`): asking for what could not be read, and
//! for the account key.
//!
//! The bytes here are what a session encrypts, as the plaintext of an envelope is, and one must never be taken for the
//! other: they begin with a label whose first byte no protobuf begins with. They come in three lengths, so that the relay
//! learns little of what is said.

use crate::limits::{CONTROL_MAX, RESEND_IDS_MAX};
use crate::{ClientSeq, ThreadId};
use prost::Message as _;
use sealwire_crypto::keys::KemPublicKey;
use sealwire_crypto::protobuf::decode_secret;
use zeroize::Zeroizing;

mod proto;

/// Protobuf has no field 0: no envelope plaintext begins like this.
const LABEL: &[u8; 20] = b"\0Sealwire v1 control";
/// The label and the length behind it.
const HEADER: usize = LABEL.len() + 2;
/// The longest plaintext. What a session adds (padding, ratchet header, MAC, and the beginning of a session with 1,569 bytes of KEM
/// ciphertext) is below 2,560.
pub const CONTROL_PLAINTEXT_MAX: usize = CONTROL_MAX - 2_560;
/// The lengths that a plaintext has. A request for a few messages, with its KEM prekey, has the shortest.
const LENGTHS: [usize; 3] = [2 * 1024, 8 * 1024, CONTROL_PLAINTEXT_MAX];
/// One more that is read: the shortest of a device without KEM prekeys.
const SHORTEST_BEFORE_KEM: usize = 512;
/// The longest envelope plaintext that an answer carries: as long as there is any.
const ENVELOPE_PLAINTEXT_MAX: usize = sealwire_crypto::envelope::MAX_ENVELOPE_PLAINTEXT_BYTES;

/// What one device tells another.
#[derive(Clone, PartialEq, Eq)]
pub enum Control {
    /// Messages of the device that is asked could not be read.
    ResendRequest(ResendRequest),
    /// What opens them.
    ResendAnswer(ResendAnswer),
    /// An own device asks for the account key, which it missed when it was linked.
    AccountKeyRequest,
    /// The account key, to an own device.
    AccountKeyAnswer(Zeroizing<[u8; 32]>),
    /// Of a later version: nothing to do.
    Unknown,
}

/// Which messages are asked for.
#[derive(Clone, PartialEq, Eq)]
pub struct ResendRequest {
    /// At most [`RESEND_IDS_MAX`], all of the device that is asked. None where only the session was broken.
    pub messages: Vec<MessageName>,
    /// For the session that the answer comes in.
    pub bundle: FreshBundle,
}

/// A message of the device that is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageName {
    /// Where.
    pub thread_id: ThreadId,
    /// That device's number.
    pub client_seq: ClientSeq,
    /// 0, and one more with each edit.
    pub revision: u32,
}

/// Prekeys of the asking device that the relay never saw; its identity is the one of its account's list.
#[derive(Clone, PartialEq, Eq)]
pub struct FreshBundle {
    /// Its registration.
    pub registration_id: u32,
    /// Of its signed prekey.
    pub signed_prekey_id: u32,
    /// 33 bytes.
    pub signed_prekey: [u8; 33],
    /// By its identity key, over the 33 bytes.
    pub signed_prekey_signature: [u8; 64],
    /// Of its one-time prekey.
    pub one_time_prekey_id: u32,
    /// 33 bytes.
    pub one_time_prekey: [u8; 33],
    /// None from a device that speaks version 3 alone.
    pub kem_prekey: Option<Box<FreshKemPrekey>>,
}

/// A one-time KEM prekey of the asking device that the relay never saw.
#[derive(Clone, PartialEq, Eq)]
pub struct FreshKemPrekey {
    /// Its number.
    pub id: u32,
    /// 1,569 bytes.
    pub key: Vec<u8>,
    /// By the device's identity key, over the 1,569 bytes.
    pub signature: [u8; 64],
}

/// What opens the messages asked for.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct ResendAnswer {
    /// Plaintexts of envelopes: each says itself which message it opens.
    pub envelopes: Vec<Zeroizing<Vec<u8>>>,
    /// What the device no longer has, or never sent to the asking one.
    pub unavailable: Vec<MessageName>,
}

/// Why bytes are no control message, or a control message has no bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ControlError {
    /// It does not begin like one.
    #[error("not the plaintext of a control message")]
    Label,
    /// Longer than any, or its length is not the one it should have.
    #[error("a control message has another length")]
    Length,
    /// Not protobuf, or not of this shape.
    #[error("a control message is malformed")]
    Malformed,
}

impl Control {
    /// The bytes that a session encrypts.
    pub fn encode(&self) -> Result<Zeroizing<Vec<u8>>, ControlError> {
        let message = proto::Control {
            kind: encode_kind(self),
        };
        let body = Zeroizing::new(message.encode_to_vec());
        let whole = LENGTHS
            .into_iter()
            .find(|length| HEADER + body.len() <= *length)
            .ok_or(ControlError::Length)?;
        let length = u16::try_from(body.len()).map_err(|_| ControlError::Length)?;
        let mut bytes = Zeroizing::new(Vec::with_capacity(whole));
        bytes.extend_from_slice(LABEL);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(&body);
        bytes.resize(whole, 0);
        Ok(bytes)
    }

    /// Reads what a session decrypted. What is said after all that this version knows is of no concern to it.
    pub fn decode(bytes: &[u8]) -> Result<Self, ControlError> {
        let rest = bytes.strip_prefix(LABEL).ok_or(ControlError::Label)?;
        if bytes.len() != SHORTEST_BEFORE_KEM && !LENGTHS.contains(&bytes.len()) {
            return Err(ControlError::Length);
        }
        let (length, rest) = rest.split_first_chunk().ok_or(ControlError::Length)?;
        let (body, zeros) = rest
            .split_at_checked(usize::from(u16::from_be_bytes(*length)))
            .ok_or(ControlError::Length)?;
        if zeros.iter().any(|byte| *byte != 0) {
            return Err(ControlError::Length);
        }
        let message = decode_secret::<proto::Control>(body).map_err(|_| ControlError::Malformed)?;
        decode_kind(message.kind)
    }
}

fn encode_kind(control: &Control) -> Option<proto::Kind> {
    Some(match control {
        Control::ResendRequest(request) => {
            proto::Kind::ResendRequest(proto::ResendRequest {
                messages: request.messages.iter().map(encode_name).collect(),
                bundle: Some(proto::FreshBundle {
                    registration_id: request.bundle.registration_id,
                    signed_prekey_id: request.bundle.signed_prekey_id,
                    signed_prekey: request.bundle.signed_prekey.to_vec(),
                    signed_prekey_signature: request.bundle.signed_prekey_signature.to_vec(),
                    one_time_prekey_id: request.bundle.one_time_prekey_id,
                    one_time_prekey: request.bundle.one_time_prekey.to_vec(),
                    kem_prekey: request.bundle.kem_prekey.as_ref().map(|kem| {
                        proto::FreshKemPrekey {
                            id: kem.id,
                            key: kem.key.clone(),
                            signature: kem.signature.to_vec(),
                        }
                    }),
                }),
            })
        }
        Control::ResendAnswer(answer) => proto::Kind::ResendAnswer(proto::ResendAnswer {
            envelopes: answer.envelopes.iter().map(|one| one.to_vec()).collect(),
            unavailable: answer.unavailable.iter().map(encode_name).collect(),
        }),
        Control::AccountKeyRequest => proto::Kind::AccountKeyRequest(proto::AccountKeyRequest {}),
        Control::AccountKeyAnswer(secret) => {
            proto::Kind::AccountKeyAnswer(proto::AccountKeyAnswer {
                account_secret: secret.to_vec(),
            })
        }
        Control::Unknown => return None,
    })
}

fn decode_kind(kind: Option<proto::Kind>) -> Result<Control, ControlError> {
    Ok(match kind {
        None => Control::Unknown,
        Some(proto::Kind::ResendRequest(request)) => Control::ResendRequest(ResendRequest {
            messages: decode_names(&request.messages)?,
            bundle: decode_bundle(&request.bundle.ok_or(ControlError::Malformed)?)?,
        }),
        Some(proto::Kind::ResendAnswer(mut answer)) => {
            let unavailable = decode_names(&answer.unavailable)?;
            let envelopes = std::mem::take(&mut answer.envelopes);
            let envelopes: Vec<_> = envelopes.into_iter().map(Zeroizing::new).collect();
            let too_long = envelopes
                .iter()
                .any(|envelope| envelope.len() > ENVELOPE_PLAINTEXT_MAX);
            if too_long || envelopes.len() + unavailable.len() > RESEND_IDS_MAX {
                return Err(ControlError::Malformed);
            }
            Control::ResendAnswer(ResendAnswer {
                envelopes,
                unavailable,
            })
        }
        Some(proto::Kind::AccountKeyRequest(_)) => Control::AccountKeyRequest,
        Some(proto::Kind::AccountKeyAnswer(answer)) => {
            Control::AccountKeyAnswer(Zeroizing::new(exact(&answer.account_secret)?))
        }
    })
}

fn encode_name(name: &MessageName) -> proto::MessageName {
    proto::MessageName {
        thread_id: name.thread_id.as_bytes().to_vec(),
        client_seq: name.client_seq.0,
        revision: name.revision,
    }
}

fn decode_names(names: &[proto::MessageName]) -> Result<Vec<MessageName>, ControlError> {
    if names.len() > RESEND_IDS_MAX {
        return Err(ControlError::Malformed);
    }
    let decode = |name: &proto::MessageName| {
        Ok(MessageName {
            thread_id: ThreadId::from_bytes(exact(&name.thread_id)?),
            client_seq: ClientSeq(name.client_seq),
            revision: name.revision,
        })
    };
    names.iter().map(decode).collect()
}

fn decode_bundle(bundle: &proto::FreshBundle) -> Result<FreshBundle, ControlError> {
    Ok(FreshBundle {
        registration_id: bundle.registration_id,
        signed_prekey_id: bundle.signed_prekey_id,
        signed_prekey: exact(&bundle.signed_prekey)?,
        signed_prekey_signature: exact(&bundle.signed_prekey_signature)?,
        one_time_prekey_id: bundle.one_time_prekey_id,
        one_time_prekey: exact(&bundle.one_time_prekey)?,
        kem_prekey: bundle
            .kem_prekey
            .as_ref()
            .map(|kem| decode_kem(kem).map(Box::new))
            .transpose()?,
    })
}

fn decode_kem(kem: &proto::FreshKemPrekey) -> Result<FreshKemPrekey, ControlError> {
    if kem.key.len() != KemPublicKey::LENGTH {
        return Err(ControlError::Malformed);
    }
    Ok(FreshKemPrekey {
        id: kem.id,
        key: kem.key.clone(),
        signature: exact(&kem.signature)?,
    })
}

fn exact<const N: usize>(field: &[u8]) -> Result<[u8; N], ControlError> {
    field.try_into().map_err(|_| ControlError::Malformed)
}

#[cfg(test)]
mod tests;
