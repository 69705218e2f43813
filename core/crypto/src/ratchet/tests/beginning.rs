//! How sessions begin: from either side, from both at once, and never twice.

use super::*;
use crate::keys::{IdentityKeyPair, SignedPreKeyPair};
use crate::ratchet::*;

#[test]
fn the_first_messages_carry_the_beginning_until_the_peer_answers() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    for text in [b"one", b"two"] {
        let message = alice.send(text);
        assert_eq!(message.kind, MessageKind::PreKey);
        assert_eq!(bob.receive(&alice, &message).unwrap(), text);
    }
    let reply = bob.send(b"reply");
    assert_eq!(reply.kind, MessageKind::Ratchet);
    assert_eq!(alice.receive(&bob, &reply).unwrap(), b"reply");
    assert_eq!(alice.send(b"three").kind, MessageKind::Ratchet);
}

#[test]
fn a_one_time_prekey_is_used_once_and_the_session_needs_it_no_more() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    let (first, second) = (alice.send(b"one"), alice.send(b"two"));
    bob.receive(&alice, &first).unwrap();
    assert!(!bob.one_time.contains_key(&100));
    assert_eq!(bob.began.len(), 1);
    assert_eq!(bob.receive(&alice, &second).unwrap(), b"two");
    assert_eq!(bob.began.len(), 1);
}

#[test]
fn a_session_begins_without_a_one_time_prekey_and_says_so() {
    let (mut alice, mut bob) = pair();
    let bundle = bob.bundle(None);
    alice.begin_from(&bundle).unwrap();
    let message = PreKeyMessage::parse(&alice.send(b"hello").body).unwrap();
    let sender = Sender {
        identity_key: alice.identity.public(),
        registration_id: alice.registration_id,
        policy: SessionPolicy::default(),
    };
    let prekeys = PreKeys {
        signed: &bob.signed,
        one_time: None,
        kem: Some(KemPreKey {
            pair: &bob.kem[&LAST_RESORT],
            last_resort: true,
        }),
    };
    let opened = accept(
        None,
        &bob.identity,
        &sender,
        &message,
        prekeys,
        None,
        &mut bob.rng,
    )
    .ok()
    .unwrap();
    assert_eq!(*opened.plaintext, b"hello");
    assert_eq!(opened.consumed_one_time, None);
    assert_eq!(opened.consumed_one_time_kem, None);
    assert_eq!(
        opened.began,
        Some(BeganSession {
            base_key: message.base_key(),
            signed_prekey_id: 10,
            kem_prekey_id: Some(LAST_RESORT),
            had_one_time: false
        })
    );
    assert!(opened.record.has_session(&message.base_key()));
}

#[test]
fn a_repeated_first_message_needs_no_prekey_and_is_seen_as_used() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    let (first, second) = (alice.send(b"one"), alice.send(b"two"));
    bob.receive(&alice, &first).unwrap();
    assert_eq!(bob.receive(&alice, &first), Err(OpenError::AlreadyUsed));

    let second = PreKeyMessage::parse(&second.body).unwrap();
    let record = bob.record.as_ref().unwrap();
    let opened = open_repeated(record, &second, None, &mut bob.rng)
        .ok()
        .unwrap();
    assert_eq!(*opened.plaintext, b"two");
}

#[test]
fn a_beginning_of_ours_is_not_taken_for_one_of_the_peer() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    let ours = PreKeyMessage::parse(&alice.send(b"hello").body).unwrap();
    let record = alice.record.as_ref().unwrap();
    let reflected = open_repeated(record, &ours, None, &mut alice.rng);
    assert_eq!(reflected.err(), Some(OpenError::IdentityChanged));
    let renamed = PreKeyMessage {
        identity_key: bob.identity.public(),
        registration_id: bob.registration_id,
        ..ours
    };
    let reflected = open_repeated(record, &renamed, None, &mut alice.rng);
    assert_eq!(reflected.err(), Some(OpenError::NotAuthentic));
}

#[test]
fn both_begin_at_once_and_both_go_on() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    bob.begin_with(&mut alice);
    let (from_alice, from_bob) = (alice.send(b"a0"), bob.send(b"b0"));
    assert_eq!(bob.receive(&alice, &from_alice).unwrap(), b"a0");
    assert_eq!(alice.receive(&bob, &from_bob).unwrap(), b"b0");
    for round in 0..20 {
        let text = format!("round {round}").into_bytes();
        let (from_alice, from_bob) = (alice.send(&text), bob.send(&text));
        // Crossing in some rounds, one after the other in the rest.
        assert_eq!(bob.receive(&alice, &from_alice).unwrap(), text);
        if round % 3 == 0 {
            let answer = bob.send(b"answer");
            assert_eq!(alice.receive(&bob, &answer).unwrap(), b"answer");
        }
        assert_eq!(alice.receive(&bob, &from_bob).unwrap(), text);
    }
    // One flow in one direction brings both onto one session.
    let last = alice.send(b"last");
    bob.receive(&alice, &last).unwrap();
    let first = |device: &Device| device.record.as_ref().unwrap().sessions().next();
    assert_eq!(first(&alice), first(&bob));
}

