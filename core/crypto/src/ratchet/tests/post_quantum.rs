//! Sessions of version 4: which prekeys they use up, and that nobody talks a device into version 3.

use super::*;
use crate::keys::KemKeyPair;
use crate::ratchet::*;

#[test]
fn a_session_is_of_version_4_unless_the_bundle_lacks_a_kem_prekey() {
    for (version, byte) in [(Version::Pqxdh, 0x44), (Version::X3dh, 0x34)] {
        let (mut alice, mut bob) = talking_pair_of(version);
        assert_eq!(alice.send(b"x").body[0], byte);
        assert_eq!(bob.send(b"x").body[0], byte);
        let current = alice.record.as_ref().unwrap().current_version();
        assert_eq!(current.map(Version::number), Some(byte >> 4));
    }
}

#[test]
fn a_bundle_of_version_3_is_refused_by_default() {
    let (mut alice, mut bob) = pair_of(Version::X3dh);
    alice.policy = SessionPolicy::default();
    let bundle = bob.bundle(Some(100));
    assert_eq!(alice.begin_from(&bundle), Err(AgreementError::X3dhRefused));
    assert!(alice.record.is_none());
    alice.policy = SessionPolicy::allow_x3dh();
    assert_eq!(alice.begin_from(&bundle), Ok(()));
}

#[test]
fn a_message_that_begins_a_session_of_version_3_is_refused_by_default() {
    let (mut alice, mut bob) = pair_of(Version::X3dh);
    alice.begin_with(&mut bob);
    let hello = alice.send(b"hello");
    bob.policy = SessionPolicy::default();
    assert_eq!(bob.receive(&alice, &hello), Err(OpenError::X3dhRefused));
    assert!(bob.record.is_none());
    assert_eq!(bob.one_time.len(), 10);
    bob.policy = SessionPolicy::allow_x3dh();
    assert_eq!(bob.receive(&alice, &hello).unwrap(), b"hello");
}

#[test]
fn sessions_of_version_3_that_are_held_go_on_under_any_policy() {
    let (mut alice, mut bob) = pair_of(Version::X3dh);
    alice.begin_with(&mut bob);
    let (first, repeated) = (alice.send(b"first"), alice.send(b"repeated"));
    bob.receive(&alice, &first).unwrap();
    (alice.policy, bob.policy) = (SessionPolicy::default(), SessionPolicy::default());
    assert_eq!(bob.receive(&alice, &repeated).unwrap(), b"repeated");
    let reply = bob.send(b"reply");
    assert_eq!(alice.receive(&bob, &reply).unwrap(), b"reply");
}

#[test]
fn a_device_that_allows_version_3_still_begins_version_4_where_it_can() {
    let (mut alice, mut bob) = pair();
    alice.policy = SessionPolicy::allow_x3dh();
    alice.begin_with(&mut bob);
    assert_eq!(alice.send(b"x").body[0], 0x44);
}

#[test]
fn one_time_prekeys_are_used_up_and_the_last_resort_is_not() {
    for (one_time, kem) in [
        (Some(100), 200),
        (Some(100), LAST_RESORT),
        (None, 200),
        (None, LAST_RESORT),
    ] {
        let (mut alice, mut bob) = pair();
        let bundle = bob.bundle_with(one_time, kem);
        alice.begin_from(&bundle).unwrap();
        let hello = alice.send(b"hello");
        let message = PreKeyMessage::parse(&hello.body).unwrap();
        assert_eq!(message.one_time_prekey_id(), one_time);
        assert_eq!(message.kem_prekey_id(), Some(kem));
        bob.receive(&alice, &hello).unwrap();
        assert_eq!(bob.one_time.contains_key(&100), one_time.is_none());
        assert_eq!(bob.kem.contains_key(&200), kem == LAST_RESORT);
        assert!(bob.kem.contains_key(&LAST_RESORT));
        let began = bob.began.pop().unwrap();
        assert_eq!(began.base_key, message.base_key());
        assert_eq!(began.kem_prekey_id, Some(kem));
        // Nothing but the name keeps a first message from opening again, if no key of it was used up.
        let recorded = one_time.is_none() && kem == LAST_RESORT;
        assert_eq!(began.had_one_time, !recorded);
        bob.record = None;
        let again = bob.receive(&alice, &hello);
        assert_eq!(again.is_ok(), recorded, "the caller compares the names");
    }
}

#[test]
fn a_session_of_version_3_has_no_kem_prekey_to_remember() {
    let (mut alice, mut bob) = pair_of(Version::X3dh);
    alice.begin_with(&mut bob);
    let hello = alice.send(b"hello");
    bob.receive(&alice, &hello).unwrap();
    assert_eq!(bob.began.pop().unwrap().kem_prekey_id, None);
}

#[test]
fn a_message_to_a_kem_prekey_that_is_gone_is_refused() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    let hello = alice.send(b"hello");
    let kem = bob.kem.remove(&200).unwrap();
    assert_eq!(bob.receive(&alice, &hello), Err(OpenError::PreKeyMissing));
    bob.kem.insert(200, kem);
    assert_eq!(bob.receive(&alice, &hello).unwrap(), b"hello");
}

/// The secret of the KEM is part of the root: without it the four agreements of X25519 open nothing.
#[test]
fn another_kem_secret_opens_nothing() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    let hello = alice.send(b"hello");
    let other = KemKeyPair::generate(200, &mut bob.rng);
    let kem = bob.kem.insert(200, other).unwrap();
    assert_eq!(bob.receive(&alice, &hello), Err(OpenError::NotAuthentic));
    bob.kem.insert(200, kem);
    assert_eq!(bob.receive(&alice, &hello).unwrap(), b"hello");
}

#[test]
fn further_messages_name_the_same_kem_prekey_and_ciphertext() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    let (first, second) = (alice.send(b"first"), alice.send(b"second"));
    bob.receive(&alice, &first).unwrap();
    let message = PreKeyMessage::parse(&second.body).unwrap();
    let mut other_id = message.clone();
    other_id.prekeys.kem.as_mut().unwrap().prekey_id = 201;
    let mut other_ciphertext = message.clone();
    let key = bob.kem[&201].public();
    let (ciphertext, _) = key.encapsulate(&mut alice.rng).unwrap();
    other_ciphertext.prekeys.kem.as_mut().unwrap().ciphertext = ciphertext;
    bob.reopen();
    let record = bob.record.clone().unwrap();
    for renamed in [other_id, other_ciphertext] {
        let refused = open_repeated(&record, &renamed, None, &mut bob.rng);
        assert_eq!(refused.err(), Some(OpenError::NotAuthentic));
    }
    assert_eq!(bob.receive(&alice, &second).unwrap(), b"second");
}

#[test]
fn an_archived_session_of_version_3_opens_beside_a_new_one_of_version_4() {
    let (mut alice, mut bob) = talking_pair_of(Version::X3dh);
    let in_flight = bob.send(b"of before");
    // The peer gains version 4.
    bob.kem
        .insert(LAST_RESORT, KemKeyPair::generate(LAST_RESORT, &mut bob.rng));
    alice.policy = SessionPolicy::default();
    alice.begin_with(&mut bob);
    let hello = alice.send(b"hello");
    assert_eq!(hello.body[0], 0x44);
    assert_eq!(bob.receive(&alice, &hello).unwrap(), b"hello");
    assert_eq!(alice.receive(&bob, &in_flight).unwrap(), b"of before");
    let reply = bob.send(b"reply");
    assert_eq!(reply.body[0], 0x44);
    assert_eq!(alice.receive(&bob, &reply).unwrap(), b"reply");
}
