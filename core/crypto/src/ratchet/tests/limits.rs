//! Every limit is answered by an error, or by letting go of the oldest.

use super::*;
use crate::ratchet::chain_key::derivations;
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

/// Alice with as many sessions as there may be, and messages of bob's under the one that is so many behind her current one: the
/// first of a chain that she never saw, and numbers of the same chain far ahead.
fn many_sessions(behind: usize, numbers: &[u32]) -> (Device, Device, Vec<SealedMessage>) {
    let (mut alice, mut bob) = talking_pair();
    let bundle = bob.bundle(None);
    for _ in behind..MAX_ARCHIVED_SESSIONS {
        alice.begin_from(&bundle).unwrap();
    }
    let hello = alice.send(b"hello");
    bob.receive(&alice, &hello).unwrap();
    let mut record = bob.record.clone().unwrap();
    let mut sealed = Vec::new();
    for number in 0..=numbers.iter().copied().max().unwrap() {
        let (next, message) = seal(&record, 0, b"x").unwrap();
        record = next;
        if numbers.contains(&number) {
            sealed.push(message);
        }
    }
    bob.record = Some(record);
    for _ in 0..behind {
        alice.begin_from(&bundle).unwrap();
    }
    let held = alice.record.as_ref().unwrap().sessions().count();
    assert_eq!(held, MAX_ARCHIVED_SESSIONS + 1);
    (alice, bob, sealed)
}

fn forged(message: &SealedMessage) -> SealedMessage {
    let mut body = message.body.clone();
    *body.last_mut().unwrap() ^= 1;
    SealedMessage { body, ..*message }
}

#[test]
fn a_forged_message_costs_a_bounded_number_of_steps_whatever_its_number() {
    let (mut alice, bob, sealed) = many_sessions(0, &[0, 1_219, 1_250, MAX_FORWARD_JUMP]);
    let before = alice.stored();
    let mut most = 0;
    for message in &sealed {
        let (steps, opened) = derivations::of(|| alice.receive(&bob, &forged(message)));
        assert!(opened.is_err());
        most = steps.max(most);
        assert!(steps <= MAX_STEPS_PER_MESSAGE + 41, "{steps}");
        assert_eq!(alice.stored(), before);
    }
    assert!(most > MAX_STEPS_PER_MESSAGE - MAX_FORWARD_JUMP, "{most}");
    let (far, opened) = (sealed.last().unwrap(), Err(OpenError::TooFarAhead));
    assert_eq!(alice.receive(&bob, &forged(far)), opened);
    assert!(alice.receive(&bob, far).is_ok(), "the true one opens");
}

#[test]
fn an_honest_jump_opens_in_the_newest_two_sessions_to_its_limit_and_in_the_oldest_to_1219() {
    for (behind, number) in [
        (0, MAX_FORWARD_JUMP),
        (1, MAX_FORWARD_JUMP),
        (MAX_ARCHIVED_SESSIONS, 1_219),
    ] {
        let (mut alice, bob, sealed) = many_sessions(behind, &[number]);
        assert_eq!(alice.receive(&bob, &sealed[0]).unwrap(), b"x");
    }
    let (mut alice, bob, sealed) = many_sessions(MAX_ARCHIVED_SESSIONS, &[0, 1_220]);
    let before = alice.stored();
    let beyond = alice.receive(&bob, &sealed[1]);
    assert_eq!(beyond, Err(OpenError::TooFarAhead));
    assert_eq!(alice.stored(), before);
    // Once the session is known again its chain reaches as far as any.
    assert!(alice.receive(&bob, &sealed[0]).is_ok());
    assert!(alice.receive(&bob, &sealed[1]).is_ok());
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
