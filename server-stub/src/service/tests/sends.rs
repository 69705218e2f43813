use super::world::{envelope, key, run};
use super::{World, on_both_engines, refused};
use sealwire_wire::contract::{CreateThread, DeviceName, ErrorCode, MessageKind, SendMessage};
use sealwire_wire::{Base64, ClientSeq, DeviceId, ThreadId};

/// Alice with two devices, Bob with one.
fn people(world: &World) -> (DeviceName, DeviceName, DeviceName, ThreadId) {
    let mut alice = world.open_account("alice");
    let bob = world.open_account("bob");
    let second = world.link(&mut alice);
    (
        alice.name(1),
        second,
        bob.name(1),
        ThreadId::direct(&alice.user, &bob.user),
    )
}

#[test]
fn a_first_message_makes_its_thread_and_wakes_every_other_device() {
    on_both_engines(|world| {
        let (alice, second, bob, thread) = people(&world);
        let message = world.message(&alice, &bob.user_id, 1, "hi");
        let sent = run(world.service.send(&alice, thread, &key("k"), &message)).unwrap();
        assert_eq!(sent.wake.queues, [second, bob.clone()]);
        assert_eq!(sent.answer.sender_device_id, alice.device_id);
        assert_eq!(
            run(world.service.thread(&bob, thread))
                .unwrap()
                .participants
                .len(),
            2
        );
    });
}

#[test]
fn a_refused_first_send_leaves_no_thread() {
    on_both_engines(|world| {
        let (alice, _, bob, thread) = people(&world);
        let is_there = || run(world.service.thread(&bob, thread)).is_ok();
        let send = |under: &str, message: &SendMessage| {
            run(world.service.send(&alice, thread, &key(under), message))
        };
        run(world.service.void_send(&alice, thread, ClientSeq(1))).unwrap();
        let message = world.message(&alice, &bob.user_id, 1, "cancelled");
        let code = refused(send("one", &message));
        assert_eq!((code, is_there()), (ErrorCode::ClientSeqVoid, false));
        let own = ThreadId::direct(&alice.user_id, &alice.user_id);
        let note = world.message(&alice, &alice.user_id, 2, "note");
        run(world.service.send(&alice, own, &key("two"), &note)).unwrap();
        let message = world.message(&alice, &bob.user_id, 2, "hi");
        let code = refused(send("two", &message));
        assert_eq!((code, is_there()), (ErrorCode::IdempotencyKeyReused, false));
        send("three", &message).unwrap();
        assert!(is_there());
    });
}

#[test]
fn a_thread_with_oneself_is_one() {
    on_both_engines(|world| {
        let (alice, second, _, _) = people(&world);
        let own = ThreadId::direct(&alice.user_id, &alice.user_id);
        let message = world.message(&alice, &alice.user_id, 1, "note");
        let sent = run(world.service.send(&alice, own, &key("k"), &message)).unwrap();
        assert_eq!(sent.wake.queues, [second]);
    });
}

#[test]
fn a_thread_id_of_other_users_is_refused() {
    on_both_engines(|world| {
        let (alice, _, bob, thread) = people(&world);
        let carol = world.open_account("carol");
        let mut message = world.message(&alice, &bob.user_id, 1, "hi");
        let other = ThreadId::direct(&alice.user_id, &carol.user);
        assert_eq!(
            refused(run(world.service.send(&alice, other, &key("k"), &message))),
            ErrorCode::ThreadIdMismatch
        );
        message.to = None;
        assert_eq!(
            refused(run(world.service.send(&alice, thread, &key("k"), &message))),
            ErrorCode::NotFound
        );
        message.to = Some("nobody".parse().unwrap());
        let nobody = ThreadId::direct(&alice.user_id, message.to.as_ref().unwrap());
        assert_eq!(
            refused(run(world.service.send(&alice, nobody, &key("k"), &message))),
            ErrorCode::UserUnknown
        );
    });
}

