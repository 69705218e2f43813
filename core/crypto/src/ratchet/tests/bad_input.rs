//! What no honest peer sends, and the answer to each.

use super::*;
use crate::keys::{AccountKey, IdentityKey, KemCiphertext, KeyError, OneTimePreKey, SignedPreKey};
use crate::ratchet::*;

/// A first message of version 4, with the bytes that follow it replaced or extended.
fn first_message() -> (Device, Device, SealedMessage) {
    let (mut alice, mut bob) = pair();
    let bundle = bob.bundle(None);
    alice.begin_from(&bundle).unwrap();
    let message = alice.send(b"hello");
    (alice, bob, message)
}

fn refusal(bytes: &[u8]) -> ParseError {
    PreKeyMessage::parse(bytes).err().unwrap()
}

/// Tag and value of field 7, then tag and length of field 8.
const KEM_FIELDS: [u8; 5] = [7 << 3, LAST_RESORT as u8, 8 << 3 | 2, 0xa1, 0x0c];

fn kem_fields(bytes: &[u8]) -> usize {
    let mut windows = bytes.windows(KEM_FIELDS.len());
    windows.position(|window| window == KEM_FIELDS).unwrap()
}

#[test]
fn version_4_has_both_kem_fields_and_version_3_none() {
    let (.., message) = first_message();
    let bytes = &message.body;
    let at = kem_fields(bytes);
    let without_either = &bytes[..at];
    let without_id = [&bytes[..at], &bytes[at + 2..]].concat();
    let without_ciphertext = &bytes[..at + 2];
    for bytes in [without_either, &without_id, without_ciphertext] {
        assert_eq!(refusal(bytes), ParseError::Malformed);
    }

    let (mut alice, mut bob) = pair_of(Version::X3dh);
    alice.begin_with(&mut bob);
    let version_3 = alice.send(b"hello").body;
    assert!(PreKeyMessage::parse(&version_3).is_ok());
    let fields = &bytes[at..];
    for added in [fields, &fields[..2], &fields[2..]] {
        assert_eq!(
            refusal(&[&version_3, added].concat()),
            ParseError::Malformed
        );
    }
}

#[test]
fn an_unknown_version_or_kem_type_is_named() {
    let (.., message) = first_message();
    for version in [0, 2, 5, 15] {
        let mut bytes = message.body.clone();
        bytes[0] = version << 4 | 4;
        assert_eq!(refusal(&bytes), ParseError::Version(version));
    }
    let kind = kem_fields(&message.body) + KEM_FIELDS.len();
    // Kyber-768, and none that there is.
    for unknown in [0x07, 0x0b, 0xff] {
        let mut bytes = message.body.clone();
        bytes[kind] = unknown;
        assert_eq!(refusal(&bytes), ParseError::UnknownKem(unknown));
    }
}

/// It has no MAC of its own.
#[test]
fn the_version_byte_outside_repeats_the_one_inside() {
    let (.., message) = first_message();
    for outside in [0x33, 0x34, 0x43, 0x45] {
        let mut bytes = message.body.clone();
        bytes[0] = outside;
        assert_eq!(refusal(&bytes), ParseError::Malformed);
    }
}

/// The MAC covers the byte, but which session to ask is said by the version first.
#[test]
fn a_message_of_another_version_than_its_session_has_no_session() {
    let (mut alice, mut bob) = talking_pair();
    let mut message = alice.send(b"x");
    message.body[0] = 0x34;
    assert_eq!(bob.receive(&alice, &message), Err(OpenError::NoSession));
}

#[test]
fn a_ciphertext_of_another_length_is_malformed() {
    let (.., message) = first_message();
    let at = kem_fields(&message.body) + 2;
    let ciphertext = &message.body[at + 3..];
    assert_eq!(ciphertext.len(), KemCiphertext::LENGTH);
    for length in [0u8, 1, 33, 127] {
        let field = [&[8 << 3 | 2, length], &ciphertext[..usize::from(length)]].concat();
        let bytes = [&message.body[..at], &field].concat();
        assert_eq!(refusal(&bytes), ParseError::Malformed);
    }
    let longer = [&[8 << 3 | 2, 0xa2, 0x0c], ciphertext, &[0]].concat();
    let bytes = [&message.body[..at], &longer].concat();
    assert_eq!(refusal(&bytes), ParseError::Malformed);
}

