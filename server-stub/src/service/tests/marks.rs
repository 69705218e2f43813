use super::world::run;
use super::{Account, World, on_both_engines, refused};
use crate::service::{MarksCursor, QueuePosition, Wake};
use sealwire_wire::contract::{
    AccountSettings, DeviceName, ErrorCode, Receipt, RecipientState, ServerEvent, UserMarks,
};
use sealwire_wire::{MessageId, ThreadId, UserId};

fn pair(world: &World) -> (Account, Account, ThreadId) {
    let (alice, bob) = (world.open_account("alice"), world.open_account("bob"));
    let thread = ThreadId::direct(&alice.user, &bob.user);
    (alice, bob, thread)
}

/// Acknowledges all that the device has in its queue.
fn acknowledge_all(world: &World, device: &DeviceName) -> Wake {
    let page = run(world
        .service
        .queue_page(device, QueuePosition::default(), 100))
    .unwrap();
    let positions: Vec<_> = page.entries.iter().map(|entry| entry.position).collect();
    run(world.service.acknowledge(device, &positions)).unwrap()
}

fn told<'a>(wake: &'a Wake, user: &UserId) -> Vec<&'a ServerEvent> {
    let told = wake.live.iter().filter(|live| live.to.contains(user));
    told.map(|live| &live.event).collect()
}

fn read(world: &World, device: &DeviceName, thread: ThreadId, up_to: MessageId) -> Wake {
    run(world.service.mark_read(device, thread, up_to)).unwrap()
}

fn receipt(world: &World, device: &DeviceName, message: MessageId) -> Receipt {
    let receipts = run(world.service.receipts(device, message)).unwrap();
    assert_eq!(receipts.recipients.len(), 1);
    receipts.recipients[0].clone()
}

fn receipts_off(world: &World, device: &DeviceName, off: bool) {
    let settings = AccountSettings {
        read_receipts: !off,
        ..AccountSettings::default()
    };
    run(world.service.put_settings(device, settings)).unwrap();
}

fn marks(world: &World, device: &DeviceName) -> Vec<UserMarks> {
    let page = run(world.service.marks_after(device, MarksCursor::default())).unwrap();
    page.threads
        .into_iter()
        .flat_map(|thread| thread.marks)
        .collect()
}

#[test]
fn sent_becomes_delivered_becomes_read_and_never_goes_back() {
    on_both_engines(|world| {
        let (alice, bob, thread) = pair(&world);
        let id = world.say(&alice.name(1), &bob.user, 0, "x");
        let state = || receipt(&world, &alice.name(1), id).state;
        assert_eq!(state(), RecipientState::Sent);
        acknowledge_all(&world, &bob.name(1));
        assert_eq!(state(), RecipientState::Delivered);
        world.pass_ms(10);
        let at = world.clock_ms();
        read(&world, &bob.name(1), thread, id);
        let first = receipt(&world, &alice.name(1), id);
        assert_eq!(
            (first.state, first.read_at.unwrap().0),
            (RecipientState::Read, at)
        );
        let later = world.say(&alice.name(1), &bob.user, 1, "x");
        world.pass_ms(10);
        read(&world, &bob.name(1), thread, later);
        assert!(read(&world, &bob.name(1), thread, id).live.is_empty());
        assert_eq!(receipt(&world, &alice.name(1), id), first);
        assert_eq!(
            receipt(&world, &alice.name(1), later).state,
            RecipientState::Read
        );
    });
}

#[test]
fn read_implies_delivered_in_one_write_and_one_event() {
    on_both_engines(|world| {
        let (alice, bob, thread) = pair(&world);
        let id = world.say(&alice.name(1), &bob.user, 0, "x");
        let wake = read(&world, &bob.name(1), thread, id);
        assert!(matches!(
            told(&wake, &alice.user)[..],
            [ServerEvent::Read { up_to_msg_id, .. }] if *up_to_msg_id == id
        ));
        let receipt = receipt(&world, &alice.name(1), id);
        assert_eq!(receipt.delivered_at, receipt.read_at);
        // What the acknowledgement would have raised stands there already.
        assert!(acknowledge_all(&world, &bob.name(1)).live.is_empty());
    });
}

