//! How protobuf is read. Prost takes every field of bytes out of its input before it copies it into its place. Out of a slice that is
//! a copy, which is given back unwiped; out of a shared buffer it is a part of it, and the buffer can wipe itself.

use prost::bytes::Bytes;
use prost::{DecodeError, Message};
use zeroize::Zeroizing;

/// Reads a message that secrets may stand in: no copy but its own fields is left of them.
pub fn decode_secret<M: Message + Default>(bytes: &[u8]) -> Result<M, DecodeError> {
    M::decode(Bytes::from_owner(Zeroizing::new(bytes.to_vec())))
}

/// Reads a message that everybody may see. Of the same kind of buffer, so that the code to read one is built once.
pub(crate) fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, DecodeError> {
    M::decode(Bytes::copy_from_slice(bytes))
}