/// Fields of later versions are skipped, as the deployed protocol needs it: the official builds send some. In the message inside the
/// MAC covers them; outside of it nothing reads them.
#[test]
fn a_trailing_field_is_skipped_and_trailing_bytes_that_are_none_are_refused() {
    let (alice, mut bob, message) = first_message();
    let cut = [&message.body[..], &[0xff]].concat();
    assert_eq!(refusal(&cut), ParseError::Malformed);
    let group = [&message.body[..], &[100 << 1 | 7]].concat();
    assert_eq!(refusal(&group), ParseError::Malformed);
    let extended = SealedMessage {
        body: [&message.body[..], &[15 << 3, 1]].concat(),
        ..message
    };
    assert_eq!(bob.receive(&alice, &extended).unwrap(), b"hello");

    let (mut alice, mut bob) = talking_pair();
    let mut message = alice.send(b"x");
    message.body.extend([15 << 3, 1]);
    assert_eq!(bob.receive(&alice, &message), Err(OpenError::Malformed));
}

/// u = 0, 1 and p - 1, and the two coordinates of order eight (RFC 7748, section 6.1, and the list that it cites).
const LOW_ORDER: [&str; 5] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
];

fn low_order() -> impl Iterator<Item = [u8; 33]> {
    LOW_ORDER.into_iter().map(|u| {
        let key = [&[5][..], &hex::decode(u).unwrap()].concat();
        key.try_into().unwrap()
    })
}

fn replaced(bytes: &[u8], key: &[u8], by: &[u8]) -> Vec<u8> {
    let at = bytes
        .windows(key.len())
        .position(|part| part == key)
        .unwrap();
    let mut bytes = bytes.to_vec();
    bytes[at..at + key.len()].copy_from_slice(by);
    bytes
}

#[test]
fn points_of_low_order_open_nothing() {
    let (alice, mut bob, message) = first_message();
    let parsed = PreKeyMessage::parse(&message.body).unwrap();
    for key in [
        parsed.base_key().to_bytes(),
        parsed.identity_key().to_bytes(),
        parsed.message().ratchet_key().to_bytes(),
    ] {
        for point in low_order() {
            let bytes = replaced(&message.body, &key, &point);
            assert_eq!(refusal(&bytes), ParseError::Malformed);
        }
    }
    assert_eq!(bob.receive(&alice, &message).unwrap(), b"hello");
    let ratchet_key = |message: &SealedMessage| {
        let parsed = RatchetMessage::parse(&message.body).unwrap();
        parsed.ratchet_key().to_bytes()
    };
    let reply = bob.send(b"reply");
    for point in low_order() {
        let bytes = replaced(&reply.body, &ratchet_key(&reply), &point);
        assert_eq!(RatchetMessage::parse(&bytes), Err(ParseError::Malformed));
    }
}

/// Under u = 0, the point of order two, anybody signs: half of all s make `sB - hA = sB`. So it is no key of any kind.
#[test]
fn an_identity_or_a_prekey_of_low_order_is_no_key() {
    for point in low_order() {
        let refused = Some(KeyError::LowOrder);
        assert_eq!(IdentityKey::from_bytes(&point).err(), refused);
        assert_eq!(AccountKey::from_bytes(&point).err(), refused);
        assert_eq!(SignedPreKey::from_bytes(&point).err(), refused);
        assert_eq!(OneTimePreKey::from_bytes(&point).err(), refused);
    }
}

#[test]
fn a_key_that_is_not_written_canonically_is_malformed() {
    let (.., message) = first_message();
    let parsed = PreKeyMessage::parse(&message.body).unwrap();
    let mut beyond = [0xff; 33];
    (beyond[0], beyond[1], beyond[32]) = (5, 0xee, 0x7f);
    for key in [
        parsed.base_key().to_bytes(),
        parsed.identity_key().to_bytes(),
        parsed.message().ratchet_key().to_bytes(),
    ] {
        let mut high_bit = key;
        high_bit[32] |= 0x80;
        for spelling in [high_bit, beyond] {
            let bytes = replaced(&message.body, &key, &spelling);
            assert_eq!(refusal(&bytes), ParseError::Malformed);
        }
    }
}

#[test]
fn keys_of_another_length_are_malformed() {
    let (.., message) = first_message();
    let parsed = PreKeyMessage::parse(&message.body).unwrap();
    let key = parsed.base_key().to_bytes();
    let field = [&[2 << 3 | 2, 33], &key[..]].concat();
    let at = message
        .body
        .windows(35)
        .position(|part| part == field)
        .unwrap();
    for length in [0u8, 32, 34] {
        let other = [
            &[2 << 3 | 2, length][..],
            &[&key[..], &[0]].concat()[..usize::from(length)],
        ]
        .concat();
        let bytes = [&message.body[..at], &other, &message.body[at + 35..]].concat();
        assert_eq!(refusal(&bytes), ParseError::Malformed);
    }
}
