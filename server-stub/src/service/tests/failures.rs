use super::world::{key, run};
use super::{Account, World, on_both_engines, refused};
use crate::service::{Answer, HistoryQuery, MarksCursor, QueuePosition, Rules, Wake, Woken};
use crate::storage::sqlite::{SqliteOptions, Threading};
use sealwire_wire::contract::{
    DeviceName, ErrorCode, FailedRecipient, FailureReason, MessageRow, RecipientState,
    RemovalReason, SendMessage, SentMessage, ServerEvent,
};
use sealwire_wire::{MessageId, ThreadId};

const MINUTE_MS: u64 = 60_000;
const DAY_MS: u64 = 24 * 60 * MINUTE_MS;

fn pair(world: &World) -> (Account, Account, ThreadId) {
    let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
    let thread = ThreadId::direct(&alice.user, &bob.user);
    (alice, bob, thread)
}

/// A message of Alice's with a minute to live.
fn short_lived(world: &World, alice: &Account, bob: &Account) -> SendMessage {
    let mut message = world.message(&alice.name(1), &bob.user, 1, "soon gone");
    message.ttl_seconds = Some(60);
    message
}

fn send(
    world: &World,
    alice: &Account,
    bob: &Account,
    message: &SendMessage,
) -> Answer<Woken<SentMessage>> {
    let thread = ThreadId::direct(&alice.user, &bob.user);
    run(world
        .service
        .send(&alice.name(1), thread, &key("k"), message))
}

fn events(world: &World, device: &DeviceName) -> Vec<ServerEvent> {
    let page = run(world
        .service
        .queue_page(device, QueuePosition::default(), 100))
    .unwrap();
    page.entries.into_iter().map(|entry| entry.event).collect()
}

fn acknowledge_all(world: &World, device: &DeviceName) {
    let page = run(world
        .service
        .queue_page(device, QueuePosition::default(), 100))
    .unwrap();
    let positions: Vec<_> = page.entries.iter().map(|entry| entry.position).collect();
    run(world.service.acknowledge(device, &positions)).unwrap();
}

fn row(world: &World, device: &DeviceName, id: MessageId) -> MessageRow {
    run(world.service.message(device, id)).unwrap()
}

fn state(
    world: &World,
    device: &DeviceName,
    id: MessageId,
) -> (RecipientState, Option<FailureReason>) {
    let receipts = run(world.service.receipts(device, id)).unwrap();
    let receipt = &receipts.recipients[0];
    assert_eq!(receipt.failed_at.is_some(), receipt.reason.is_some());
    (receipt.state, receipt.reason)
}

/// Whether nothing is there but the tombstone of a message that ended unfetched.
fn is_gone(events: &[ServerEvent]) -> bool {
    let [ServerEvent::Msg { message }] = events else {
        return false;
    };
    message.removed.is_some() && message.ciphertext.0.is_empty() && message.envelope.is_none()
}

fn failed_live(wake: &Wake) -> Vec<FailedRecipient> {
    let marks = wake.live.iter().filter_map(|live| match &live.event {
        ServerEvent::Marks { marks } => Some(marks.failed.clone()),
        _ => None,
    });
    marks.flatten().collect()
}

fn failed_at_catch_up(world: &World, device: &DeviceName) -> Vec<FailedRecipient> {
    let page = run(world.service.marks_after(device, MarksCursor::default())).unwrap();
    page.threads
        .into_iter()
        .flat_map(|thread| thread.failed)
        .collect()
}

