//! Holds the handwritten messages to the `.proto` files that describe them.

use prost::Message;
use prost_reflect::{DescriptorPool, DynamicMessage};
use std::path::Path;

/// Asserts that `message`, in which every field is set, is read by the description without rest and written the same.
///
/// `oneofs` is how many of the described fields cannot be set beside another.
pub(crate) fn assert_described(file: &str, name: &str, message: &impl Message, oneofs: usize) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("proto");
    let files = protox::compile([file], [&folder]).unwrap();
    let pool = DescriptorPool::from_file_descriptor_set(files).unwrap();
    let descriptor = pool.get_message_by_name(name).unwrap();
    let bytes = message.encode_to_vec();
    let read = DynamicMessage::decode(descriptor.clone(), bytes.as_slice()).unwrap();
    assert_eq!(
        read.unknown_fields().count(),
        0,
        "{name} has fields that {file} lacks"
    );
    let set = descriptor
        .fields()
        .filter(|field| read.has_field(field))
        .count();
    assert_eq!(
        set + oneofs,
        descriptor.fields().count(),
        "{name} lacks fields of {file}"
    );
    assert_eq!(read.encode_to_vec(), bytes);
}
