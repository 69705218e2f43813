//! No altered bit opens, and no refusal leaves a trace.

use super::*;
use crate::keys::{BaseKey, RatchetKeyPair};
use crate::primitives::edwards::Point;
use crate::ratchet::*;

fn refused_in_every_bit(receiver: &mut Device, sender: &Device, message: &SealedMessage) {
    let (stored, rows, one_time) = (
        receiver.stored(),
        receiver.rows.len(),
        receiver.one_time.len(),
    );
    for bit in bits_of_interest(message) {
        let mut tampered = message.clone();
        tampered.body[bit / 8] ^= 1 << (bit % 8);
        assert!(
            receiver.receive(sender, &tampered).is_err(),
            "bit {bit} of {:02x?}",
            message.body
        );
    }
    assert_eq!(receiver.stored(), stored);
    assert_eq!(receiver.rows.len(), rows);
    assert_eq!(receiver.one_time.len(), one_time);
    assert!(receiver.receive(sender, message).is_ok());
}

/// Every bit; of a KEM ciphertext, all of whose bits are alike, one in a hundred.
fn bits_of_interest(message: &SealedMessage) -> impl Iterator<Item = usize> + use<> {
    let parsed = PreKeyMessage::parse(&message.body).ok();
    let kem = parsed.and_then(|message| message.prekeys.kem);
    let ciphertext = kem.map(|kem| kem.ciphertext.to_bytes());
    let inside = ciphertext.map(|ciphertext| {
        let mut windows = message.body.windows(ciphertext.len());
        let start = windows.position(|window| window == ciphertext).unwrap();
        // The type byte is tried in full.
        (start + 1) * 8..(start + ciphertext.len()) * 8
    });
    (0..message.body.len() * 8).filter(move |bit| {
        !inside.as_ref().is_some_and(|inside| inside.contains(bit)) || bit % 101 == 0
    })
}

#[test]
fn of_an_ordinary_message() {
    let (mut alice, mut bob) = talking_pair();
    let message = alice.send(b"plaintext");
    refused_in_every_bit(&mut bob, &alice, &message);
}

#[test]
fn of_a_message_that_turns_the_ratchet() {
    let (mut alice, mut bob) = talking_pair();
    let turn = alice.send(b"turn");
    bob.receive(&alice, &turn).unwrap();
    let message = bob.send(b"plaintext");
    refused_in_every_bit(&mut alice, &bob, &message);
}

#[test]
fn of_a_late_message() {
    let (mut alice, mut bob) = talking_pair();
    let (late, newer) = (alice.send(b"late"), alice.send(b"newer"));
    bob.receive(&alice, &newer).unwrap();
    refused_in_every_bit(&mut bob, &alice, &late);
}

#[test]
fn of_a_first_message() {
    for (version, one_time) in [
        (Version::X3dh, Some(100)),
        (Version::X3dh, None),
        (Version::Pqxdh, Some(100)),
        (Version::Pqxdh, None),
    ] {
        let (mut alice, mut bob) = pair_of(version);
        let bundle = bob.bundle(one_time);
        alice.begin_from(&bundle).unwrap();
        let message = alice.send(b"plaintext");
        refused_in_every_bit(&mut bob, &alice, &message);
    }
}

#[test]
fn of_a_second_message_that_still_carries_the_beginning() {
    for version in [Version::X3dh, Version::Pqxdh] {
        let (mut alice, mut bob) = pair_of(version);
        alice.begin_with(&mut bob);
        let (first, second) = (alice.send(b"first"), alice.send(b"second"));
        bob.receive(&alice, &first).unwrap();
        refused_in_every_bit(&mut bob, &alice, &second);
    }
}

/// A base key plus a point of small order agrees on the same secrets: as another name it would open a first message again.
#[test]
fn a_second_name_for_the_base_key_is_refused() {
    let (mut alice, mut bob) = pair();
    let bundle = bob.bundle(None);
    alice.begin_from(&bundle).unwrap();
    let message = alice.send(b"plaintext");
    let base_key = PreKeyMessage::parse(&message.body).unwrap().base_key();

    let edwards = |u: &[u8; 32]| curve25519_dalek::MontgomeryPoint(*u).to_edwards(0).unwrap();
    let torsion = curve25519_dalek::constants::EIGHT_TORSION[1];
    let twin = (edwards(base_key.as_public_key().u_coordinate()) + torsion).to_montgomery();
    assert!(
        !Point::from_montgomery(twin.as_bytes(), false)
            .unwrap()
            .is_torsion_free()
    );
    let twin = BaseKey::from_bytes(&[&[5], &twin.as_bytes()[..]].concat()).unwrap();
    let own = RatchetKeyPair::from_secret_bytes(&[3; 32]);
    let agree = |key: &BaseKey| own.pair().agree(key.as_public_key()).unwrap();
    assert_eq!(agree(&twin), agree(&base_key));

    let position = message
        .body
        .windows(33)
        .position(|window| window == base_key.to_bytes())
        .unwrap();
    let mut renamed = message.clone();
    renamed.body[position..position + 33].copy_from_slice(&twin.to_bytes());
    assert_eq!(bob.receive(&alice, &renamed), Err(OpenError::Malformed));
    assert!(bob.receive(&alice, &message).is_ok());
}

#[test]
fn a_message_for_somebody_else_is_refused() {
    let (mut alice, mut bob) = talking_pair();
    let mut eve = Device::new(3, Version::Pqxdh);
    eve.begin_with(&mut bob);
    let hello = eve.send(b"hello");
    let mut bob_with_eve = Device::new(2, Version::Pqxdh);
    bob_with_eve.receive(&eve, &hello).unwrap();
    let for_eve = bob_with_eve.send(b"for eve");
    assert_eq!(alice.receive(&bob, &for_eve), Err(OpenError::NotAuthentic));
    // Nor does a kept key of another message open it.
    let message = RatchetMessage::parse(&for_eve.body).unwrap();
    let session = alice.record.as_ref().unwrap().sessions().next().unwrap();
    let wrong = SkippedKey::new(session, message.ratchet_key(), message.counter(), &[1; 32]);
    let opened = open(
        alice.record.as_ref().unwrap(),
        &message,
        Some(wrong),
        &mut alice.rng,
    );
    assert_eq!(opened.err(), Some(OpenError::NotAuthentic));
}