#[test]
fn a_message_whose_time_is_over_leaves_a_tombstone_for_ever() {
    on_both_engines(|world| {
        let (alice, bob, thread) = pair(&world);
        let message = short_lived(&world, &alice, &bob);
        let sent = send(&world, &alice, &bob, &message).unwrap().answer;
        let before = row(&world, &bob.name(1), sent.id);
        let since = |since| {
            let query = HistoryQuery::Changed { since };
            run(world.service.history(&bob.name(1), thread, &query, None)).unwrap()
        };
        let cursor = since(None).next_cursor;
        world.pass_ms(MINUTE_MS - 1);
        assert_eq!(
            run(world.service.expire_messages()).unwrap(),
            Wake::default()
        );
        world.pass_ms(1);
        let wake = run(world.service.expire_messages()).unwrap();
        let page = since(cursor);
        assert_eq!(page.messages.len(), 1, "the change is there to be seen");
        let after = page.messages[0].clone();
        assert!(after.ciphertext.0.is_empty() && after.envelope.is_none());
        let removed = after.removed.unwrap();
        assert_eq!(
            (removed.reason, removed.at.0),
            (RemovalReason::Expired, world.clock_ms())
        );
        let kept = MessageRow {
            ciphertext: after.ciphertext.clone(),
            envelope: None,
            removed: after.removed,
            ..before
        };
        assert_eq!(
            after, kept,
            "id, number, commitment and stamp are what they were"
        );
        // It reached nobody: in its place in the queue stands its tombstone, nobody is told of it now, and the sender learns why.
        let tombstone = ServerEvent::Msg {
            message: Box::new(after.clone()),
        };
        assert_eq!(events(&world, &bob.name(1)), [tombstone]);
        assert!(wake.queues.is_empty());
        let told = failed_live(&wake);
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].message_id, told[0].reason),
            (sent.id, Some(FailureReason::Expired))
        );
        assert_eq!(wake.live[0].to, std::slice::from_ref(&alice.user));
        assert_eq!(failed_at_catch_up(&world, &alice.name(1)), told);
        assert!(failed_at_catch_up(&world, &bob.name(1)).is_empty());
        assert_eq!(
            state(&world, &alice.name(1), sent.id),
            (RecipientState::Failed, Some(FailureReason::Expired))
        );
        // Once.
        assert_eq!(
            run(world.service.expire_messages()).unwrap(),
            Wake::default()
        );
        // The number stays used.
        let other = SendMessage {
            ttl_seconds: None,
            ..message
        };
        assert_eq!(
            refused(send(&world, &alice, &bob, &other)),
            ErrorCode::ClientSeqConflict
        );
    });
}

#[test]
fn devices_that_had_an_expired_message_are_told_and_no_others() {
    on_both_engines(|world| {
        let (alice, mut bob, thread) = pair(&world);
        let behind = world.link(&mut bob);
        for device in [bob.name(1), behind.clone(), alice.name(1)] {
            acknowledge_all(&world, &device);
        }
        let message = short_lived(&world, &alice, &bob);
        let sent = send(&world, &alice, &bob, &message).unwrap().answer;
        acknowledge_all(&world, &bob.name(1));
        world.pass_ms(30_000);
        let later = world.link(&mut bob);
        for device in [bob.name(1), later.clone(), alice.name(1)] {
            acknowledge_all(&world, &device);
        }
        world.pass_ms(MINUTE_MS);
        let wake = run(world.service.expire_messages()).unwrap();
        assert_eq!(wake.queues, [bob.name(1)]);
        let events_of = |device: &DeviceName| {
            let all = events(&world, device).into_iter();
            all.filter(|event| !matches!(event, ServerEvent::Devices { .. }))
                .collect::<Vec<_>>()
        };
        let told = events_of(&bob.name(1));
        let [
            ServerEvent::Del {
                thread_id,
                message_id,
                removed,
            },
        ] = told.as_slice()
        else {
            panic!("{told:?}")
        };
        assert_eq!((*thread_id, *message_id), (thread, sent.id));
        assert_eq!(removed.reason, RemovalReason::Expired);
        for device in [later, alice.name(1)] {
            assert_eq!(events_of(&device), []);
        }
        // One that had not fetched it yet finds in its place that it ended.
        let fetched = events_of(&behind);
        let [ServerEvent::Msg { message }] = fetched.as_slice() else {
            panic!("{fetched:?}")
        };
        assert_eq!((message.id, message.removed), (sent.id, Some(*removed)));
        // It was delivered: nobody failed.
        assert_eq!(
            state(&world, &alice.name(1), sent.id).0,
            RecipientState::Delivered
        );
        acknowledge_all(&world, &bob.name(1));
        assert!(events_of(&bob.name(1)).is_empty());
    });
}