#[test]
fn one_acknowledgement_of_many_messages_is_one_event_for_everybody_but_the_acknowledging_device() {
    on_both_engines(|world| {
        let (alice, bob, _) = pair(&world);
        let last = (0..10)
            .map(|seq| world.say(&alice.name(1), &bob.user, seq, "x"))
            .last()
            .unwrap();
        let wake = acknowledge_all(&world, &bob.name(1));
        for user in [&alice.user, &bob.user] {
            assert!(matches!(
                told(&wake, user)[..],
                [ServerEvent::Delivered { up_to_msg_id, .. }] if *up_to_msg_id == last
            ));
        }
        assert!(
            wake.live
                .iter()
                .all(|live| live.except == Some(bob.name(1)))
        );
    });
}

#[test]
fn delivered_is_the_first_acknowledgement_by_any_device_of_the_recipient() {
    on_both_engines(|world| {
        let (alice, mut bob, _) = pair(&world);
        let second = world.link(&mut bob);
        let id = world.say(&alice.name(1), &bob.user, 0, "x");
        acknowledge_all(&world, &second);
        let first = receipt(&world, &alice.name(1), id);
        assert_eq!(first.state, RecipientState::Delivered);
        world.pass_ms(5);
        assert!(acknowledge_all(&world, &bob.name(1)).live.is_empty());
        assert_eq!(receipt(&world, &alice.name(1), id), first);
    });
}

#[test]
fn nobody_reads_up_to_a_message_of_another_thread_or_in_a_thread_of_others() {
    on_both_engines(|world| {
        let (alice, bob, thread) = pair(&world);
        let carol = world.open_account("carol");
        let id = world.say(&alice.name(1), &bob.user, 0, "x");
        let elsewhere = world.say(&alice.name(1), &carol.user, 0, "x");
        let answer = |device: &DeviceName, thread, id| {
            refused(run(world.service.mark_read(device, thread, id)))
        };
        assert_eq!(answer(&bob.name(1), thread, elsewhere), ErrorCode::NotFound);
        let unknown = MessageId::from_u128(5);
        assert_eq!(answer(&bob.name(1), thread, unknown), ErrorCode::NotFound);
        assert_eq!(
            answer(&carol.name(1), thread, id),
            ErrorCode::NotAParticipant
        );
        let nowhere = ThreadId::direct(&carol.user, &bob.user);
        assert_eq!(answer(&carol.name(1), nowhere, id), ErrorCode::NotFound);
        let foreign = run(world.service.receipts(&carol.name(1), id));
        assert_eq!(refused(foreign), ErrorCode::NotAParticipant);
    });
}

#[test]
fn with_read_receipts_off_no_read_event_leaves_for_others_and_own_devices_still_follow() {
    on_both_engines(|world| {
        let (alice, bob, thread) = pair(&world);
        let id = world.say(&alice.name(1), &bob.user, 0, "x");
        receipts_off(&world, &bob.name(1), true);
        let wake = read(&world, &bob.name(1), thread, id);
        assert!(matches!(
            told(&wake, &alice.user)[..],
            [ServerEvent::Delivered { .. }]
        ));
        assert!(matches!(
            told(&wake, &bob.user)[..],
            [ServerEvent::Read { .. }]
        ));
        assert_eq!(
            receipt(&world, &alice.name(1), id).state,
            RecipientState::Delivered
        );
        assert_eq!(
            receipt(&world, &bob.name(1), id).state,
            RecipientState::Read
        );
        assert_eq!(marks(&world, &alice.name(1))[0].read_up_to, None);
        assert_eq!(marks(&world, &bob.name(1))[0].read_up_to, Some(id));
    });
}

