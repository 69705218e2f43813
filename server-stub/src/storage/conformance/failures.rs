//! Messages that did not reach somebody, and those whose time is over.

use super::*;
use sealwire_wire::contract::{FailureReason, RemovalReason};

/// Alice's message to Bob with seven seconds to live, in his queue.
fn waiting(storage: &dyn Storage, number: u64) -> AcceptMessage {
    let step = message("alice", "bob", number);
    done(storage.accept_message(step.clone()));
    done(storage.queue(source(&step), NOW));
    step
}

fn people(storage: &dyn Storage) {
    open(storage, "alice");
    open(storage, "bob");
    done(storage.create_thread(thread("alice", "bob")));
}

fn again(step: &AcceptMessage, at: Timestamp) -> Requeue {
    Requeue {
        name: step.name(),
        ciphertext: step.row.ciphertext.clone(),
        stamp: step.row.stamp.clone(),
        envelopes: step.envelopes.clone(),
        at,
        key: key("again"),
        key_expires_at: LATER,
    }
}

const OVER: Timestamp = Timestamp(NOW.0 + 7_000);

#[test]
fn a_message_expires_once_and_when_its_time_has_come() {
    on_every_engine(|storage| {
        people(storage);
        let step = waiting(storage, 1);
        let (thread, id) = (step.row.thread_id, step.row.id);
        let early = Timestamp(OVER.0 - 1);
        assert_eq!(done(storage.expired_messages(early, 9)), []);
        assert_eq!(
            done(storage.expire_message(thread, id, early)),
            Ended::default()
        );
        assert_eq!(done(storage.expired_messages(OVER, 9)), [(thread, id)]);
        assert_eq!(done(storage.expired_messages(OVER, 0)), []);
        let ended = done(storage.expire_message(thread, id, OVER));
        assert_eq!(ended.told, []);
        assert_eq!(ended.failures.len(), 1);
        assert_eq!(ended.failures[0].sender_id, user("alice"));
        assert_eq!(done(storage.expired_messages(OVER, 9)), []);
        assert_eq!(
            done(storage.expire_message(thread, id, OVER)),
            Ended::default()
        );
        let row = done(storage.message(thread, id, name("bob", 1))).unwrap();
        assert_eq!(row.removed.unwrap().reason, RemovalReason::Expired);
        assert!(row.ciphertext.0.is_empty() && row.envelope.is_none());
        // In its place stands that it ended; who fetches that has not got it.
        let entries = done(storage.queue_after(name("bob", 1), 0, 9));
        assert!(matches!(&entries[..], [only]
            if matches!(&only.event, ServerEvent::Msg { message } if **message == row)));
        let position = entries[0].position;
        assert_eq!(
            done(storage.acknowledge(name("bob", 1), vec![position], OVER)),
            []
        );
        assert_eq!(done(storage.queue_length(name("bob", 1))), 0);
        let changed = done(storage.messages_changed(thread, 1, 9, name("bob", 1)));
        assert_eq!(changed.len(), 1);
        let failed = done(storage.failures_of(thread, id));
        assert_eq!(failed, [ended.failures[0].failed.clone()]);
        assert_eq!(
            done(storage.failures_after(user("alice"), 0, 9)),
            ended.failures
        );
        let number = ended.failures[0].number;
        assert_eq!(done(storage.failures_after(user("alice"), number, 9)), []);
        assert_eq!(done(storage.failures_after(user("bob"), 0, 9)), []);
    });
}

#[test]
fn whoever_had_it_is_told_that_it_is_gone() {
    on_every_engine(|storage| {
        people(storage);
        let step = waiting(storage, 1);
        let entries = done(storage.queue_after(name("bob", 1), 0, 9));
        done(storage.acknowledge(name("bob", 1), vec![entries[0].position], NOW));
        let ended = done(storage.expire_message(step.row.thread_id, step.row.id, OVER));
        assert_eq!((ended.told, ended.failures), (vec![name("bob", 1)], vec![]));
        let entries = done(storage.queue_after(name("bob", 1), 0, 9));
        assert!(
            matches!(entries[0].event, ServerEvent::Del { message_id, .. } if message_id == step.row.id)
        );
        done(storage.acknowledge(name("bob", 1), vec![entries[0].position], OVER));
        assert_eq!(done(storage.queue_length(name("bob", 1))), 0);
    });
}

