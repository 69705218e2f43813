//! The protobuf messages of `proto/linking.proto`.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// `LinkSlot`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Slot {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) ephemeral_key: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) sealed: Vec<u8>,
}

/// `LinkMessage`.
#[derive(Clone, PartialEq, prost::Message)]
#[prost(skip_debug)]
pub(super) struct Message {
    #[prost(oneof = "Step", tags = "1, 2, 3, 4")]
    pub(super) step: Option<Step>,
}

/// The steps of `LinkMessage`.
#[derive(Clone, PartialEq, prost::Oneof)]
#[prost(skip_debug)]
pub(super) enum Step {
    #[prost(message, tag = "1")]
    Offer(Offer),
    #[prost(message, tag = "2")]
    Answer(Answer),
    #[prost(message, tag = "3")]
    Finish(Finish),
    #[prost(message, tag = "4")]
    Declined(Declined),
}

/// `LinkOffer`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Offer {
    #[prost(string, tag = "1")]
    pub(super) user_id: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) account_key: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub(super) device_id: u32,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) grant: Vec<u8>,
}

/// `LinkAnswer`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Answer {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) identity_key: Vec<u8>,
    #[prost(uint32, tag = "2")]
    pub(super) registration_id: u32,
    #[prost(uint32, repeated, tag = "3")]
    pub(super) protocol_versions: Vec<u32>,
    #[prost(string, repeated, tag = "4")]
    pub(super) features: Vec<String>,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) device_signature: Vec<u8>,
}

/// `LinkFinish`.
#[derive(Clone, PartialEq, prost::Message, Zeroize, ZeroizeOnDrop)]
#[prost(skip_debug)]
pub(super) struct Finish {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) account_secret: Vec<u8>,
}

/// `LinkDeclined`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct Declined {}
