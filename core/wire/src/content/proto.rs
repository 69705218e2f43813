//! The structs of `proto/content.proto`, written by hand; a test holds them to the file.
//!
//! No Debug: a body is a plaintext, and plaintexts do not print.

use zeroize::Zeroize;

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct Body {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) uid: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    pub(super) target: Option<Target>,
    #[prost(uint32, optional, tag = "3")]
    pub(super) ttl_seconds: Option<u32>,
    #[prost(message, optional, tag = "4")]
    pub(super) prev: Option<Previous>,
    #[prost(oneof = "Thread", tags = "5, 6")]
    pub(super) thread: Option<Thread>,
    #[prost(oneof = "Kind", tags = "16, 17")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
#[prost(skip_debug)]
pub(super) enum Thread {
    #[prost(message, tag = "5")]
    Direct(Direct),
    #[prost(message, tag = "6")]
    Group(Group),
}

#[derive(Clone, PartialEq, prost::Oneof)]
#[prost(skip_debug)]
pub(super) enum Kind {
    #[prost(message, tag = "16")]
    Text(Text),
    #[prost(message, boxed, tag = "17")]
    Attachment(Box<Attachment>),
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Target {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) message_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) digest: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub(super) device_id: u32,
    #[prost(uint64, tag = "4")]
    pub(super) client_seq: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Previous {
    #[prost(uint64, tag = "1")]
    pub(super) client_seq: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) digest: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Direct {
    #[prost(string, tag = "1")]
    pub(super) to: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Group {
    #[prost(uint64, tag = "1")]
    pub(super) chain_seq: u64,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) chain_hash: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct Text {
    #[prost(string, tag = "1")]
    pub(super) text: String,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct Attachment {
    #[prost(message, optional, tag = "1")]
    pub(super) file: Option<AttachmentPointer>,
    #[prost(string, tag = "2")]
    pub(super) caption: String,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct AttachmentPointer {
    #[prost(string, tag = "1")]
    pub(super) attachment_id: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) nonce_prefix: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) digest: Vec<u8>,
    #[prost(uint64, tag = "5")]
    pub(super) size: u64,
    #[prost(uint32, tag = "6")]
    pub(super) chunk_size: u32,
    #[prost(string, tag = "7")]
    pub(super) mime: String,
    #[prost(string, tag = "8")]
    pub(super) name: String,
    #[prost(uint32, optional, tag = "9")]
    pub(super) width: Option<u32>,
    #[prost(uint32, optional, tag = "10")]
    pub(super) height: Option<u32>,
    #[prost(uint32, optional, tag = "11")]
    pub(super) duration_ms: Option<u32>,
    #[prost(string, optional, tag = "12")]
    pub(super) blurhash: Option<String>,
    #[prost(bytes = "vec", optional, tag = "13")]
    pub(super) waveform: Option<Vec<u8>>,
    #[prost(message, optional, boxed, tag = "14")]
    pub(super) thumbnail: Option<Box<AttachmentPointer>>,
}

impl Drop for AttachmentPointer {
    fn drop(&mut self) {
        self.key.zeroize();
    }
}