#[test]
fn a_repeat_queues_a_failed_message_anew_under_its_id_and_its_time_runs_again() {
    on_both_engines(|world| {
        let (alice, bob, _) = pair(&world);
        let message = short_lived(&world, &alice, &bob);
        let sent = send(&world, &alice, &bob, &message).unwrap().answer;
        let first = row(&world, &bob.name(1), sent.id);
        world.pass_ms(2 * MINUTE_MS);
        run(world.service.expire_messages()).unwrap();
        let again = send(&world, &alice, &bob, &message).unwrap();
        let requeued_at = again.answer.requeued_at.unwrap();
        assert_eq!(requeued_at.0, world.clock_ms());
        assert_eq!(
            again.answer,
            SentMessage {
                requeued_at: Some(requeued_at),
                ..sent.clone()
            }
        );
        assert_eq!(again.wake.queues, [bob.name(1)]);
        assert_eq!(failed_live(&again.wake)[0].reason, None);
        assert_eq!(
            state(&world, &alice.name(1), sent.id),
            (RecipientState::Sent, None)
        );
        let mut queued = events(&world, &bob.name(1));
        assert!(is_gone(&[queued.remove(0)]), "what stands where it ended");
        let [ServerEvent::Msg { message: framed }] = queued.as_slice() else {
            panic!("{queued:?}")
        };
        assert_eq!(**framed, row(&world, &bob.name(1), sent.id));
        assert_eq!(framed.ciphertext, message.ciphertext);
        assert_eq!(
            (framed.requeued_at, framed.removed),
            (Some(requeued_at), None)
        );
        assert!(framed.envelope.is_some());
        assert_ne!(framed.stamp, first.stamp, "the new time is stamped");
        // A further repeat is one like any other.
        assert_eq!(
            send(&world, &alice, &bob, &message).unwrap().answer,
            again.answer
        );
        assert_eq!(events(&world, &bob.name(1)).len(), 2);
        // From here its minute runs anew, and ends the same way.
        world.pass_ms(MINUTE_MS - 1);
        assert_eq!(
            run(world.service.expire_messages()).unwrap(),
            Wake::default()
        );
        world.pass_ms(1);
        assert_eq!(
            failed_live(&run(world.service.expire_messages()).unwrap()).len(),
            1
        );
        let ended = events(&world, &bob.name(1));
        assert!(ended.len() == 2 && ended.chunks(1).all(is_gone));
        // Once more, and now it is fetched.
        send(&world, &alice, &bob, &message).unwrap();
        acknowledge_all(&world, &bob.name(1));
        assert_eq!(
            state(&world, &alice.name(1), sent.id).0,
            RecipientState::Delivered
        );
        world.pass_ms(MINUTE_MS);
        let wake = run(world.service.expire_messages()).unwrap();
        assert_eq!(
            (wake.queues.as_slice(), failed_live(&wake).len()),
            (&[bob.name(1)][..], 0)
        );
        assert_eq!(
            state(&world, &alice.name(1), sent.id).0,
            RecipientState::Delivered
        );
    });
}

#[test]
fn a_repeat_for_failed_recipients_is_for_their_live_devices() {
    on_both_engines(|world| {
        let (alice, mut bob, _) = pair(&world);
        let message = short_lived(&world, &alice, &bob);
        let sent = send(&world, &alice, &bob, &message).unwrap().answer;
        world.pass_ms(MINUTE_MS);
        run(world.service.expire_messages()).unwrap();
        let second = world.link(&mut bob);
        assert_eq!(
            refused(send(&world, &alice, &bob, &message)),
            ErrorCode::DeviceMismatch
        );
        assert_eq!(
            state(&world, &alice.name(1), sent.id).0,
            RecipientState::Failed
        );
        // Without a single envelope for them it only asks for the first answer.
        let bare = SendMessage {
            envelopes: Vec::new(),
            ..message
        };
        assert_eq!(send(&world, &alice, &bob, &bare).unwrap().answer, sent);
        let fresh = short_lived(&world, &alice, &bob);
        let again = send(&world, &alice, &bob, &fresh).unwrap();
        assert_eq!(again.wake.queues, [bob.name(1), second]);
    });
}

#[test]
fn a_day_after_it_failed_a_repeat_changes_nothing() {
    on_both_engines(|world| {
        let (alice, bob, _) = pair(&world);
        let message = short_lived(&world, &alice, &bob);
        let sent = send(&world, &alice, &bob, &message).unwrap().answer;
        world.pass_ms(MINUTE_MS);
        run(world.service.expire_messages()).unwrap();
        world.pass_ms(DAY_MS);
        assert_eq!(send(&world, &alice, &bob, &message).unwrap().answer, sent);
        assert!(is_gone(&events(&world, &bob.name(1))));
        assert_eq!(
            state(&world, &alice.name(1), sent.id).0,
            RecipientState::Failed
        );
    });
}

