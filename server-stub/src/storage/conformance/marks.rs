//! Marks.

use super::*;

/// Accepts and queues messages of alice to bob with these numbers.
fn send(storage: &dyn Storage, numbers: impl IntoIterator<Item = u64>) {
    for number in numbers {
        let step = message("alice", "bob", number);
        assert_eq!(
            done(storage.accept_message(step.clone())),
            Accepted::Accepted
        );
        done(storage.queue(source(&step), NOW));
    }
}

fn acknowledge(storage: &dyn Storage, device: &DeviceName, numbers: &[u64], at: u64) -> Vec<Moved> {
    let entries = done(storage.queue_after(device.clone(), 0, 1_000));
    let positions = entries
        .iter()
        .filter(|entry| match &entry.event {
            ServerEvent::Msg { message } => numbers.contains(&message.client_seq.0),
            _ => false,
        })
        .map(|entry| entry.position)
        .collect();
    done(storage.acknowledge(device.clone(), positions, Timestamp(at)))
}

fn delivered(moved: &[Moved]) -> Vec<Option<u128>> {
    moved
        .iter()
        .map(|moved| moved.mark.delivered.map(|reached| reached.up_to.as_u128()))
        .collect()
}

fn read(number: u64, shown: bool, at: u64) -> RaiseRead {
    RaiseRead {
        thread_id: thread("alice", "bob").id,
        user_id: user("bob"),
        up_to: MessageId::from_u128(number.into()),
        shown,
        at: Timestamp(at),
    }
}

#[test]
fn delivered_rises_with_the_acknowledgement_and_never_falls() {
    on_every_engine(|storage| {
        open(storage, "bob");
        done(storage.create_thread(thread("alice", "bob")));
        send(storage, 1..=5);
        let bob = name("bob", 1);
        let moved = acknowledge(storage, &bob, &[1, 2, 3], 10);
        assert_eq!(delivered(&moved), [Some(3)]);
        assert_eq!(moved[0].participants, [user("alice"), user("bob")]);
        assert_eq!((moved[0].mark.version, moved[0].mark.shown_version), (1, 1));
        assert!(acknowledge(storage, &bob, &[1, 2, 3], 11).is_empty());
        assert_eq!(delivered(&acknowledge(storage, &bob, &[4], 12)), [Some(4)]);
        let marks = done(storage.marks(thread("alice", "bob").id));
        assert_eq!(marks.len(), 1);
        assert_eq!(marks[0].delivered.unwrap().at, Timestamp(12));
    });
}

#[test]
fn a_hole_in_the_acknowledgements_of_a_device_holds_delivered_back_until_it_is_filled() {
    on_every_engine(|storage| {
        open(storage, "bob");
        done(storage.create_thread(thread("alice", "bob")));
        send(storage, 1..=6);
        let bob = name("bob", 1);
        assert_eq!(
            delivered(&acknowledge(storage, &bob, &[1, 3, 4], 10)),
            [Some(1)]
        );
        assert_eq!(delivered(&acknowledge(storage, &bob, &[6], 11)), []);
        assert_eq!(delivered(&acknowledge(storage, &bob, &[2], 12)), [Some(4)]);
        assert_eq!(delivered(&acknowledge(storage, &bob, &[5], 13)), [Some(6)]);
    });
}

#[test]
fn a_hole_that_another_device_has_filled_holds_nothing_back() {
    on_every_engine(|storage| {
        open(storage, "bob");
        done(storage.reserve_device_id(user("bob"))).unwrap();
        done(storage.admit_device(admit("bob", 2, 1)));
        let listed = done(storage.append_list(append("bob", 2, &[1, 2])));
        assert_eq!(listed, Appended::Appended);
        done(storage.create_thread(thread("alice", "bob")));
        for number in 1..=2 {
            let mut step = message("alice", "bob", number);
            let mut second = step.envelopes[0].clone();
            second.device_id = DeviceId::new(2).unwrap();
            step.envelopes.push(second);
            done(storage.accept_message(step.clone()));
            done(storage.queue(source(&step), NOW));
        }
        let (one, two) = (name("bob", 1), name("bob", 2));
        assert_eq!(delivered(&acknowledge(storage, &one, &[1], 10)), [Some(1)]);
        assert_eq!(delivered(&acknowledge(storage, &two, &[2], 11)), [Some(2)]);
    });
}

#[test]
fn own_messages_raise_no_mark_but_fill_a_hole() {
    on_every_engine(|storage| {
        open(storage, "bob");
        done(storage.create_thread(thread("alice", "bob")));
        // Bob's other device sends the second; this device gets a copy.
        for (number, from) in [(1, "alice"), (2, "bob"), (3, "alice")] {
            let mut step = message(from, "bob", number);
            step.row.thread_id = thread("alice", "bob").id;
            step.row.sender_device_id = DeviceId::new(2).unwrap();
            done(storage.accept_message(step.clone()));
            done(storage.queue(source(&step), NOW));
        }
        let bob = name("bob", 1);
        assert_eq!(
            delivered(&acknowledge(storage, &bob, &[1, 3], 10)),
            [Some(1)]
        );
        assert_eq!(delivered(&acknowledge(storage, &bob, &[2], 11)), [Some(3)]);
    });
    on_every_engine(|storage| {
        open(storage, "bob");
        done(storage.create_thread(ThreadRecord {
            participants: vec![user("bob")],
            ..thread("bob", "bob")
        }));
        let step = message("bob", "bob", 1);
        done(storage.accept_message(step.clone()));
        done(storage.queue(source(&step), NOW));
        assert!(acknowledge(storage, &name("bob", 1), &[1], 10).is_empty());
    });
}

