//! The structs of `proto/control.proto`, written by hand; a test holds them to the file.
//!
//! No Debug: what they carry opens messages.

use zeroize::{Zeroize, ZeroizeOnDrop};

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct Control {
    #[prost(oneof = "Kind", tags = "1, 2, 3, 4")]
    pub(super) kind: Option<Kind>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
#[prost(skip_debug)]
pub(super) enum Kind {
    #[prost(message, tag = "1")]
    ResendRequest(ResendRequest),
    #[prost(message, tag = "2")]
    ResendAnswer(ResendAnswer),
    #[prost(message, tag = "3")]
    AccountKeyRequest(AccountKeyRequest),
    #[prost(message, tag = "4")]
    AccountKeyAnswer(AccountKeyAnswer),
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct ResendRequest {
    #[prost(message, repeated, tag = "1")]
    pub(super) messages: Vec<MessageName>,
    #[prost(message, optional, tag = "2")]
    pub(super) bundle: Option<FreshBundle>,
}

#[derive(Clone, PartialEq, prost::Message, Zeroize)]
#[prost(skip_debug)]
pub(super) struct MessageName {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) thread_id: Vec<u8>,
    #[prost(uint64, tag = "2")]
    pub(super) client_seq: u64,
    #[prost(uint32, tag = "3")]
    pub(super) revision: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct FreshBundle {
    #[prost(uint32, tag = "1")]
    pub(super) registration_id: u32,
    #[prost(uint32, tag = "2")]
    pub(super) signed_prekey_id: u32,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) signed_prekey: Vec<u8>,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) signed_prekey_signature: Vec<u8>,
    #[prost(uint32, tag = "5")]
    pub(super) one_time_prekey_id: u32,
    #[prost(bytes = "vec", tag = "6")]
    pub(super) one_time_prekey: Vec<u8>,
    #[prost(message, optional, tag = "7")]
    pub(super) kem_prekey: Option<FreshKemPrekey>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct FreshKemPrekey {
    #[prost(uint32, tag = "1")]
    pub(super) id: u32,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) key: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) signature: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message, Zeroize, ZeroizeOnDrop)]
#[prost(skip_debug)]
pub(super) struct ResendAnswer {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(super) envelopes: Vec<Vec<u8>>,
    #[prost(message, repeated, tag = "2")]
    pub(super) unavailable: Vec<MessageName>,
}

#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct AccountKeyRequest {}

#[derive(Clone, PartialEq, prost::Message, Zeroize, ZeroizeOnDrop)]
#[prost(skip_debug)]
pub(super) struct AccountKeyAnswer {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) account_secret: Vec<u8>,
}
