//! The body inside a message's ciphertext (`proto/content.proto`), which the relay never sees.
//!
//! Two layers: private structs that mirror the protobuf, and the types here, which can only hold what makes sense.
//! A kind that this version does not know is kept as [`Kind::Unknown`], never dropped.

use crate::{AttachmentId, ClientSeq, DeviceId, MessageId, UserId};
use prost::Message as _;
use sealwire_crypto::protobuf::decode_secret;

mod pointer;
mod proto;

pub use pointer::{AttachmentPointer, MediaFacts};

/// What one message says.
#[derive(Clone, PartialEq, Eq)]
pub struct Body {
    /// With the sender's user id the mark against repeats, also across relinks.
    pub uid: Uid,
    /// The message that this one answers.
    pub target: Option<Target>,
    /// Seconds until it disappears.
    pub ttl_seconds: Option<u32>,
    /// This device's last message in the thread that the relay had accepted when this one was sealed.
    pub prev: Option<Previous>,
    /// The thread as the sender knew it.
    pub thread: ThreadFacts,
    /// The content proper.
    pub kind: Kind,
}

/// 16 bytes that name a message of its sender for ever: six of the sender's clock, so that neighbours in time are neighbours in
/// an index, and ten random ones.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uid(pub [u8; 16]);

/// Another message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// As the relay minted it.
    pub message_id: MessageId,
    /// SHA-256 of its ciphertext, revision 0.
    pub digest: [u8; 32],
    /// Its sender's device.
    pub device_id: DeviceId,
    /// That device's number.
    pub client_seq: ClientSeq,
}

/// The message before, of the same device in the same thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Previous {
    /// Its number.
    pub client_seq: ClientSeq,
    /// SHA-256 of its ciphertext.
    pub digest: [u8; 32],
}

/// The thread as the sender knew it.
#[derive(Clone, PartialEq, Eq)]
pub enum ThreadFacts {
    /// 1:1.
    Direct {
        /// The other user.
        to: UserId,
    },
    /// The membership chain as the sender held it.
    Group {
        /// The newest change.
        chain_seq: u64,
        /// Its hash.
        chain_hash: [u8; 32],
    },
}

/// The content proper.
#[derive(Clone, PartialEq, Eq)]
pub enum Kind {
    /// Words.
    Text(String),
    /// A file, with an optional caption.
    Attachment {
        /// Where it lies and how it opens.
        file: Box<AttachmentPointer>,
        /// May be empty.
        caption: String,
    },
    /// Of a later version: kept as received, shown when this device can.
    Unknown,
}

/// Why bytes are not a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// Not protobuf, or not of this shape.
    #[error("the body is not valid protobuf")]
    Protobuf,
    /// A field is missing or has the wrong length.
    #[error("the body's field {0} is missing or malformed")]
    Field(&'static str),
}

impl Body {
    /// The bytes that the content cipher seals.
    pub fn encode(&self) -> Vec<u8> {
        proto::Body {
            uid: self.uid.0.to_vec(),
            target: self.target.as_ref().map(encode_target),
            ttl_seconds: self.ttl_seconds,
            prev: self.prev.as_ref().map(|prev| proto::Previous {
                client_seq: prev.client_seq.0,
                digest: prev.digest.to_vec(),
            }),
            thread: Some(encode_thread(&self.thread)),
            kind: encode_kind(&self.kind),
        }
        .encode_to_vec()
    }

    /// The body of these bytes. A kind of a later version becomes [`Kind::Unknown`].
    pub fn decode(bytes: &[u8]) -> Result<Self, BodyError> {
        let body = decode_secret::<proto::Body>(bytes).map_err(|_| BodyError::Protobuf)?;
        Ok(Self {
            uid: Uid(fixed("uid", &body.uid)?),
            target: body.target.map(decode_target).transpose()?,
            ttl_seconds: body.ttl_seconds,
            prev: body.prev.map(decode_previous).transpose()?,
            thread: decode_thread(body.thread.ok_or(BodyError::Field("thread"))?)?,
            kind: decode_kind(body.kind)?,
        })
    }
}

fn encode_target(target: &Target) -> proto::Target {
    proto::Target {
        message_id: target.message_id.to_bytes().to_vec(),
        digest: target.digest.to_vec(),
        device_id: target.device_id.get(),
        client_seq: target.client_seq.0,
    }
}

fn decode_target(target: proto::Target) -> Result<Target, BodyError> {
    Ok(Target {
        message_id: MessageId::from_bytes(fixed("target.message_id", &target.message_id)?),
        digest: fixed("target.digest", &target.digest)?,
        device_id: DeviceId::new(target.device_id)
            .map_err(|_| BodyError::Field("target.device_id"))?,
        client_seq: ClientSeq(target.client_seq),
    })
}

fn decode_previous(prev: proto::Previous) -> Result<Previous, BodyError> {
    Ok(Previous {
        client_seq: ClientSeq(prev.client_seq),
        digest: fixed("prev.digest", &prev.digest)?,
    })
}

fn encode_thread(thread: &ThreadFacts) -> proto::Thread {
    match thread {
        ThreadFacts::Direct { to } => proto::Thread::Direct(proto::Direct {
            to: to.as_str().to_owned(),
        }),
        ThreadFacts::Group {
            chain_seq,
            chain_hash,
        } => proto::Thread::Group(proto::Group {
            chain_seq: *chain_seq,
            chain_hash: chain_hash.to_vec(),
        }),
    }
}

fn decode_thread(thread: proto::Thread) -> Result<ThreadFacts, BodyError> {
    Ok(match thread {
        proto::Thread::Direct(direct) => ThreadFacts::Direct {
            to: direct
                .to
                .parse()
                .map_err(|_| BodyError::Field("direct.to"))?,
        },
        proto::Thread::Group(group) => ThreadFacts::Group {
            chain_seq: group.chain_seq,
            chain_hash: fixed("group.chain_hash", &group.chain_hash)?,
        },
    })
}

fn encode_kind(kind: &Kind) -> Option<proto::Kind> {
    match kind {
        Kind::Text(text) => Some(proto::Kind::Text(proto::Text { text: text.clone() })),
        Kind::Attachment { file, caption } => {
            Some(proto::Kind::Attachment(Box::new(proto::Attachment {
                file: Some(file.to_proto()),
                caption: caption.clone(),
            })))
        }
        Kind::Unknown => None,
    }
}

fn decode_kind(kind: Option<proto::Kind>) -> Result<Kind, BodyError> {
    Ok(match kind {
        Some(proto::Kind::Text(text)) => Kind::Text(text.text),
        Some(proto::Kind::Attachment(attachment)) => Kind::Attachment {
            file: Box::new(AttachmentPointer::from_proto(
                attachment.file.ok_or(BodyError::Field("attachment.file"))?,
            )?),
            caption: attachment.caption,
        },
        None => Kind::Unknown,
    })
}

/// Exactly `N` bytes, or the name of the field that has not.
fn fixed<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], BodyError> {
    bytes.try_into().map_err(|_| BodyError::Field(field))
}

fn attachment_id(text: &str) -> Result<AttachmentId, BodyError> {
    text.parse().map_err(|_| BodyError::Field("attachment_id"))
}

#[cfg(test)]
mod tests;
