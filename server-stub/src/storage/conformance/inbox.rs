//! The inbox.

use super::*;
use proptest::prelude::*;
use sealwire_wire::contract::{Notifications, ThreadPreferences};

fn inbox(storage: &dyn Storage, of: &str) -> Vec<InboxRecord> {
    done(storage.inbox(user(of), None, 100))
}

fn read(storage: &dyn Storage, of: &str, number: u64) {
    done(storage.raise_read(RaiseRead {
        thread_id: thread("alice", "bob").id,
        user_id: user(of),
        up_to: MessageId::from_u128(number.into()),
        shown: true,
        at: NOW,
    }));
}

#[derive(Debug, Clone, Copy)]
enum Step {
    Send(bool, MessageKind),
    Read(bool, u64),
    Expire(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let kind = prop_oneof![Just(MessageKind::Message), Just(MessageKind::Reaction)];
    let step = prop_oneof![
        (any::<bool>(), kind).prop_map(|(alice, kind)| Step::Send(alice, kind)),
        (any::<bool>(), 0..30_u64).prop_map(|(alice, number)| Step::Read(alice, number)),
        (0..30_u64).prop_map(Step::Expire),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The engine in memory counts anew each time.
    #[test]
    fn unread_counts_equal_a_recount(steps in steps()) {
        let counts = std::cell::RefCell::new(BTreeSet::new());
        on_every_engine(|storage| {
            done(storage.create_thread(thread("alice", "bob")));
            let mut last = 0;
            let mut seen = Vec::new();
            for step in &steps {
                match *step {
                    Step::Send(alice, kind) => {
                        last += 1;
                        let (from, to) = if alice { ("alice", "bob") } else { ("bob", "alice") };
                        let mut step = message(from, to, last);
                        step.row.kind = kind;
                        done(storage.accept_message(step));
                    }
                    Step::Read(alice, number) if number <= last && number > 0 => {
                        read(storage, if alice { "alice" } else { "bob" }, number);
                    }
                    Step::Expire(number) => {
                        let id = MessageId::from_u128(number.into());
                        done(storage.expire_message(thread("alice", "bob").id, id, LATER));
                    }
                    Step::Read(..) => {}
                }
                seen.push(["alice", "bob"].map(|of| {
                    let record = inbox(storage, of).remove(0);
                    (record.unread, record.last_message)
                }));
            }
            counts.borrow_mut().insert(seen);
        });
        prop_assert_eq!(counts.into_inner().len(), 1);
    }
}

#[test]
fn threads_come_newest_first_and_reactions_move_none() {
    on_every_engine(|storage| {
        for (number, other) in [(1, "bob"), (2, "carol"), (3, "dave")] {
            done(storage.create_thread(thread("alice", other)));
            let mut step = message("alice", other, number);
            step.row.id = MessageId::from_u128(u128::from(number) << 90);
            done(storage.accept_message(step));
        }
        let mut reaction = message("bob", "alice", 4);
        reaction.row.id = MessageId::from_u128(9 << 90);
        reaction.row.kind = MessageKind::Reaction;
        assert_eq!(done(storage.accept_message(reaction)), Accepted::Accepted);
        done(storage.create_thread(ThreadRecord {
            created_at: Timestamp(0),
            ..thread("alice", "erin")
        }));
        let others = |records: Vec<InboxRecord>| {
            let names = records.into_iter().map(|record| {
                let others = record.thread.participants.into_iter();
                others
                    .map(|user| user.to_string())
                    .find(|user| user != "alice")
                    .unwrap()
            });
            names.collect::<Vec<_>>()
        };
        assert_eq!(
            others(inbox(storage, "alice")),
            ["dave", "carol", "bob", "erin"]
        );
        let first = done(storage.inbox(user("alice"), None, 2));
        let place = first[1].place();
        assert_eq!(
            others(done(storage.inbox(user("alice"), Some(place), 9))),
            ["bob", "erin"]
        );
    });
}

#[test]
fn what_a_user_wants_of_a_thread_reaches_every_device_once() {
    on_every_engine(|storage| {
        open(storage, "bob");
        done(storage.create_thread(thread("alice", "bob")));
        let id = thread("alice", "bob").id;
        let mine = |until| ThreadPreferences {
            muted_until: Some(Timestamp(until)),
            notifications: Notifications::Mentions,
        };
        done(storage.put_preferences(id, user("bob"), mine(7)));
        let due = QueueSource::Preferences {
            thread_id: id,
            user_id: user("bob"),
        };
        assert_eq!(done(storage.not_yet_queued()), std::slice::from_ref(&due));
        assert_eq!(done(storage.queue(due.clone(), NOW)), [name("bob", 1)]);
        assert!(done(storage.queue(due.clone(), NOW)).is_empty());
        let entries = done(storage.queue_after(name("bob", 1), 0, 9));
        assert_eq!(
            entries[0].event,
            ServerEvent::Thread {
                thread_id: id,
                mine: Some(mine(7))
            }
        );
        assert_eq!(inbox(storage, "bob")[0].mine, mine(7));
        assert_eq!(
            inbox(storage, "alice")[0].mine,
            ThreadPreferences::default()
        );
        assert!(done(storage.not_yet_queued()).is_empty());
        assert!(
            done(storage.acknowledge(name("bob", 1), vec![entries[0].position], NOW)).is_empty()
        );
    });
}

#[test]
fn a_new_device_is_told_what_its_user_wants_of_threads() {
    on_every_engine(|storage| {
        open(storage, "bob");
        done(storage.create_thread(thread("alice", "bob")));
        let id = thread("alice", "bob").id;
        let mine = ThreadPreferences {
            muted_until: None,
            notifications: Notifications::None,
        };
        done(storage.put_preferences(id, user("bob"), mine));
        let due = QueueSource::Preferences {
            thread_id: id,
            user_id: user("bob"),
        };
        done(storage.queue(due, NOW));
        let second = done(storage.reserve_device_id(user("bob"))).unwrap();
        let admitted = done(storage.admit_device(admit("bob", second.get(), 1)));
        assert_eq!(admitted, Admitted::Admitted);
        let appended = done(storage.append_list(append("bob", 2, &[1, second.get()])));
        assert_eq!(appended, Appended::Appended);
        let list = |version| QueueSource::List {
            user_id: user("bob"),
            version,
        };
        let told = done(storage.queue(list(2), NOW));
        assert_eq!(told, [name("bob", 1), name("bob", second.get())]);
        let preferred = |device: u32| {
            let entries = done(storage.queue_after(name("bob", device), 0, 9));
            let said = entries.into_iter().filter(|entry| {
                let mine = Some(mine);
                entry.event
                    == ServerEvent::Thread {
                        thread_id: id,
                        mine,
                    }
            });
            said.count()
        };
        assert_eq!(preferred(second.get()), 1);
        // A list without a new device tells nothing of it.
        let before = preferred(1);
        done(storage.append_list(append("bob", 3, &[1, second.get()])));
        done(storage.queue(list(3), NOW));
        assert_eq!(preferred(1), before);
        assert!(done(storage.not_yet_queued()).is_empty());
    });
}
