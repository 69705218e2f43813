//! The protobuf messages of `proto/device.proto`, written by hand so that building needs no compiler of them.

/// `DeviceEntryPayload`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct EntryPayload {
    #[prost(string, tag = "1")]
    pub(super) user_id: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) account_key: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub(super) device_id: u32,
    #[prost(uint32, tag = "4")]
    pub(super) registration_id: u32,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) identity_key: Vec<u8>,
    #[prost(uint64, tag = "6")]
    pub(super) added_at_ms: u64,
    #[prost(uint32, repeated, tag = "7")]
    pub(super) protocol_versions: Vec<u32>,
    #[prost(string, repeated, tag = "8")]
    pub(super) features: Vec<String>,
}

/// `SignedDeviceEntry`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SignedEntry {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) payload: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) account_signature: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) device_signature: Vec<u8>,
}

/// `DeviceListPayload`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct ListPayload {
    #[prost(string, tag = "1")]
    pub(super) user_id: String,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) account_key: Vec<u8>,
    #[prost(uint64, tag = "3")]
    pub(super) version: u64,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) prev_hash: Vec<u8>,
    #[prost(uint64, tag = "5")]
    pub(super) issued_at_ms: u64,
    #[prost(message, repeated, tag = "6")]
    pub(super) entries: Vec<SignedEntry>,
    #[prost(bool, tag = "7")]
    pub(super) recovery: bool,
}

/// `SignedDeviceList`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SignedList {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) payload: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) account_signature: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub(super) signer_device_id: u32,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) signer_signature: Vec<u8>,
}

/// `RegistrationGrantPayload`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct GrantPayload {
    #[prost(string, tag = "1")]
    pub(super) user_id: String,
    #[prost(uint32, tag = "2")]
    pub(super) device_id: u32,
    #[prost(bytes = "vec", tag = "3")]
    pub(super) nonce: Vec<u8>,
    #[prost(uint64, tag = "4")]
    pub(super) expires_at_ms: u64,
}

/// `SignedRegistrationGrant`.
#[derive(Clone, PartialEq, prost::Message)]
pub(super) struct SignedGrant {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) payload: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) account_signature: Vec<u8>,
    #[prost(uint32, tag = "3")]
    pub(super) signer_device_id: u32,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) device_signature: Vec<u8>,
}
