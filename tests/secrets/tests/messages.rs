//! What a message carries of keys, from its bytes to what an app is shown, is wiped on every way there.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests")]

use sealwire_engine::{Message, MessageContent};
use sealwire_secrets::{Found, Watching, drop_and_look, freed_while};
use sealwire_store::{LocalId, MessageKind, MessageState, NewMessage, SecretBytes};
use sealwire_wire::content::{AttachmentPointer, Body, Kind, MediaFacts, ThreadFacts, Uid};
use sealwire_wire::control::Control;
use sealwire_wire::{ClientSeq, DeviceId, ThreadId, Timestamp};
use zeroize::Zeroizing;

#[global_allocator]
static WATCHING: Watching = Watching;

const KEY: [u8; 32] = *b"the key of a file that was sent.";
const THUMBNAIL_KEY: [u8; 32] = *b"the key of a small picture of it";
const FRANKING_KEY: [u8; 32] = *b"what opens a message's promise..";

fn pointer(key: [u8; 32], thumbnail: Option<Box<AttachmentPointer>>) -> AttachmentPointer {
    AttachmentPointer {
        attachment_id: "0190a5d8f5b97c2e8f0a1b2c3d4e5f60".parse().unwrap(),
        key,
        nonce_prefix: [1; 7],
        digest: [2; 32],
        size: 3,
        chunk_size: 65_536,
        mime: "image/png".to_owned(),
        name: "a picture".to_owned(),
        media: MediaFacts::default(),
        thumbnail,
    }
}

fn body() -> Body {
    Body {
        uid: Uid([4; 16]),
        target: None,
        ttl_seconds: None,
        prev: None,
        thread: ThreadFacts::Direct {
            to: "peer".parse().unwrap(),
        },
        kind: Kind::Attachment {
            file: Box::new(pointer(KEY, Some(Box::new(pointer(THUMBNAIL_KEY, None))))),
            caption: "look".to_owned(),
        },
    }
}

/// `Content` of docs/protocol: the body and the franking key.
fn kept() -> Vec<u8> {
    let body = body().encode();
    let mut kept = vec![
        0x0a,
        (body.len() & 0x7f | 0x80) as u8,
        (body.len() >> 7) as u8,
    ];
    kept.extend(body);
    kept.extend([0x12, 32]);
    kept.extend(FRANKING_KEY);
    kept
}

fn row() -> NewMessage {
    NewMessage {
        thread: ThreadId::from_bytes([5; 16]),
        sender: "peer".parse().unwrap(),
        sender_device: DeviceId::new(1).unwrap(),
        client_seq: ClientSeq(1),
        revision: 0,
        message_id: None,
        uid: Some(Uid([4; 16])),
        kind: MessageKind::Attachment,
        state: MessageState::Received,
        reason: None,
        content: Some(SecretBytes::new(kept())),
        text: None,
        commitment: None,
        stamp: None,
        digest: None,
        prev: None,
        created_at: None,
        local_at: Timestamp::default(),
    }
}

#[test]
fn what_is_freed_unwiped_is_found() {
    let (_, freed) = freed_while(&KEY, || body().encode().len());
    assert!(freed, "the bytes of a body are its caller's to wrap");
}

#[test]
fn the_pointer_of_a_file() {
    let wiped = |inside| Found {
        inside,
        left: false,
        freed: false,
    };
    assert_eq!(drop_and_look(pointer(KEY, None), &KEY), wiped(true));
    assert_eq!(drop_and_look(body(), &KEY), wiped(false));
    assert_eq!(drop_and_look(body(), &THUMBNAIL_KEY), wiped(false));
}

#[test]
fn a_body_that_is_written_and_read() {
    for key in [KEY, THUMBNAIL_KEY] {
        let body = body();
        let (bytes, freed) = freed_while(&key, || body.encode());
        assert!(!freed && bytes.windows(32).any(|window| window == key));
        let (read, freed) = freed_while(&key, || Body::decode(&bytes));
        assert!(!freed && read.is_ok_and(|read| read == body));
    }
}

#[test]
fn an_account_key_that_another_device_sends() {
    let answer = Control::AccountKeyAnswer(Zeroizing::new(KEY));
    let (bytes, freed) = freed_while(&KEY, || answer.encode().unwrap());
    assert!(!freed && bytes.windows(32).any(|window| window == KEY));
    let (read, freed) = freed_while(&KEY, || Control::decode(&bytes));
    assert!(!freed && read.is_ok());
    assert!(!drop_and_look(answer, &KEY).left);
    assert!(!drop_and_look(bytes, &KEY).freed);
}

#[test]
fn a_body_that_is_refused() {
    let mut bytes = body().encode();
    // The digest of the file, which comes after the key, is named as another field.
    let digest = bytes.windows(3).position(|window| window == [0x22, 32, 2]);
    bytes[digest.unwrap()] = 0x7a;
    let (read, freed) = freed_while(&KEY, || Body::decode(&bytes));
    assert!(!freed && read.is_err());
}

#[test]
fn a_row_that_is_shown() {
    for secret in [KEY, THUMBNAIL_KEY, FRANKING_KEY] {
        assert!(!drop_and_look(row(), &secret).freed);
        let row = row();
        let (shown, freed) = freed_while(&secret, || {
            Message::from_row(sealwire_store::Message::of_somebody_else(LocalId(1), row))
        });
        assert!(!freed);
        let shown = shown.content;
        assert!(matches!(&shown, MessageContent::Attachment { file, .. } if file.key == KEY));
    }
}
