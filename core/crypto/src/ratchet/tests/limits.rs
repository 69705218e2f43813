//! Every limit is answered by an error, or by letting go of the oldest.

use super::*;
use crate::ratchet::*;

/// What docs/protocol/ratchet.md promises of a record, whatever a peer does.
pub(super) const MAX_RECORD_BYTES: usize = 23_500;

/// The same of one session that is not waiting for its first answer.
const MAX_SESSION_BYTES: usize = 531;

#[test]
fn a_jump_of_the_limit_opens_and_one_more_is_refused() {
    let (mut alice, mut bob) = talking_pair();
    let mut record = alice.record.clone().unwrap();
    let mut sealed = Vec::new();
    for _ in 0..=MAX_FORWARD_JUMP + 1 {
        let (next, message) = seal(&record, 0, b"x").unwrap();
        record = next;
        sealed.push(message);
    }
    alice.record = Some(record);
    let before = bob.stored();
    let (too_far, limit) = (sealed.pop().unwrap(), sealed.pop().unwrap());
    assert_eq!(bob.receive(&alice, &too_far), Err(OpenError::TooFarAhead));
    assert_eq!(bob.stored(), before);

    assert!(bob.receive(&alice, &limit).is_ok());
    assert_eq!(bob.rows.len(), MAX_SKIPPED_KEYS as usize);
    // Of the messages jumped over the newest open; for the others there is no key any more.
    let newest = &sealed[(MAX_FORWARD_JUMP - 1) as usize];
    let oldest_kept = &sealed[(MAX_FORWARD_JUMP - MAX_SKIPPED_KEYS) as usize];
    let let_go = &sealed[(MAX_FORWARD_JUMP - MAX_SKIPPED_KEYS - 1) as usize];
    assert!(bob.receive(&alice, newest).is_ok());
    assert!(bob.receive(&alice, oldest_kept).is_ok());
    assert_eq!(bob.receive(&alice, let_go), Err(OpenError::AlreadyUsed));
    assert!(bob.receive(&alice, &too_far).is_ok());
}

#[test]
fn only_the_newest_sessions_stay_readable() {
    let (mut alice, mut bob) = talking_pair();
    let oldest = alice.record.as_ref().unwrap().sessions().next().unwrap();
    let (in_flight, later) = (bob.send(b"in flight"), bob.send(b"later"));
    let bundle = bob.bundle(None);
    for _ in 0..MAX_ARCHIVED_SESSIONS {
        alice.begin_from(&bundle).unwrap();
    }
    assert!(alice.record.as_ref().unwrap().has_session(&oldest));
    let at_the_limit = alice.record.clone();
    assert!(alice.receive(&bob, &in_flight).is_ok());

    alice.record = at_the_limit;
    alice.begin_from(&bundle).unwrap();
    let record = alice.record.as_ref().unwrap();
    assert_eq!(record.sessions().count(), MAX_ARCHIVED_SESSIONS + 1);
    assert!(!record.has_session(&oldest));
    assert_eq!(alice.receive(&bob, &later), Err(OpenError::NotAuthentic));
}

#[test]
fn chains_of_a_session_that_falls_off_are_named() {
    let (mut alice, mut bob) = talking_pair();
    let (_skipped, seen) = (bob.send(b"skipped"), bob.send(b"seen"));
    alice.receive(&bob, &seen).unwrap();
    assert_eq!(alice.rows.len(), 1);
    let bundle = bob.bundle(None);
    for _ in 0..MAX_ARCHIVED_SESSIONS {
        alice.begin_from(&bundle).unwrap();
    }
    // One more session, this time begun by the peer.
    bob.begin_with(&mut alice);
    let message = bob.send(b"anew");
    alice.receive(&bob, &message).unwrap();
    assert!(alice.rows.is_empty());
}

#[test]
fn a_full_record_comes_back_from_its_bytes() {
    let (mut alice, mut bob) = talking_pair();
    for _ in 0..MAX_RECEIVER_CHAINS + 1 {
        let question = bob.send(b"?");
        alice.receive(&bob, &question).unwrap();
        let answer = alice.send(b"!");
        bob.receive(&alice, &answer).unwrap();
    }
    let bundle = bob.bundle(Some(105));
    for _ in 0..MAX_ARCHIVED_SESSIONS + 3 {
        alice.begin_from(&bundle).unwrap();
    }
    let bytes = alice.stored();
    alice.reopen();
    assert_eq!(alice.stored(), bytes);
    let hello = alice.send(b"from the newest");
    assert_eq!(bob.receive(&alice, &hello).unwrap(), b"from the newest");
}

#[test]
fn stored_bytes_that_were_cut_or_extended_are_no_record() {
    let (alice, _) = talking_pair();
    let bytes = alice.stored();
    for length in 0..bytes.len() {
        assert!(SessionRecord::from_bytes(&bytes[..length]).is_err());
    }
    let longer = [&bytes[..], &[0]].concat();
    assert_eq!(
        SessionRecord::from_bytes(&longer).err(),
        Some(RecordError::Corrupt)
    );
    let newer = [&[4], &bytes[1..]].concat();
    assert_eq!(
        SessionRecord::from_bytes(&newer).err(),
        Some(RecordError::Format(4))
    );
}

#[test]
fn the_fullest_record_stays_within_its_bound() {
    let (mut alice, mut bob) = pair();
    for _ in 0..=MAX_ARCHIVED_SESSIONS {
        let bundle = alice.bundle(None);
        bob.begin_from(&bundle).unwrap();
        for _ in 0..=MAX_RECEIVER_CHAINS {
            let question = bob.send(b"?");
            alice.receive(&bob, &question).unwrap();
            let answer = alice.send(b"!");
            bob.receive(&alice, &answer).unwrap();
        }
    }
    let fixed = 1 + 2 * 32 + 2;
    let answered = (MAX_ARCHIVED_SESSIONS + 1) * MAX_SESSION_BYTES;
    assert_eq!(alice.stored().len(), fixed + answered);
    // The current one now waits for its first answer, and carries the ciphertext.
    let bundle = bob.bundle(Some(100));
    alice.begin_from(&bundle).unwrap();
    assert!(alice.stored().len() > fixed + answered);
    assert!(alice.stored().len() <= MAX_RECORD_BYTES);
    assert!(MAX_RECORD_BYTES - alice.stored().len() < MAX_SESSION_BYTES);
}
