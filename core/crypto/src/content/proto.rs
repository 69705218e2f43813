//! `Content` of `proto/content.proto`.

use zeroize::{Zeroize, ZeroizeOnDrop};

/// Tags and lengths around a body of at most 65,535 bytes (1 + 3), and the franking key with its own (2 + 32).
pub(super) const MAX_OVERHEAD: usize = 38;

/// `Content`.
#[derive(Clone, PartialEq, prost::Message, Zeroize, ZeroizeOnDrop)]
#[prost(skip_debug)]
pub(super) struct Content {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) body: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) franking_key: Vec<u8>,
}