#[test]
fn strangers_neither_write_nor_read() {
    on_both_engines(|world| {
        let (alice, _, bob, thread) = people(&world);
        let carol = world.open_account("carol");
        let id = world.say(&alice, &bob.user_id, 1, "hi");
        let mut message = world.message(&carol.name(1), &bob.user_id, 1, "hi");
        message.to = None;
        let send = run(world
            .service
            .send(&carol.name(1), thread, &key("k"), &message));
        assert_eq!(refused(send), ErrorCode::NotAParticipant);
        assert_eq!(
            refused(run(world.service.thread(&carol.name(1), thread))),
            ErrorCode::NotAParticipant
        );
        assert_eq!(
            refused(run(world.service.message(&carol.name(1), id))),
            ErrorCode::NotAParticipant
        );
        let made = run(world.service.create_thread(
            &bob,
            &CreateThread {
                to: alice.user_id.clone(),
            },
        ))
        .unwrap();
        assert!(!made.created);
        assert_eq!(made.thread.id, thread);
    });
}

#[test]
fn the_idempotency_matrix() {
    on_both_engines(|world| {
        let (alice, _, bob, thread) = people(&world);
        let send = |key_text: &str, seq: u64, text: &str| {
            let message = world.message(&alice, &bob.user_id, seq, text);
            run(world.service.send(&alice, thread, &key(key_text), &message))
                .map(|sent| sent.answer)
        };
        let first = send("a", 1, "one").unwrap();
        assert_eq!(
            send("a", 1, "one").unwrap(),
            first,
            "same key, number and content"
        );
        assert_eq!(send("b", 1, "one").unwrap(), first, "another key");
        assert_eq!(
            refused(send("a", 1, "two")),
            ErrorCode::ClientSeqConflict,
            "another content"
        );
        assert_eq!(
            refused(send("c", 1, "two")),
            ErrorCode::ClientSeqConflict,
            "another content and key"
        );
        assert_eq!(
            refused(send("a", 2, "two")),
            ErrorCode::IdempotencyKeyReused,
            "another number under the key"
        );
        assert_eq!(
            refused(send("b", 2, "two")),
            ErrorCode::IdempotencyKeyReused,
            "also under a key of a repeat"
        );
        // Refusals are not kept: c is free.
        assert_ne!(send("c", 2, "two").unwrap().id, first.id);
        // A gap, and a late one.
        send("d", 9, "nine").unwrap();
        send("e", 4, "four").unwrap();
        assert_eq!(
            run(world.service.queue_length(&bob)).unwrap(),
            4,
            "one entry for each message"
        );
        // After a day the key is free, the number never is.
        world.pass_ms(24 * 60 * 60 * 1000);
        assert_eq!(send("z", 1, "one").unwrap(), first);
        send("a", 10, "ten").unwrap();
    });
}

#[test]
fn a_repeat_is_answered_whatever_envelopes_it_brings() {
    on_both_engines(|world| {
        let (alice, _, bob, thread) = people(&world);
        let mut message = world.message(&alice, &bob.user_id, 1, "one");
        let first = run(world.service.send(&alice, thread, &key("a"), &message))
            .unwrap()
            .answer;
        // A device came in between, and the envelopes were lost.
        message.envelopes.clear();
        message.device_list_versions.insert(bob.user_id.clone(), 7);
        assert_eq!(
            run(world.service.send(&alice, thread, &key("a"), &message))
                .unwrap()
                .answer,
            first
        );
        message.ttl_seconds = Some(60);
        let other = run(world.service.send(&alice, thread, &key("a"), &message));
        assert_eq!(refused(other), ErrorCode::ClientSeqConflict);
    });
}

#[test]
fn two_devices_count_apart() {
    on_both_engines(|world| {
        let (alice, second, bob, _) = people(&world);
        assert_ne!(
            world.say(&alice, &bob.user_id, 1, "one"),
            world.say(&second, &bob.user_id, 1, "other")
        );
    });
}

#[test]
fn envelopes_that_do_not_match_the_live_devices_store_nothing() {
    on_both_engines(|world| {
        let (alice, second, bob, thread) = people(&world);
        let good = world.message(&alice, &bob.user_id, 1, "hi");
        let gone = DeviceName {
            device_id: DeviceId::new(9).unwrap(),
            ..bob.clone()
        };
        let mut bad = good.clone();
        bad.envelopes
            .retain(|envelope| envelope.user_id == bob.user_id);
        bad.envelopes[0].registration_id += 1;
        bad.envelopes.push(envelope(&gone, 5, "hi"));
        let refusal = run(world.service.send(&alice, thread, &key("k"), &bad)).unwrap_err();
        assert_eq!(refusal.code(), ErrorCode::DeviceMismatch);
        let mismatch = refusal.into_problem().device_mismatch.unwrap();
        assert_eq!(
            (mismatch.missing, mismatch.extra, mismatch.stale),
            (vec![second], vec![gone], vec![bob.clone()])
        );
        // Not even the thread was made.
        assert_eq!(
            refused(run(world.service.thread(&bob, thread))),
            ErrorCode::NotFound
        );
        // One for the sending device itself is one too many.
        let mut own = good.clone();
        own.envelopes.push(envelope(&alice, 1_001, "hi"));
        assert_eq!(
            refused(run(world.service.send(&alice, thread, &key("k"), &own))),
            ErrorCode::DeviceMismatch
        );
        run(world.service.send(&alice, thread, &key("k"), &good)).unwrap();
    });
}