#[test]
fn with_read_receipts_off_none_of_others_is_shown_either() {
    on_both_engines(|world| {
        let (alice, bob, thread) = pair(&world);
        let id = world.say(&alice.name(1), &bob.user, 0, "x");
        acknowledge_all(&world, &bob.name(1));
        receipts_off(&world, &alice.name(1), true);
        let wake = read(&world, &bob.name(1), thread, id);
        assert_eq!(told(&wake, &alice.user), Vec::<&ServerEvent>::new());
        let seen = receipt(&world, &alice.name(1), id);
        assert_eq!(
            (seen.state, seen.read_at),
            (RecipientState::Delivered, None)
        );
        assert_eq!(marks(&world, &alice.name(1))[0].read_up_to, None);
    });
}

#[test]
fn what_was_read_while_receipts_were_off_never_shows_later() {
    on_both_engines(|world| {
        let (alice, bob, thread) = pair(&world);
        let ids: Vec<_> = (0..3)
            .map(|seq| world.say(&alice.name(1), &bob.user, seq, "x"))
            .collect();
        read(&world, &bob.name(1), thread, ids[0]);
        receipts_off(&world, &bob.name(1), true);
        read(&world, &bob.name(1), thread, ids[2]);
        receipts_off(&world, &bob.name(1), false);
        let states = || {
            ids.iter()
                .map(|id| receipt(&world, &alice.name(1), *id).state)
                .collect::<Vec<_>>()
        };
        use RecipientState::{Delivered, Read};
        assert_eq!(states(), [Read, Delivered, Delivered]);
        assert_eq!(marks(&world, &alice.name(1))[0].read_up_to, Some(ids[0]));
        let shown = read(&world, &bob.name(1), thread, ids[1]);
        assert!(matches!(
            told(&shown, &alice.user)[..],
            [ServerEvent::Read { up_to_msg_id, .. }] if *up_to_msg_id == ids[1]
        ));
        assert_eq!(states(), [Read, Read, Delivered]);
    });
}

#[test]
fn a_hidden_read_is_not_betrayed_by_a_version() {
    on_both_engines(|world| {
        let (alice, bob, thread) = pair(&world);
        let first = world.say(&alice.name(1), &bob.user, 0, "x");
        let second = world.say(&alice.name(1), &bob.user, 1, "x");
        acknowledge_all(&world, &bob.name(1));
        receipts_off(&world, &bob.name(1), true);
        let before = marks(&world, &alice.name(1));
        read(&world, &bob.name(1), thread, first);
        read(&world, &bob.name(1), thread, second);
        assert_eq!(marks(&world, &alice.name(1)), before);
    });
}

#[test]
fn a_catch_up_of_marks_tells_those_that_moved_since_and_a_cursor_fits_its_user_alone() {
    on_both_engines(|world| {
        let (alice, bob, thread) = pair(&world);
        let id = world.say(&alice.name(1), &bob.user, 0, "x");
        acknowledge_all(&world, &bob.name(1));
        let page = run(world
            .service
            .marks_after(&alice.name(1), MarksCursor::default()))
        .unwrap();
        assert_eq!((page.threads.len(), page.has_more), (1, false));
        let text = world
            .service
            .write_marks_cursor(&alice.user, page.cursor)
            .unwrap();
        let since = world
            .service
            .marks_cursor(&alice.user, Some(&text))
            .unwrap();
        let page = run(world.service.marks_after(&alice.name(1), since)).unwrap();
        assert!(page.threads.is_empty());
        read(&world, &bob.name(1), thread, id);
        let page = run(world.service.marks_after(&alice.name(1), since)).unwrap();
        assert_eq!(page.threads[0].marks[0].read_up_to, Some(id));
        for wrong in ["x", "AAAA", &text[1..]] {
            let answer = world.service.marks_cursor(&alice.user, Some(wrong));
            assert_eq!(refused(answer), ErrorCode::InvalidCursor);
        }
        let foreign = world.service.marks_cursor(&bob.user, Some(&text));
        assert_eq!(refused(foreign), ErrorCode::InvalidCursor);
    });
}
