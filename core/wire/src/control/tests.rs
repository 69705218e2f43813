use super::*;
use crate::content::{Body, Kind, ThreadFacts, Uid};
use proptest::prelude::*;
use prost_reflect::{DescriptorPool, DynamicMessage};
use sealwire_crypto::content::ContentKey;
use sealwire_crypto::envelope::EnvelopePlaintext;

fn name(number: u64) -> MessageName {
    MessageName {
        thread_id: ThreadId::from_bytes([9; 16]),
        client_seq: ClientSeq(number),
        revision: 0,
    }
}

fn request(messages: Vec<MessageName>) -> Control {
    Control::ResendRequest(ResendRequest {
        messages,
        bundle: FreshBundle {
            registration_id: u32::MAX,
            signed_prekey_id: 3,
            signed_prekey: [5; 33],
            signed_prekey_signature: [6; 64],
            one_time_prekey_id: 7,
            one_time_prekey: [5; 33],
            kem_prekey: Some(Box::new(FreshKemPrekey {
                id: 8,
                key: vec![9; KemPublicKey::LENGTH],
                signature: [6; 64],
            })),
        },
    })
}

/// Every number at the largest that a store holds.
fn envelope() -> EnvelopePlaintext {
    EnvelopePlaintext {
        key: ContentKey::from_bytes(&[1; 32]),
        digest: [2; 32],
        commitment: [3; 32],
        thread_id: [4; 16],
        client_seq: i64::MAX as u64,
        revision: u32::MAX,
        device_list_version: i64::MAX as u64,
    }
}

fn answer(envelopes: usize) -> Control {
    Control::ResendAnswer(ResendAnswer {
        envelopes: vec![envelope().encode(); envelopes],
        unavailable: vec![name(1); RESEND_IDS_MAX - envelopes],
    })
}

fn every_kind() -> Vec<Control> {
    vec![
        request(vec![name(1), name(u64::MAX)]),
        answer(60),
        Control::AccountKeyRequest,
        Control::AccountKeyAnswer([8; 32].into()),
        Control::Unknown,
    ]
}

fn bytes_of(body: &[u8]) -> Vec<u8> {
    let mut bytes = LABEL.to_vec();
    bytes.extend_from_slice(&(body.len() as u16).to_be_bytes());
    bytes.extend_from_slice(body);
    bytes.resize(512, 0);
    bytes
}

#[test]
fn every_kind_survives_the_way_through_bytes() {
    for control in every_kind() {
        let bytes = control.encode().unwrap();
        assert!(LENGTHS.contains(&bytes.len()));
        assert!(Control::decode(&bytes).unwrap() == control);
    }
}

#[test]
fn no_control_message_is_an_envelope_and_no_envelope_a_control_message() {
    for control in every_kind() {
        let bytes = control.encode().unwrap();
        assert!(EnvelopePlaintext::decode(&bytes).is_err());
        // Nor where the length alone does not say so.
        assert!(EnvelopePlaintext::decode(&bytes[..200]).is_err());
        assert!(Body::decode(&bytes).is_err());
    }
    let refused = Control::decode(&envelope().encode()).err();
    assert_eq!(refused, Some(ControlError::Label));
    let body = Body {
        uid: Uid([7; 16]),
        target: None,
        ttl_seconds: None,
        prev: None,
        thread: ThreadFacts::Direct {
            to: "bob".parse().unwrap(),
        },
        kind: Kind::Text("words".to_owned()),
    };
    let refused = Control::decode(&body.encode()).err();
    assert_eq!(refused, Some(ControlError::Label));
}

#[test]
fn the_longest_request_and_the_longest_answer_fit() {
    for control in [
        request(vec![name(u64::MAX); RESEND_IDS_MAX]),
        answer(RESEND_IDS_MAX),
    ] {
        let bytes = control.encode().unwrap();
        assert!(bytes.len() <= CONTROL_PLAINTEXT_MAX);
        assert!(Control::decode(&bytes).unwrap() == control);
    }
}

#[test]
fn what_is_said_in_few_words_is_equally_long_whatever_it_is() {
    for control in [
        request(vec![name(1)]),
        Control::ResendAnswer(ResendAnswer {
            envelopes: vec![envelope().encode()],
            unavailable: Vec::new(),
        }),
        Control::AccountKeyRequest,
    ] {
        assert_eq!(control.encode().unwrap().len(), 2_048);
    }
}

#[test]
fn a_request_of_a_device_without_kem_prekeys_is_read() {
    let Control::ResendRequest(mut before) = request(vec![name(1)]) else {
        panic!("no request");
    };
    before.bundle.kem_prekey = None;
    let before = Control::ResendRequest(before);
    let message = proto::Control {
        kind: encode_kind(&before),
    };
    assert!(Control::decode(&bytes_of(&message.encode_to_vec())).unwrap() == before);
}

#[test]
fn a_kem_prekey_of_another_length_is_refused() {
    let Control::ResendRequest(mut short) = request(vec![name(1)]) else {
        panic!("no request");
    };
    short.bundle.kem_prekey.as_mut().unwrap().key.pop();
    let short = Control::ResendRequest(short).encode().unwrap();
    assert_eq!(Control::decode(&short).err(), Some(ControlError::Malformed));
}

#[test]
fn more_than_a_hundred_messages_are_refused() {
    let many = request(vec![name(1); RESEND_IDS_MAX + 1]).encode().unwrap();
    assert_eq!(Control::decode(&many).err(), Some(ControlError::Malformed));
    let more = Control::ResendAnswer(ResendAnswer {
        envelopes: vec![vec![0; 3].into()],
        unavailable: vec![name(1); RESEND_IDS_MAX],
    });
    let more = more.encode().unwrap();
    assert_eq!(Control::decode(&more).err(), Some(ControlError::Malformed));
}

#[test]
fn padding_and_length_are_exact() {
    let bytes = Control::AccountKeyRequest.encode().unwrap();
    let mut filled = bytes.to_vec();
    filled[2_047] = 1;
    for wrong in [&bytes[..2_047], &filled, &bytes[..HEADER]] {
        assert_eq!(Control::decode(wrong).err(), Some(ControlError::Length));
    }
}

#[test]
fn a_kind_of_a_later_version_is_kept_as_unknown() {
    // Field 40, length-delimited, one byte.
    let later = bytes_of(&[0xc2, 0x02, 0x01, 0x00]);
    assert!(Control::decode(&later).unwrap() == Control::Unknown);
}

#[test]
fn the_structs_agree_with_the_proto_file() {
    let files = protox::compile(["proto/control.proto"], ["proto"]).unwrap();
    let pool = DescriptorPool::from_file_descriptor_set(files).unwrap();
    let descriptor = pool
        .get_message_by_name("sealwire.control.v1.Control")
        .unwrap();
    for control in every_kind() {
        let message = proto::Control {
            kind: encode_kind(&control),
        };
        let bytes = message.encode_to_vec();
        let read = DynamicMessage::decode(descriptor.clone(), bytes.as_slice()).unwrap();
        assert_eq!(read.unknown_fields().count(), 0);
        assert_eq!(prost::Message::encode_to_vec(&read), bytes);
    }
}

proptest! {
    #[test]
    fn any_bytes_are_a_control_message_or_an_error(body in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Control::decode(&body);
        if let Ok(control) = Control::decode(&bytes_of(&body)) {
            prop_assert!(Control::decode(&control.encode().unwrap()).unwrap() == control);
        }
    }
}