#[test]
fn what_is_out_of_bounds_is_refused_with_its_code() {
    on_both_engines(|world| {
        let (alice, _, bob, thread) = people(&world);
        let good = world.message(&alice, &bob.user_id, 1, "hi");
        let with = |change: &dyn Fn(&mut SendMessage)| {
            let mut message = good.clone();
            change(&mut message);
            refused(run(world.service.send(&alice, thread, &key("k"), &message)))
        };
        assert_eq!(
            with(&|m| m.ciphertext = Base64(vec![1; 64 * 1024 + 1])),
            ErrorCode::TooLarge
        );
        assert_eq!(
            with(&|m| m.envelopes[0].body = Base64(vec![1; 4097])),
            ErrorCode::TooLarge
        );
        assert_eq!(
            with(&|m| m.envelopes = vec![m.envelopes[0].clone(); 2501]),
            ErrorCode::TooLarge
        );
        for code in [
            with(&|m| m.ciphertext = Base64(vec![])),
            with(&|m| m.envelopes[0].body = Base64(vec![])),
            with(&|m| m.envelopes.push(m.envelopes[0].clone())),
            with(&|m| m.kind = MessageKind::Reaction),
            with(&|m| m.ttl_seconds = Some(0)),
            with(&|m| m.attachment_ids = vec!["missing".parse().unwrap()]),
            with(&|m| m.attachment_ids = vec!["missing".parse().unwrap(); 33]),
        ] {
            assert_eq!(code, ErrorCode::Unprocessable);
        }
        let mut largest = good.clone();
        largest.ciphertext = Base64(vec![1; 64 * 1024]);
        largest.client_seq = ClientSeq(u64::MAX);
        run(world.service.send(&alice, thread, &key("k"), &largest)).unwrap();
    });
}

#[test]
fn ids_and_times_rise_in_a_thread_though_the_clock_steps_back() {
    on_both_engines(|world| {
        let (alice, _, bob, thread) = people(&world);
        let mut ids = Vec::new();
        for seq in 0..20 {
            ids.push(world.say(&alice, &bob.user_id, seq, "x"));
            if seq % 3 == 0 {
                world.step_back_ms(60_000)
            } else {
                world.pass_ms(10)
            }
        }
        assert!(ids.is_sorted_by(|a, b| a < b));
        let query = crate::service::HistoryQuery::Changed { since: None };
        let page = run(world.service.history(&bob, thread, &query, None)).unwrap();
        assert!(page.messages.is_sorted_by_key(|row| row.created_at));
    });
}

#[test]
fn two_senders_at_once_lose_nothing_and_order_holds_in_every_queue() {
    let world = World::threaded();
    let (alice, second, bob, _) = people(&world);
    std::thread::scope(|scope| {
        for sender in [&alice, &second] {
            let (world, to) = (&world, &bob.user_id);
            scope.spawn(move || {
                for seq in 0..40 {
                    world.say(sender, to, seq, "x");
                }
            });
        }
    });
    let first = run(world.service.queue_page(&bob, Default::default(), 100)).unwrap();
    assert_eq!(first.entries.len(), 80);
    assert!(super::queues::message_ids(&first.entries).is_sorted_by(|a, b| a < b));
}

#[test]
fn a_device_that_is_not_live_sends_nothing() {
    on_both_engines(|world| {
        let (alice, _, bob, thread) = people(&world);
        let message = world.message(&alice, &bob.user_id, 1, "hi");
        let ghost = DeviceName {
            device_id: DeviceId::new(8).unwrap(),
            ..alice
        };
        assert_eq!(
            refused(run(world.service.send(&ghost, thread, &key("k"), &message))),
            ErrorCode::DeviceRevoked
        );
    });
}