#[test]
fn a_message_is_queued_anew_for_those_whom_it_failed_for_and_once() {
    on_every_engine(|storage| {
        people(storage);
        let step = waiting(storage, 1);
        let (thread, id) = (step.row.thread_id, step.row.id);
        assert_eq!(done(storage.requeue(again(&step, OVER))), None);
        done(storage.expire_message(thread, id, OVER));
        let next = Timestamp(OVER.0 + 1);
        let mut elsewhere = again(&step, next);
        elsewhere.envelopes[0].user_id = user("alice");
        assert_eq!(done(storage.requeue(elsewhere)), None);
        let requeued = done(storage.requeue(again(&step, next))).unwrap();
        assert_eq!(requeued.told, [name("bob", 1)]);
        assert_eq!(requeued.answer.requeued_at, Some(next));
        assert_eq!(requeued.failures[0].failed.reason, None);
        assert_eq!(done(storage.requeue(again(&step, LATER))), None);
        // The tombstone stays in its place, for what comes between; to fetch it takes nothing from the repeat.
        assert_eq!(queued(storage, &name("bob", 1)), [id, id]);
        let entries = done(storage.queue_after(name("bob", 1), 0, 9));
        assert!(matches!(&entries[0].event, ServerEvent::Msg { message }
            if message.removed.is_some() && message.ciphertext.0.is_empty() && message.envelope.is_none()));
        done(storage.acknowledge(name("bob", 1), vec![entries[0].position], next));
        let entries = done(storage.queue_after(name("bob", 1), 0, 9));
        assert!(matches!(&entries[..], [only]
            if matches!(&only.event, ServerEvent::Msg { message }
                if message.removed.is_none() && message.envelope.is_some())));
        let row = done(storage.message(thread, id, name("bob", 1))).unwrap();
        assert_eq!(row.ciphertext, step.row.ciphertext);
        assert_eq!((row.requeued_at, row.removed), (Some(next), None));
        let Some(Accepted::Earlier(earlier)) =
            done(storage.earlier_send(step.name(), key("again"), NOW))
        else {
            panic!("the number is known")
        };
        assert_eq!(earlier.answer.requeued_at, Some(next));
        // Its time runs from the repeat; once it is fetched there is no word on it any more.
        assert_eq!(done(storage.expired_messages(OVER, 9)), []);
        let entries = done(storage.queue_after(name("bob", 1), 0, 9));
        done(storage.acknowledge(name("bob", 1), vec![entries[0].position], next));
        assert_eq!(done(storage.failures_of(thread, id)), []);
    });
}

#[test]
fn what_reaches_them_again_below_their_mark_is_told_by_its_time() {
    on_every_engine(|storage| {
        people(storage);
        let first = waiting(storage, 1);
        let (thread, id) = (first.row.thread_id, first.row.id);
        done(storage.expire_message(thread, id, OVER));
        let second = waiting(storage, 2);
        let entries = done(storage.queue_after(name("bob", 1), 0, 9));
        let both = entries.iter().map(|entry| entry.position).collect();
        done(storage.acknowledge(name("bob", 1), both, NOW));
        let next = Timestamp(OVER.0 + 1);
        done(storage.requeue(again(&first, next))).unwrap();
        let entries = done(storage.queue_after(name("bob", 1), 0, 9));
        let acknowledged = vec![entries[0].position];
        let moved = done(storage.acknowledge(name("bob", 1), acknowledged.clone(), next));
        assert_eq!((moved.len(), moved[0].raised.delivered), (1, true));
        let reached = moved[0].mark.delivered.unwrap();
        assert_eq!((reached.up_to, reached.at), (second.row.id, next));
        let twice = done(storage.acknowledge(name("bob", 1), acknowledged, next));
        assert!(twice.is_empty());
        let moves = done(storage.first_moves(thread, second.row.id));
        let bobs = moves.into_iter().find(|moves| moves.user_id == user("bob"));
        assert_eq!(bobs.unwrap().delivered_at, Some(NOW), "that is as it was");
    });
}

