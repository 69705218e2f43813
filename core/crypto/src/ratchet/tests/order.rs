//! Messages that come late, early, twice or not at all.

use super::*;
use crate::ratchet::message_key::MessageKeys;
use crate::ratchet::*;

#[test]
fn messages_open_in_any_order() {
    let (mut alice, mut bob) = talking_pair();
    let messages: Vec<_> = (0..10u8).map(|text| alice.send(&[text])).collect();
    for index in [9, 0, 5, 4, 8, 1, 2, 7, 3, 6] {
        assert_eq!(
            bob.receive(&alice, &messages[index]).unwrap(),
            [index as u8]
        );
    }
    assert!(bob.rows.is_empty());
}

#[test]
fn each_message_opens_once() {
    let (mut alice, mut bob) = talking_pair();
    let (early, late) = (alice.send(b"early"), alice.send(b"late"));
    bob.receive(&alice, &late).unwrap();
    bob.receive(&alice, &early).unwrap();
    let before = bob.stored();
    for message in [&early, &late] {
        assert_eq!(bob.receive(&alice, message), Err(OpenError::AlreadyUsed));
    }
    assert_eq!(bob.stored(), before);
}

#[test]
fn the_last_message_of_an_old_chain_opens_after_the_ratchet_has_turned() {
    let (mut alice, mut bob) = talking_pair();
    let first_of_chain = alice.send(b"first of its chain");
    alice.send(b"lost");
    let last_of_chain = alice.send(b"last of its chain");
    bob.receive(&alice, &first_of_chain).unwrap();
    for _ in 0..MAX_RECEIVER_CHAINS - 1 {
        let question = bob.send(b"?");
        alice.receive(&bob, &question).unwrap();
        let answer = alice.send(b"!");
        bob.receive(&alice, &answer).unwrap();
    }
    assert!(bob.rows.is_empty(), "the chain itself is kept");
    assert_eq!(
        bob.receive(&alice, &last_of_chain).unwrap(),
        b"last of its chain"
    );
}

#[test]
fn a_chain_beyond_the_fifth_is_let_go_with_its_rows() {
    let (mut alice, mut bob) = talking_pair();
    let skipped = alice.send(b"skipped");
    let seen = alice.send(b"seen");
    let unseen = alice.send(b"unseen");
    bob.receive(&alice, &seen).unwrap();
    assert_eq!(bob.rows.len(), 1);
    for _ in 0..MAX_RECEIVER_CHAINS + 1 {
        let question = bob.send(b"?");
        alice.receive(&bob, &question).unwrap();
        let answer = alice.send(b"!");
        bob.receive(&alice, &answer).unwrap();
    }
    assert!(bob.rows.is_empty());
    for message in [skipped, unseen] {
        assert_eq!(bob.receive(&alice, &message), Err(OpenError::NotAuthentic));
    }
}

#[test]
fn the_previous_counter_is_one_less_than_the_chain_was_long() {
    let (mut alice, mut bob) = talking_pair();
    for _ in 0..3 {
        let message = alice.send(b"x");
        bob.receive(&alice, &message).unwrap();
    }
    let turn = bob.send(b"?");
    alice.receive(&bob, &turn).unwrap();
    let bytes = alice.send(b"!").body;
    // version, key field (35 bytes), counter field, then field 3.
    assert_eq!(bytes[36..40], [0x10, 0, 0x18, 2]);
}

/// Each carries the beginning: whichever comes first begins the session.
#[test]
fn the_first_messages_of_a_session_open_in_any_order() {
    for version in [Version::X3dh, Version::Pqxdh] {
        let (mut alice, mut bob) = pair_of(version);
        alice.begin_with(&mut bob);
        let messages: Vec<_> = (0..4u8).map(|text| alice.send(&[text])).collect();
        for index in [2, 0, 3, 1] {
            let opened = bob.receive(&alice, &messages[index]);
            assert_eq!(opened.as_deref(), Ok(&[index as u8][..]));
        }
        assert!(bob.rows.is_empty());
    }
}

/// What a caller asks before it looks for a kept key.
#[test]
fn a_record_says_which_messages_are_still_to_come() {
    let (mut alice, mut bob) = talking_pair();
    let messages: Vec<_> = (0..3).map(|_| alice.send(b"x")).collect();
    let still_to_come = |bob: &Device| {
        let record = bob.record.as_ref().unwrap();
        let parsed = |message: &SealedMessage| RatchetMessage::parse(&message.body).unwrap();
        let answers = messages.iter().map(parsed);
        answers
            .map(|message| record.is_still_to_come(&message))
            .collect::<Vec<_>>()
    };
    // A chain that is not known yet may have kept keys or not.
    assert_eq!(still_to_come(&bob), [false; 3]);
    bob.receive(&alice, &messages[1]).unwrap();
    assert_eq!(still_to_come(&bob), [false, false, true]);
    bob.receive(&alice, &messages[2]).unwrap();
    assert_eq!(still_to_come(&bob), [false; 3]);
}

#[test]
fn a_repeated_message_of_an_archived_session_was_used_before() {
    let (mut alice, mut bob) = talking_pair();
    let message = bob.send(b"once");
    alice.receive(&bob, &message).unwrap();
    alice.begin_with(&mut bob);
    let repeated = alice.receive(&bob, &message);
    assert_eq!(repeated, Err(OpenError::AlreadyUsed));
}

/// Of a chain that is long over too: nothing is written but that its row is gone.
#[test]
fn a_late_message_moves_neither_chain_nor_session() {
    let (mut alice, mut bob) = talking_pair();
    let (late, seen) = (alice.send(b"late"), alice.send(b"seen"));
    bob.receive(&alice, &seen).unwrap();
    for _ in 0..MAX_RECEIVER_CHAINS - 1 {
        let question = bob.send(b"?");
        alice.receive(&bob, &question).unwrap();
        let answer = alice.send(b"!");
        bob.receive(&alice, &answer).unwrap();
    }
    // The session that is sent on is another by now.
    bob.begin_with(&mut alice);
    let before = bob.stored();
    assert_eq!(bob.rows.len(), 1);
    assert_eq!(bob.receive(&alice, &late).unwrap(), b"late");
    assert_eq!(bob.stored(), before);
    assert!(bob.rows.is_empty());
}

/// The peer itself has the keys to make one.
#[test]
fn a_late_message_under_the_version_of_no_session_is_refused() {
    let (mut alice, mut bob) = talking_pair();
    let (late, seen) = (alice.send(b"late"), alice.send(b"seen"));
    bob.receive(&alice, &seen).unwrap();
    let kept = bob.rows.values().next().unwrap().clone();
    let made = |version| {
        let sealed = RatchetMessage::seal(
            version,
            &MessageKeys::from_seed(kept.seed()),
            (&alice.identity.public(), &bob.identity.public()),
            kept.ratchet_key(),
            (kept.counter(), 0),
            b"late",
        );
        SealedMessage {
            kind: MessageKind::Ratchet,
            body: sealed.as_bytes().to_vec(),
        }
    };
    assert_eq!(made(Version::Pqxdh), late);
    let before = bob.stored();
    let other = made(Version::X3dh);
    assert_eq!(bob.receive(&alice, &other), Err(OpenError::NoSession));
    assert_eq!((bob.stored(), bob.rows.len()), (before, 1));
    assert_eq!(bob.receive(&alice, &late).unwrap(), b"late");
}
