use super::*;
use proptest::prelude::*;
use prost_reflect::{DescriptorPool, DynamicMessage};

fn pointer() -> AttachmentPointer {
    AttachmentPointer {
        attachment_id: "att_1".parse().unwrap(),
        key: [1; 32],
        nonce_prefix: [2; 7],
        digest: [3; 32],
        size: 300_000,
        chunk_size: 65_536,
        mime: "image/png".to_owned(),
        name: "lake.png".to_owned(),
        media: MediaFacts {
            width: Some(640),
            height: Some(480),
            duration_ms: Some(0),
            blurhash: Some("LEHV6n".to_owned()),
            waveform: Some([9; 64]),
        },
        thumbnail: None,
    }
}

fn full(kind: Kind, thread: ThreadFacts) -> Body {
    Body {
        uid: Uid([7; 16]),
        target: Some(Target {
            message_id: MessageId::from_u128(5),
            digest: [8; 32],
            device_id: DeviceId::FIRST,
            client_seq: ClientSeq(3),
        }),
        ttl_seconds: Some(0),
        prev: Some(Previous {
            client_seq: ClientSeq(2),
            digest: [4; 32],
        }),
        thread,
        kind,
    }
}

fn every_shape() -> Vec<Body> {
    let direct = ThreadFacts::Direct {
        to: "bob".parse().unwrap(),
    };
    let group = ThreadFacts::Group {
        chain_seq: 9,
        chain_hash: [5; 32],
    };
    let mut file = pointer();
    file.thumbnail = Some(Box::new(pointer()));
    vec![
        full(Kind::Text("Grüße, 世界".to_owned()), direct.clone()),
        full(
            Kind::Attachment {
                file: Box::new(file),
                caption: "see".to_owned(),
            },
            group,
        ),
        full(Kind::Unknown, direct),
    ]
}

#[test]
fn every_shape_survives_the_way_through_bytes() {
    for body in every_shape() {
        assert!(Body::decode(&body.encode()).unwrap() == body);
    }
}

#[test]
fn the_structs_agree_with_the_proto_file() {
    let files = protox::compile(["proto/content.proto"], ["proto"]).unwrap();
    let pool = DescriptorPool::from_file_descriptor_set(files).unwrap();
    let descriptor = pool
        .get_message_by_name("sealwire.content.v1.Body")
        .unwrap();
    for body in every_shape() {
        let bytes = body.encode();
        let read = DynamicMessage::decode(descriptor.clone(), bytes.as_slice()).unwrap();
        assert_eq!(read.unknown_fields().count(), 0);
        let again = prost::Message::encode_to_vec(&read);
        assert!(Body::decode(&again).unwrap() == body);
    }
}

#[test]
fn a_kind_of_a_later_version_is_kept_as_unknown() {
    let mut bytes = full(
        Kind::Unknown,
        ThreadFacts::Direct {
            to: "bob".parse().unwrap(),
        },
    )
    .encode();
    // Field 40, length-delimited, one byte.
    bytes.extend_from_slice(&[0xc2, 0x02, 0x01, 0x00]);
    assert!(Body::decode(&bytes).unwrap().kind == Kind::Unknown);
}

#[test]
fn a_body_without_its_mark_or_thread_is_refused() {
    assert_eq!(Body::decode(&[]).err(), Some(BodyError::Field("uid")));
    let mut nested = pointer();
    nested.thumbnail = Some(Box::new({
        let mut inner = pointer();
        inner.thumbnail = Some(Box::new(pointer()));
        inner
    }));
    let deep = full(
        Kind::Attachment {
            file: Box::new(nested),
            caption: String::new(),
        },
        ThreadFacts::Direct {
            to: "bob".parse().unwrap(),
        },
    );
    assert_eq!(
        Body::decode(&deep.encode()).err(),
        Some(BodyError::Field("thumbnail"))
    );
}

proptest! {
    #[test]
    fn any_bytes_are_a_body_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        if let Ok(body) = Body::decode(&bytes) {
            prop_assert!(Body::decode(&body.encode()).unwrap() == body);
        }
    }

    #[test]
    fn a_flipped_byte_never_panics(at in 0usize..200, with in 1u8..) {
        for body in every_shape() {
            let mut bytes = body.encode();
            let at = at % bytes.len();
            bytes[at] ^= with;
            let _ = Body::decode(&bytes);
        }
    }
}