#[test]
fn an_archived_session_opens_and_becomes_the_current_one() {
    let (mut alice, mut bob) = talking_pair();
    let old = alice.record.as_ref().unwrap().sessions().next();
    let in_flight = bob.send(b"on the old session");
    alice.begin_with(&mut bob);
    assert_ne!(alice.record.as_ref().unwrap().sessions().next(), old);
    assert_eq!(
        alice.receive(&bob, &in_flight).unwrap(),
        b"on the old session"
    );
    assert_eq!(alice.record.as_ref().unwrap().sessions().next(), old);
    assert_eq!(alice.record.as_ref().unwrap().sessions().count(), 2);
}

#[test]
fn a_late_message_of_an_archived_session_opens_without_bringing_it_back() {
    let (mut alice, mut bob) = talking_pair();
    let (late, newer) = (bob.send(b"late"), bob.send(b"newer"));
    alice.receive(&bob, &newer).unwrap();
    alice.begin_with(&mut bob);
    let current = alice.record.as_ref().unwrap().sessions().next();
    assert_eq!(alice.receive(&bob, &late).unwrap(), b"late");
    assert_eq!(alice.record.as_ref().unwrap().sessions().next(), current);
    assert!(alice.rows.is_empty());
}

#[test]
fn without_a_current_session_nothing_is_sealed_but_messages_still_open() {
    let (mut alice, mut bob) = talking_pair();
    let message = bob.send(b"still readable");
    let registration_id = alice.record.as_ref().unwrap().current_registration_id();
    assert_eq!(registration_id, Some(bob.registration_id));
    alice.record = alice.record.map(|record| record.archive_current());
    let record = alice.record.as_ref().unwrap();
    assert_eq!(record.current_registration_id(), None);
    assert_eq!(seal(record, 0, b"x").err(), Some(SealError::NoSession));
    assert_eq!(alice.receive(&bob, &message).unwrap(), b"still readable");
    assert!(seal(alice.record.as_ref().unwrap(), 0, b"x").is_ok());
}

#[test]
fn a_changed_identity_is_refused_by_both_sides() {
    let (mut alice, mut bob) = talking_pair();
    bob.identity = IdentityKeyPair::generate(&mut bob.rng);
    let bundle = bob.bundle(None);
    assert_eq!(
        alice.begin_from(&bundle),
        Err(AgreementError::IdentityChanged)
    );

    bob.record = None;
    bob.begin_with(&mut alice);
    let message = bob.send(b"who am I");
    // Even a caller that expects the new identity has to give up the old sessions first.
    assert_eq!(
        alice.receive(&bob, &message),
        Err(OpenError::IdentityChanged)
    );
    alice.record = None;
    assert!(alice.receive(&bob, &message).is_ok());
}

#[test]
fn sessions_of_another_identity_of_ours_are_not_continued() {
    let (mut alice, mut bob) = talking_pair();
    alice.identity = IdentityKeyPair::generate(&mut alice.rng);
    let bundle = bob.bundle(None);
    assert_eq!(
        alice.begin_from(&bundle),
        Err(AgreementError::OurIdentityChanged)
    );
}

#[test]
fn a_message_that_comes_from_another_device_than_listed_is_refused() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    let message = alice.send(b"hello");
    let listed = Sender {
        identity_key: alice.identity.public(),
        registration_id: alice.registration_id,
        policy: SessionPolicy::default(),
    };
    let other_identity = Sender {
        identity_key: bob.identity.public(),
        ..listed
    };
    let other_registration = Sender {
        registration_id: 1,
        ..listed
    };
    assert_eq!(
        bob.receive_from(&other_identity, &message),
        Err(OpenError::IdentityChanged)
    );
    assert_eq!(
        bob.receive_from(&other_registration, &message),
        Err(OpenError::RegistrationChanged)
    );
    assert!(bob.receive_from(&listed, &message).is_ok());
}

#[test]
fn a_message_to_prekeys_that_are_gone_is_refused() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    let message = alice.send(b"hello");
    let one_time = bob.one_time.remove(&100).unwrap();
    assert_eq!(bob.receive(&alice, &message), Err(OpenError::PreKeyMissing));
    bob.one_time.insert(100, one_time);
    let signed = bob.signed.clone();
    bob.signed = SignedPreKeyPair::generate(11, &mut bob.rng);
    assert_eq!(bob.receive(&alice, &message), Err(OpenError::PreKeyMissing));
    bob.signed = signed;
    assert_eq!(bob.receive(&alice, &message).unwrap(), b"hello");
}

#[test]
fn a_session_without_an_answer_is_not_sent_on_for_ever() {
    let (mut alice, mut bob) = pair();
    alice.begin_with(&mut bob);
    let record = alice.record.clone().unwrap();
    // Thirty days.
    assert_eq!(UNACKNOWLEDGED_LIFETIME_MS, 2_592_000_000);
    let last = alice.now_ms + UNACKNOWLEDGED_LIFETIME_MS - 1;
    assert!(record.is_usable_for_sending(last));
    assert!(!record.is_usable_for_sending(last + 1));
    assert!(seal(&record, last, b"x").is_ok());
    assert_eq!(
        seal(&record, last + 1, b"x").err(),
        Some(SealError::Unanswered)
    );
    let hello = alice.send(b"hello");
    bob.receive(&alice, &hello).unwrap();
    let reply = bob.send(b"reply");
    alice.receive(&bob, &reply).unwrap();
    assert!(
        alice
            .record
            .as_ref()
            .unwrap()
            .is_usable_for_sending(u64::MAX)
    );
}