#[test]
fn one_write_raises_read_and_delivered_and_neither_falls() {
    on_every_engine(|storage| {
        done(storage.create_thread(thread("alice", "bob")));
        let mark = done(storage.raise_read(read(5, true, 10))).unwrap().mark;
        let five = Some(Reached {
            up_to: MessageId::from_u128(5),
            at: Timestamp(10),
        });
        assert_eq!(
            (mark.delivered, mark.read, mark.shown_read),
            (five, five, five)
        );
        assert_eq!(done(storage.raise_read(read(4, true, 11))), None);
        assert_eq!(done(storage.raise_read(read(5, true, 11))), None);
        assert_eq!(done(storage.marks(thread("alice", "bob").id)), [mark]);
    });
}

#[test]
fn a_move_that_was_not_shown_is_not_shown_by_a_later_one_below_it() {
    on_every_engine(|storage| {
        done(storage.create_thread(thread("alice", "bob")));
        done(storage.raise_read(read(3, true, 10)));
        let hidden = done(storage.raise_read(read(7, false, 11))).unwrap().mark;
        assert_eq!(hidden.shown_read.unwrap().up_to, MessageId::from_u128(3));
        assert_eq!(hidden.read.unwrap().up_to, MessageId::from_u128(7));
        let shown = done(storage.raise_read(read(5, true, 12))).unwrap().mark;
        assert_eq!(shown.shown_read.unwrap().up_to, MessageId::from_u128(5));
        assert_eq!(shown.read.unwrap().up_to, MessageId::from_u128(7));
        // The seventh is delivered with the hidden move; the sixth was never shown as read.
        let moves = done(storage.first_moves(thread("alice", "bob").id, MessageId::from_u128(6)));
        assert_eq!(
            (
                moves[0].delivered_at,
                moves[0].read_at,
                moves[0].shown_read_at
            ),
            (Some(Timestamp(11)), Some(Timestamp(11)), None)
        );
    });
}

#[test]
fn the_time_of_a_receipt_is_that_of_the_first_move_that_covers_the_message() {
    on_every_engine(|storage| {
        open(storage, "bob");
        done(storage.create_thread(thread("alice", "bob")));
        send(storage, 1..=4);
        let bob = name("bob", 1);
        acknowledge(storage, &bob, &[1], 10);
        acknowledge(storage, &bob, &[2, 3], 20);
        acknowledge(storage, &bob, &[4], 30);
        done(storage.raise_read(read(3, true, 40)));
        let at = |number: u128| {
            let id = MessageId::from_u128(number);
            let moves = done(storage.first_moves(thread("alice", "bob").id, id));
            (
                moves[0].delivered_at.map(|at| at.0),
                moves[0].shown_read_at.map(|at| at.0),
            )
        };
        assert_eq!(at(1), (Some(10), Some(40)));
        assert_eq!(at(2), (Some(20), Some(40)));
        assert_eq!(at(3), (Some(20), Some(40)));
        assert_eq!(at(4), (Some(30), None));
        assert_eq!(at(5), (None, None));
    });
}

#[test]
fn of_many_moves_each_keeps_its_time() {
    on_every_engine(|storage| {
        open(storage, "bob");
        done(storage.create_thread(thread("alice", "bob")));
        send(storage, 1..=30);
        let bob = name("bob", 1);
        for number in 1..=30_u64 {
            acknowledge(storage, &bob, &[number], 100 + number);
            if number % 7 == 0 {
                done(storage.raise_read(read(number, true, 200 + number)));
            }
        }
        for number in 1..=30_u64 {
            let id = MessageId::from_u128(number.into());
            let moves = done(storage.first_moves(thread("alice", "bob").id, id));
            let read = number.div_ceil(7) * 7;
            assert_eq!(moves[0].delivered_at, Some(Timestamp(100 + number)));
            assert_eq!(
                moves[0].shown_read_at,
                (read <= 28).then_some(Timestamp(200 + read))
            );
        }
    });
}

#[test]
fn changed_marks_come_once_each_and_hidden_moves_to_their_own_user_alone() {
    on_every_engine(|storage| {
        for other in ["bob", "carol", "dave"] {
            done(storage.create_thread(thread("alice", other)));
        }
        let raise = |of: &str, number: u64, shown| RaiseRead {
            thread_id: thread("alice", of).id,
            user_id: user(of),
            ..read(number, shown, 10)
        };
        for of in ["bob", "carol", "dave"] {
            done(storage.raise_read(raise(of, 1, true)));
        }
        done(storage.raise_read(raise("bob", 2, true)));
        let alice = |after| done(storage.marks_changed(user("alice"), after, 2));
        let first = alice(0);
        assert!(first.has_more);
        let second = alice(first.up_to);
        assert!(!second.has_more);
        let of = |page: &ChangedMarks| {
            let users = page.marks.iter().map(|(_, mark)| mark.user_id.to_string());
            users.collect::<Vec<_>>()
        };
        assert_eq!(
            (of(&first), of(&second)),
            (
                vec!["carol".to_owned(), "dave".to_owned()],
                vec!["bob".to_owned()]
            )
        );
        // What nobody else may know of moves nothing for them.
        done(storage.raise_read(raise("bob", 3, false)));
        done(storage.raise_read(raise("bob", 4, false)));
        let bobs = done(storage.marks_changed(user("bob"), second.up_to, 9));
        assert_eq!(bobs.marks[0].1.read.unwrap().up_to, MessageId::from_u128(4));
        let hidden = alice(second.up_to);
        assert_eq!(hidden.marks.len(), 1, "delivered rose with it");
        assert_eq!(
            hidden.marks[0].1.shown_read.unwrap().up_to,
            MessageId::from_u128(2)
        );
        // A number of the future is no reason to miss anything.
        assert_eq!(alice(u64::MAX / 2).marks.len(), 2);
    });
}
