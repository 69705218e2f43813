//! Threads and messages.

use super::*;

#[test]
fn a_message_is_accepted_once_above_every_other() {
    on_every_engine(|storage| {
        assert_eq!(
            done(storage.accept_message(message("alice", "bob", 5))),
            Accepted::NoThread
        );
        assert!(done(storage.create_thread(thread("alice", "bob"))));
        assert!(!done(storage.create_thread(thread("alice", "bob"))));
        let step = message("alice", "bob", 5);
        assert_eq!(
            done(storage.earlier_send(step.name(), step.key.clone(), NOW)),
            None
        );
        assert_eq!(
            done(storage.accept_message(step.clone())),
            Accepted::Accepted
        );
        let Accepted::Earlier(earlier) = done(storage.accept_message(step.clone())) else {
            panic!("accepted twice")
        };
        assert_eq!(
            (earlier.fingerprint, earlier.answer.id),
            ([5; 32], step.row.id)
        );
        assert_eq!(
            done(storage.earlier_send(step.name(), key("another"), NOW)),
            Some(Accepted::Earlier(earlier))
        );
        for passed in [4, 5] {
            let mut late = message("alice", "bob", 6);
            late.row.id = MessageId::from_u128(passed);
            assert_eq!(
                done(storage.accept_message(late)),
                Accepted::IdPassed(step.row.id)
            );
        }
        assert_eq!(
            done(storage.thread(step.row.thread_id)).unwrap().last_id,
            Some(step.row.id)
        );
        // A number beyond i64 is a number like any other.
        let mut largest = message("alice", "bob", 7);
        largest.row.client_seq = ClientSeq(u64::MAX);
        assert_eq!(
            done(storage.accept_message(largest.clone())),
            Accepted::Accepted
        );
        assert!(matches!(
            done(storage.accept_message(largest)),
            Accepted::Earlier(_)
        ));
    });
}

#[test]
fn a_key_belongs_to_one_number_until_it_expires() {
    on_every_engine(|storage| {
        done(storage.create_thread(thread("alice", "bob")));
        let first = message("alice", "bob", 1);
        done(storage.accept_message(first.clone()));
        let mut second = message("alice", "bob", 2);
        second.key = first.key.clone();
        assert_eq!(
            done(storage.accept_message(second.clone())),
            Accepted::KeyReused
        );
        let asked = |at| done(storage.earlier_send(second.name(), first.key.clone(), at));
        assert_eq!(asked(NOW), Some(Accepted::KeyReused));
        assert_eq!(asked(LATER), None);
        // Another device may use the same text.
        let mut of_bob = message("bob", "alice", 3);
        of_bob.key = first.key.clone();
        assert_eq!(done(storage.accept_message(of_bob)), Accepted::Accepted);
        // A further key of the first number.
        done(storage.keep_key(first.name(), key("further"), LATER));
        second.key = key("further");
        assert_eq!(done(storage.accept_message(second)), Accepted::KeyReused);
    });
}

#[test]
fn a_row_comes_back_as_it_went_in_with_the_readers_envelope() {
    on_every_engine(|storage| {
        done(storage.create_thread(thread("alice", "bob")));
        let mut step = message("alice", "bob", 1);
        step.row.kind = MessageKind::Reaction;
        step.row.target_msg_id = Some(MessageId::from_u128(77));
        done(storage.accept_message(step.clone()));
        let (thread, id) = (step.row.thread_id, step.row.id);
        assert_eq!(done(storage.threads_of_message(id)), [thread]);
        assert_eq!(
            done(storage.message(thread, id, name("alice", 1))),
            Some(step.row.clone())
        );
        let bobs = done(storage.message(thread, id, name("bob", 1))).unwrap();
        assert_eq!(bobs.envelope.unwrap().body, step.envelopes[0].body);
        assert_eq!(
            done(storage.message(thread, MessageId::from_u128(2), name("bob", 1))),
            None
        );
    });
}

