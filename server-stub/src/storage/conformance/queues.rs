//! Queues.

use super::*;

#[test]
fn queue_entries_derive_once_in_the_threads_order_whoever_comes_first() {
    on_every_engine(|storage| {
        open(storage, "bob");
        done(storage.create_thread(thread("alice", "bob")));
        let steps: Vec<_> = (1..=3)
            .map(|number| message("alice", "bob", number))
            .collect();
        for step in &steps {
            done(storage.accept_message(step.clone()));
        }
        let bob = name("bob", 1);
        assert_eq!(done(storage.not_yet_queued()).len(), 3);
        // The second is derived first, and takes the one before it along.
        assert_eq!(
            done(storage.queue(source(&steps[1]), NOW)),
            std::slice::from_ref(&bob)
        );
        assert!(done(storage.queue(source(&steps[0]), NOW)).is_empty());
        assert!(done(storage.queue(source(&steps[1]), NOW)).is_empty());
        assert_eq!(done(storage.not_yet_queued()), [source(&steps[2])]);
        done(storage.queue(source(&steps[2]), NOW));
        assert_eq!(
            queued(storage, &bob),
            steps.iter().map(|step| step.row.id).collect::<Vec<_>>()
        );
        assert_eq!(done(storage.queue_length(bob.clone())), 3);
        assert_eq!(done(storage.queued_entries()), 3);
        // What was acknowledged does not come back by deriving again.
        let first = done(storage.queue_after(bob.clone(), 0, 1))
            .remove(0)
            .position;
        done(storage.acknowledge(bob.clone(), vec![first, 1_000_000], NOW));
        done(storage.queue(source(&steps[0]), NOW));
        assert_eq!(queued(storage, &bob), [steps[1].row.id, steps[2].row.id]);
        let row = done(storage.message(steps[0].row.thread_id, steps[0].row.id, bob)).unwrap();
        assert_eq!(row.envelope, None);
    });
}

#[test]
fn an_envelope_of_a_device_that_is_gone_is_dropped_and_not_queued() {
    on_every_engine(|storage| {
        done(storage.create_thread(thread("alice", "bob")));
        let step = message("alice", "bob", 1);
        done(storage.accept_message(step.clone()));
        assert!(done(storage.queue(source(&step), NOW)).is_empty());
        let row = done(storage.message(step.row.thread_id, step.row.id, name("bob", 1))).unwrap();
        assert_eq!(row.envelope, None);
    });
}

#[test]
fn reading_on_after_a_position_misses_nothing_that_comes_meanwhile() {
    on_every_engine(|storage| {
        open(storage, "bob");
        let bob = name("bob", 1);
        for from in ["alice", "carol", "dave"] {
            done(storage.create_thread(thread(from, "bob")));
        }
        let (mut after, mut seen) = (0, BTreeSet::new());
        for number in 1..=20 {
            for from in ["alice", "carol", "dave"] {
                let step = message(from, "bob", number);
                done(storage.accept_message(step.clone()));
                done(storage.queue(source(&step), NOW));
            }
            for entry in done(storage.queue_after(bob.clone(), after, 2)) {
                assert!(entry.position > after);
                after = entry.position;
                seen.insert(after);
            }
        }
        seen.extend(
            done(storage.queue_after(bob.clone(), after, 1_000))
                .iter()
                .map(|entry| entry.position),
        );
        assert_eq!(seen.len(), 60);
    });
}

#[test]
fn the_engine_that_shuffles_shuffles() {
    let orders: BTreeSet<Vec<u128>> = (0..8)
        .map(|seed| {
            let storage = Memory::seeded(seed);
            open(&storage, "bob");
            for from in ["alice", "carol"] {
                done(storage.create_thread(thread(from, "bob")));
            }
            for number in 1..=6 {
                let from = if number % 2 == 0 { "alice" } else { "carol" };
                let step = message(from, "bob", number);
                done(storage.accept_message(step.clone()));
                done(storage.queue(source(&step), NOW));
            }
            queued(&storage, &name("bob", 1))
                .into_iter()
                .map(MessageId::as_u128)
                .collect()
        })
        .collect();
    assert!(orders.len() > 1);
}