#[test]
fn what_waits_for_a_recipient_fails_and_what_they_got_does_not() {
    on_every_engine(|storage| {
        people(storage);
        let got = waiting(storage, 1);
        let entries = done(storage.queue_after(name("bob", 1), 0, 9));
        done(storage.acknowledge(name("bob", 1), vec![entries[0].position], NOW));
        let waits = waiting(storage, 2);
        let answer = message("bob", "alice", 3);
        done(storage.accept_message(answer.clone()));
        done(storage.queue(source(&answer), NOW));
        let step = FailUndelivered {
            thread_id: got.row.thread_id,
            sender: user("alice"),
            recipient: user("bob"),
            reason: FailureReason::Blocked,
            at: NOW,
        };
        let failures = done(storage.fail_undelivered(step.clone()));
        let ids: Vec<_> = failures.iter().map(|one| one.failed.message_id).collect();
        assert_eq!(ids, [waits.row.id]);
        assert_eq!(failures[0].failed.reason, Some(FailureReason::Blocked));
        assert_eq!(done(storage.fail_undelivered(step)), []);
        assert_eq!(done(storage.queue_length(name("bob", 1))), 0);
        assert_eq!(queued(storage, &name("alice", 1)), [answer.row.id]);
    });
}

#[test]
fn what_a_recipient_got_ahead_of_an_older_message_never_fails() {
    on_every_engine(|storage| {
        people(storage);
        let [older, ahead] = [waiting(storage, 1), waiting(storage, 2)];
        let (thread, id) = (ahead.row.thread_id, ahead.row.id);
        let of_ahead = |storage: &dyn Storage| {
            let entries = done(storage.queue_after(name("bob", 1), 0, 9));
            let entry = entries.into_iter().find(
                |entry| matches!(&entry.event, ServerEvent::Msg { message } if message.id == id),
            );
            entry.unwrap().position
        };
        done(storage.acknowledge(name("bob", 1), vec![of_ahead(storage)], NOW));
        let ended = done(storage.expire_message(thread, id, OVER));
        assert_eq!((ended.told, ended.failures), (vec![name("bob", 1)], vec![]));
        assert_eq!(done(storage.failures_of(thread, id)), []);
        // The older one reached nobody.
        let ended = done(storage.expire_message(thread, older.row.id, OVER));
        assert_eq!(ended.failures.len(), 1);
    });
}

#[test]
fn what_one_device_got_ahead_does_not_fail_when_the_entry_of_another_is_swept() {
    on_every_engine(|storage| {
        people(storage);
        done(storage.reserve_device_id(user("bob")));
        done(storage.admit_device(admit("bob", 2, 1)));
        assert_eq!(
            done(storage.append_list(append("bob", 2, &[1, 2]))),
            Appended::Appended
        );
        let steps = [1, 2].map(|number| {
            let mut step = message("alice", "bob", number);
            step.row.ttl_seconds = None;
            let second = DeviceEnvelope {
                device_id: DeviceId::new(2).unwrap(),
                ..step.envelopes[0].clone()
            };
            step.envelopes.push(second);
            done(storage.accept_message(step.clone()));
            done(storage.queue(source(&step), NOW));
            step
        });
        let entries = done(storage.queue_after(name("bob", 1), 0, 9));
        done(storage.acknowledge(name("bob", 1), vec![entries[1].position], NOW));
        let bounds = SweepBounds {
            now: LATER,
            queued_before: LATER,
            unnamed_before: NOW,
            at_most: 100,
        };
        let failed = done(storage.sweep(bounds)).failures.into_iter();
        let failed: Vec<_> = failed.map(|one| one.failed.message_id).collect();
        assert_eq!(failed, [steps[0].row.id]);
    });
}

#[test]
fn an_entry_that_nobody_fetched_is_a_failure_of_its_message() {
    on_every_engine(|storage| {
        people(storage);
        let step = waiting(storage, 1);
        let bounds = SweepBounds {
            now: LATER,
            queued_before: LATER,
            unnamed_before: NOW,
            at_most: 100,
        };
        let swept = done(storage.sweep(bounds));
        let failed: Vec<_> = swept.failures.into_iter().map(|one| one.failed).collect();
        assert_eq!(failed.len(), 1);
        assert_eq!(
            (failed[0].message_id, failed[0].reason),
            (step.row.id, Some(FailureReason::Expired))
        );
        assert_eq!(done(storage.sweep(bounds)).failures, []);
    });
}