#[test]
fn what_a_recipient_has_not_got_fails_when_they_block_its_sender() {
    on_both_engines(|world| {
        let (mut alice, bob, _) = pair(&world);
        let own = world.link(&mut alice);
        let got = world.say(&alice.name(1), &bob.user, 1, "got");
        acknowledge_all(&world, &bob.name(1));
        let waits = world.say(&alice.name(1), &bob.user, 2, "waits");
        let wake = run(world.service.block(&bob.name(1), &alice.user)).unwrap();
        assert_eq!(failed_live(&wake)[0].message_id, waits);
        assert!(events(&world, &bob.name(1)).is_empty());
        assert_eq!(
            state(&world, &alice.name(1), got),
            (RecipientState::Delivered, None)
        );
        assert_eq!(
            state(&world, &alice.name(1), waits),
            (RecipientState::Failed, Some(FailureReason::Blocked))
        );
        // The sender's own devices get theirs, and a repeat goes no further while the block stands.
        let own_events = events(&world, &own).into_iter();
        let messages = own_events.filter(|event| matches!(event, ServerEvent::Msg { .. }));
        assert_eq!(messages.count(), 2);
        let message = world.message(&alice.name(1), &bob.user, 2, "waits");
        let first = send(&world, &alice, &bob, &message).unwrap();
        assert_eq!((first.answer.id, first.answer.requeued_at), (waits, None));
        assert_eq!(
            state(&world, &alice.name(1), waits).0,
            RecipientState::Failed
        );
        run(world.service.unblock(&bob.name(1), &alice.user)).unwrap();
        let again = send(&world, &alice, &bob, &message).unwrap();
        assert_eq!(again.wake.queues, [bob.name(1)]);
        assert_eq!(
            state(&world, &alice.name(1), waits),
            (RecipientState::Sent, None)
        );
        acknowledge_all(&world, &bob.name(1));
        assert_eq!(
            state(&world, &alice.name(1), waits).0,
            RecipientState::Delivered
        );
    });
}

#[test]
fn what_waited_too_long_shows_the_reason_expired() {
    on_both_engines(|world| {
        let (alice, mut bob, _) = pair(&world);
        let second = world.link(&mut bob);
        let got = world.say(&alice.name(1), &bob.user, 1, "got by one");
        acknowledge_all(&world, &second);
        let waits = world.say(&alice.name(1), &bob.user, 2, "got by none");
        world.pass_ms(45 * DAY_MS + 1);
        let swept = run(world.service.sweep()).unwrap();
        let told = failed_live(&swept.wake);
        assert_eq!(told.len(), 1);
        assert_eq!(
            (told[0].message_id, told[0].reason),
            (waits, Some(FailureReason::Expired))
        );
        assert_eq!(
            state(&world, &alice.name(1), got).0,
            RecipientState::Delivered
        );
        assert_eq!(
            state(&world, &alice.name(1), waits).0,
            RecipientState::Failed
        );
        assert_eq!(
            row(&world, &bob.name(1), waits).ciphertext.as_slice(),
            b"got by none",
            "the row stays"
        );
    });
}

#[test]
fn a_deployment_may_keep_queues_for_ever() {
    let rules = Rules {
        queue_ttl_ms: None,
        ..Rules::default()
    };
    let world = World::sqlite().with_rules(rules);
    let (alice, bob, _) = pair(&world);
    let sent = world.say(&alice.name(1), &bob.user, 1, "x");
    world.pass_ms(400 * DAY_MS);
    run(world.service.sweep()).unwrap();
    assert_eq!(events(&world, &bob.name(1)).len(), 1);
    assert_eq!(state(&world, &alice.name(1), sent).0, RecipientState::Sent);
}

#[test]
fn tombstones_and_failures_outlive_a_restart() {
    let world = World::sqlite();
    let (alice, bob, _) = pair(&world);
    let message = short_lived(&world, &alice, &bob);
    let sent = send(&world, &alice, &bob, &message).unwrap().answer;
    world.pass_ms(MINUTE_MS);
    let world = world.restarted(SqliteOptions {
        threading: Threading::Inline,
        ..SqliteOptions::default()
    });
    run(world.service.expire_messages()).unwrap();
    let world = world.restarted(SqliteOptions::default());
    assert!(row(&world, &alice.name(1), sent.id).removed.is_some());
    assert_eq!(
        state(&world, &alice.name(1), sent.id).0,
        RecipientState::Failed
    );
    let again = send(&world, &alice, &bob, &message).unwrap();
    assert_eq!(again.wake.queues, [bob.name(1)]);
}

#[test]
fn a_time_to_live_is_a_second_to_a_year() {
    on_both_engines(|world| {
        let (alice, bob, _) = pair(&world);
        for ttl in [0, 366 * 24 * 60 * 60 + 1, u32::MAX] {
            let mut message = short_lived(&world, &alice, &bob);
            message.ttl_seconds = Some(ttl);
            assert_eq!(
                refused(send(&world, &alice, &bob, &message)),
                ErrorCode::Unprocessable
            );
        }
        let mut message = short_lived(&world, &alice, &bob);
        message.ttl_seconds = Some(366 * 24 * 60 * 60);
        send(&world, &alice, &bob, &message).unwrap();
    });
}
