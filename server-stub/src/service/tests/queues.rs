use super::world::run;
use super::{on_both_engines, refused};
use crate::service::{QueuePosition, QueuedEvent};
use sealwire_wire::MessageId;
use sealwire_wire::contract::{ErrorCode, ServerEvent};
use std::collections::BTreeMap;

pub(super) fn message_ids(entries: &[QueuedEvent]) -> Vec<MessageId> {
    entries
        .iter()
        .filter_map(|entry| match &entry.event {
            ServerEvent::Msg { message } => Some(message.id),
            _ => None,
        })
        .collect()
}

#[test]
fn every_device_reads_every_message_in_the_order_of_its_thread() {
    on_both_engines(|world| {
        let (alice, bob, carol) = (
            world.open_account("alice"),
            world.open_account("bob"),
            world.open_account("carol"),
        );
        for seq in 0..10 {
            world.say(&alice.name(1), &bob.user, seq, "from alice");
            world.say(&carol.name(1), &bob.user, seq, "from carol");
        }
        let mut by_thread: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut after = QueuePosition(0);
        loop {
            let page = run(world.service.queue_page(&bob.name(1), after, 3)).unwrap();
            for entry in &page.entries {
                assert!(entry.position > after);
                after = entry.position;
                let ServerEvent::Msg { message } = &entry.event else {
                    panic!("{entry:?}")
                };
                assert!(message.envelope.is_some());
                by_thread
                    .entry(message.thread_id)
                    .or_default()
                    .push(message.id);
            }
            if !page.has_more {
                break;
            }
        }
        assert_eq!(
            by_thread.values().map(Vec::len).collect::<Vec<_>>(),
            [10, 10]
        );
        assert!(by_thread.values().all(|ids| ids.is_sorted_by(|a, b| a < b)));
    });
}

#[test]
fn what_is_not_acknowledged_is_read_again_and_the_rest_is_gone() {
    on_both_engines(|world| {
        let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
        for seq in 0..5 {
            world.say(&alice.name(1), &bob.user, seq, "x");
        }
        let read = || {
            run(world
                .service
                .queue_page(&bob.name(1), Default::default(), 100))
            .unwrap()
            .entries
        };
        let all = read();
        let some = [all[0].position, all[3].position, QueuePosition(999_999)];
        run(world.service.acknowledge(&bob.name(1), &some)).unwrap();
        run(world.service.acknowledge(&bob.name(1), &some)).unwrap();
        assert_eq!(
            message_ids(&read()),
            [&all[1], &all[2], &all[4]].map(|entry| message_ids(std::slice::from_ref(entry))[0])
        );
        assert_eq!(run(world.service.queue_length(&bob.name(1))).unwrap(), 3);
    });
}

#[test]
fn nobody_acknowledges_for_another_device() {
    on_both_engines(|world| {
        let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
        let id = world.say(&alice.name(1), &bob.user, 0, "x");
        let entries = run(world
            .service
            .queue_page(&bob.name(1), Default::default(), 1))
        .unwrap()
        .entries;
        run(world
            .service
            .acknowledge(&alice.name(1), &[entries[0].position]))
        .unwrap();
        assert_eq!(run(world.service.queue_length(&bob.name(1))).unwrap(), 1);
        assert!(
            run(world.service.message(&bob.name(1), id))
                .unwrap()
                .envelope
                .is_some()
        );
    });
}

#[test]
fn requests_on_a_queue_are_bounded() {
    on_both_engines(|world| {
        let alice = world.open_account("alice");
        for limit in [0, 101] {
            let page = run(world
                .service
                .queue_page(&alice.name(1), Default::default(), limit));
            assert_eq!(refused(page), ErrorCode::InvalidRequest);
        }
        let many = vec![QueuePosition(1); 1_001];
        assert_eq!(
            refused(run(world.service.acknowledge(&alice.name(1), &many))),
            ErrorCode::Unprocessable
        );
    });
}

#[test]
fn after_45_days_a_queue_says_resync_and_the_row_stays() {
    on_both_engines(|world| {
        let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
        let old = world.say(&alice.name(1), &bob.user, 0, "old");
        let another = world.say(&alice.name(1), &bob.user, 1, "old");
        world.pass_ms(45 * 24 * 60 * 60 * 1000 + 1);
        let new = world.say(&alice.name(1), &bob.user, 2, "new");
        run(world.service.sweep()).unwrap();
        run(world.service.sweep()).unwrap();
        let entries = run(world
            .service
            .queue_page(&bob.name(1), Default::default(), 100))
        .unwrap()
        .entries;
        assert_eq!(message_ids(&entries), [new]);
        let resyncs: Vec<_> = entries
            .iter()
            .filter(|entry| entry.event == ServerEvent::Resync {})
            .collect();
        assert_eq!(resyncs.len(), 1);
        for id in [old, another] {
            assert!(
                run(world.service.message(&bob.name(1), id))
                    .unwrap()
                    .envelope
                    .is_none()
            );
        }
        run(world
            .service
            .acknowledge(&bob.name(1), &[resyncs[0].position]))
        .unwrap();
        assert_eq!(run(world.service.queue_length(&bob.name(1))).unwrap(), 1);
    });
}