#[test]
fn pages_are_by_id_and_by_change() {
    on_every_engine(|storage| {
        done(storage.create_thread(thread("alice", "bob")));
        for number in 1..=5 {
            done(storage.accept_message(message("alice", "bob", number)));
        }
        let (thread, reader) = (thread("alice", "bob").id, name("bob", 1));
        let ids =
            |rows: Vec<MessageRow>| rows.iter().map(|row| row.id.as_u128()).collect::<Vec<_>>();
        assert_eq!(
            ids(done(storage.messages_before(
                thread,
                None,
                2,
                reader.clone()
            ))),
            [5, 4]
        );
        let before = Some(MessageId::from_u128(4));
        assert_eq!(
            ids(done(storage.messages_before(
                thread,
                before,
                9,
                reader.clone()
            ))),
            [3, 2, 1]
        );
        let changed = done(storage.messages_changed(thread, 0, 2, reader.clone()));
        let last = changed.last().unwrap().0;
        assert_eq!(
            ids(changed.into_iter().map(|(_, row)| row).collect()),
            [1, 2]
        );
        let rest = done(storage.messages_changed(thread, last, 9, reader));
        assert!(rest.is_sorted_by_key(|(change, _)| *change));
        assert_eq!(
            ids(rest.into_iter().map(|(_, row)| row).collect()),
            [3, 4, 5]
        );
    });
}

#[test]
fn what_changed_in_a_long_thread_comes_once_and_in_the_order_of_changes() {
    on_every_engine(|storage| {
        done(storage.create_thread(thread("alice", "bob")));
        let (thread, reader) = (thread("alice", "bob").id, name("bob", 1));
        for number in 1..=250 {
            let mut step = message("alice", "bob", number);
            step.row.ttl_seconds = number.is_multiple_of(9).then_some(1);
            assert_eq!(done(storage.accept_message(step)), Accepted::Accepted);
        }
        let gone = |number: &u128| number.is_multiple_of(9) && *number > 100;
        for number in (1..=250).filter(gone) {
            done(storage.expire_message(thread, MessageId::from_u128(number), LATER));
        }
        // Whoever has seen the first eighty changes gets each later message once, and those that went again, at the end.
        let mut read: Vec<(u64, u128, bool)> = Vec::new();
        loop {
            let after = read.last().map_or(80, |(change, ..)| *change);
            let page = done(storage.messages_changed(thread, after, 7, reader.clone()));
            if page.is_empty() {
                break;
            }
            read.extend(
                page.into_iter()
                    .map(|(change, row)| (change, row.id.as_u128(), row.removed.is_some())),
            );
        }
        assert!(read.is_sorted_by(|a, b| a.0 < b.0));
        let expected: Vec<(u128, bool)> = (81..=250)
            .filter(|number| !gone(number))
            .map(|number| (number, false))
            .chain((81..=250).filter(gone).map(|number| (number, true)))
            .collect();
        let read: Vec<_> = read.into_iter().map(|(_, id, gone)| (id, gone)).collect();
        assert_eq!(read, expected);
    });
}

#[test]
fn accepted_at_once_with_its_entries_a_message_is_what_the_two_steps_make_of_it() {
    on_every_engine(|storage| {
        let step = Arc::new(message("alice", "bob", 5));
        let both = || done(storage.accept_and_queue(Arc::clone(&step), NOW));
        assert_eq!(both(), (Accepted::NoThread, Vec::new()));
        done(storage.create_thread(thread("alice", "bob")));
        for user in ["alice", "bob"] {
            open(storage, user);
        }
        let (accepted, queued) = both();
        let told: Vec<_> = queued.iter().map(|entry| entry.device.clone()).collect();
        assert_eq!(accepted, Accepted::Accepted);
        let readers: Vec<_> = step
            .envelopes
            .iter()
            .map(|envelope| envelope.user_id.clone())
            .collect();
        let told_users: Vec<_> = told.iter().map(|device| device.user_id.clone()).collect();
        assert_eq!(told_users, readers);
        assert_eq!(done(storage.not_yet_queued()), []);
        assert_eq!(done(storage.queue_length(told[0].clone())), 1);
        // An engine that knows the places by now is right.
        let entry = done(storage.queue_after(told[0].clone(), 0, 9)).remove(0);
        for place in queued.iter().filter_map(|entry| entry.place) {
            assert_eq!((place.after, place.position), (0, entry.position));
        }
        let (again, told_again) = both();
        assert!(matches!(again, Accepted::Earlier(_)), "{again:?}");
        assert_eq!(told_again, []);
        assert_eq!(done(storage.queue_length(told[0].clone())), 1);
    });
}
